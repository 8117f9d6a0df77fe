"""`stream_usage`: streams that did not ask have usage, and the caller sees the same chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import observe
from pulse_otel.instrumentation.openai.usage import ask_for_usage
from tests.conftest import KEY, MESSAGES, Clients

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES, "stream": True}
Start = Callable[[str], InMemorySpanExporter]


@pytest.fixture
def start() -> Iterator[Start]:
    """`init_pulse` with a policy; gives the spans at a user's own exporter."""

    def init(policy: str) -> InMemorySpanExporter:
        memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(memory))
        pulse_otel.init_pulse(
            api_key=KEY, api_url="http://127.0.0.1:9", tracer_provider=provider, stream_usage=policy
        )
        return memory

    yield init
    pulse_otel.shutdown(0)


def test_always_records_usage_and_hides_the_chunk(
    provider: Any, clients: Clients, start: Start
) -> None:
    memory = start("always")
    bare = [chunk.choices[0].delta for chunk in clients.openai().chat.completions.create(**GPT)]

    seen = list(observe(clients.openai(), "openai").chat.completions.create(**GPT))

    assert [chunk.choices[0].delta for chunk in seen] == bare
    assert all(chunk.usage is None for chunk in seen)
    assert provider.requests[-1].json()["stream_options"] == {"include_usage": True}
    (span,) = memory.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["gen_ai.usage.input_tokens"] == 120


def test_always_works_for_async_clients(provider: Any, start: Start) -> None:
    memory = start("always")

    async def main() -> list[Any]:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url) as gpt:
            observe(gpt, "openai")
            return [chunk async for chunk in await gpt.chat.completions.create(**GPT)]

    seen = asyncio.run(main())

    assert all(chunk.choices for chunk in seen)
    (span,) = memory.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["gen_ai.usage.output_tokens"] == 45


def test_a_caller_who_asked_sees_the_chunk(provider: Any, clients: Clients, start: Start) -> None:
    start("always")
    options = {"include_usage": True}

    seen = list(
        observe(clients.openai(), "openai").chat.completions.create(**GPT, stream_options=options)
    )

    assert seen[-1].choices == []
    assert seen[-1].usage.prompt_tokens == 120
    assert options == {"include_usage": True}


@pytest.mark.parametrize("policy", ["auto", "never"])
def test_an_unknown_server_is_left_alone(
    provider: Any, clients: Clients, start: Start, policy: str
) -> None:
    start(policy)

    list(observe(clients.openai(), "openai").chat.completions.create(**GPT))

    assert "stream_options" not in provider.requests[0].json()


AZURE = {"azure_endpoint": "https://x.openai.azure.com", "api_key": "k"}


@pytest.mark.parametrize(
    ("client", "extra", "asked"),
    [
        (openai.OpenAI(api_key="k", base_url="https://api.openai.com/v1"), {}, True),
        (openai.OpenAI(api_key="k", base_url="https://eu.api.openai.com/v1"), {}, True),
        (openai.OpenAI(api_key="k", base_url="https://evilapi.openai.com.example/v1"), {}, False),
        (openai.OpenAI(api_key="k", base_url="https://api.groq.com/openai/v1"), {}, False),
        (openai.AzureOpenAI(api_version="2024-09-01-preview", **AZURE), {}, True),
        (openai.AzureOpenAI(api_version="2024-02-01", **AZURE), {}, False),
        (
            openai.OpenAI(api_key="k", base_url="https://api.openai.com/v1"),
            {"stream": False},
            False,
        ),
        (
            openai.OpenAI(api_key="k", base_url="https://api.openai.com/v1"),
            {"extra_body": {"stream_options": {}}},
            False,
        ),
        (
            openai.OpenAI(api_key="k", base_url="https://api.openai.com/v1"),
            {"extra_headers": {"X-Stainless-Raw-Response": "true"}},
            False,
        ),
    ],
    ids=["openai", "regional", "other", "groq", "azure", "old azure", "plain", "body", "raw"],
)
def test_auto(client: Any, extra: dict[str, Any], asked: bool) -> None:
    kwargs = {**GPT, **extra}

    assert ask_for_usage("auto", client, kwargs) is asked
    assert ("stream_options" in kwargs) is asked
