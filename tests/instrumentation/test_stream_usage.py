"""`stream_usage`: streams that did not ask have usage, and the caller sees the same chunks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai._models import FinalRequestOptions
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import pulse_otel
from pulse_otel import observe
from pulse_otel.instrumentation.openai.usage import OPTION, usage_option
from pulse_otel.local.provider.replies import DEFAULT_TEXT, Reply, chat_stream, openai_error
from pulse_otel.local.serving import serving
from tests.conftest import KEY, MESSAGES, Clients
from tests.versions import has

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


def test_an_error_after_the_hidden_chunk_is_the_calls(
    provider: Any, clients: Clients, start: Start
) -> None:
    memory = start("always")
    text = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "One"}}]}
    usage = {**text, "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1}}
    events = (text, usage, {"error": {"message": "overloaded"}})
    chunks = tuple(b"data: %s\n\n" % json.dumps(event).encode() for event in events)
    provider.enqueue(Reply(headers={"content-type": "text/event-stream"}, chunks=chunks))

    with pytest.raises(openai.APIError, match="overloaded"):
        list(observe(clients.openai(), "openai").chat.completions.create(**GPT))

    (span,) = memory.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["gen_ai.usage.input_tokens"] == 7


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


@pytest.fixture
def strict_server() -> Iterator[str]:
    """The base URL of a server of the kind that answers 400 to a field it does not know."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            part = await receive()
            body, more = body + part["body"], part.get("more_body", False)
        refused = "stream_options" in json.loads(body)
        reply = openai_error(400, "stream_options: extra field") if refused else chat_stream()
        kind = b"application/json" if refused else b"text/event-stream"
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"".join(reply.chunks or (reply.body,))})

    with serving(serve) as url:
        yield f"{url}/v1"


def test_a_server_that_refuses_the_option_works_under_auto(
    strict_server: str, clients: Clients, start: Start
) -> None:
    memory = start("auto")

    seen = list(
        observe(clients.openai(base_url=strict_server), "openai").chat.completions.create(**GPT)
    )

    assert "".join(chunk.choices[0].delta.content or "" for chunk in seen) == DEFAULT_TEXT
    (span,) = memory.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert "gen_ai.usage.input_tokens" not in span.attributes


def test_always_is_for_servers_that_accept_the_option(
    strict_server: str, clients: Clients, start: Start
) -> None:
    """As documented: the refusal is the caller's, nothing is tried again, and it is recorded."""
    memory = start("always")
    client = observe(clients.openai(base_url=strict_server), "openai")

    with pytest.raises(openai.BadRequestError, match="extra field"):
        client.chat.completions.create(**GPT)

    (span,) = memory.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("asked", [False, True], ids=["silent", "asked"])
def test_the_stream_helper(provider: Any, clients: Clients, start: Start, asked: bool) -> None:
    """`.stream()` hands every argument on, most of them as "omitted", which says nothing."""
    memory = start("always")
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}

    def run(client: Any) -> tuple[list[str], Any]:
        chat = client.chat if has("openai chat.completions.stream") else client.beta.chat
        with chat.completions.stream(model="gpt-4o-mini", messages=MESSAGES, **options) as stream:
            kinds = [event.type for event in stream]
        return kinds, stream.get_final_completion()

    bare_kinds, bare = run(clients.openai())
    kinds, final = run(observe(clients.openai(), "openai"))

    assert kinds == bare_kinds
    assert final.choices[0].message.content == bare.choices[0].message.content == DEFAULT_TEXT
    assert (final.usage is not None) is (bare.usage is not None) is asked
    assert provider.requests[-1].json()["stream_options"] == {"include_usage": True}
    (span,) = memory.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["gen_ai.usage.input_tokens"] == 120


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
            {"json_data": {"stream": False}},
            False,
        ),
        (
            openai.OpenAI(api_key="k", base_url="https://api.openai.com/v1"),
            {"extra_json": {"stream_options": {}}},
            False,
        ),
        (
            openai.OpenAI(api_key="k", base_url="https://api.openai.com/v1"),
            {"headers": {"X-Stainless-Raw-Response": "true"}},
            True,
        ),
        (
            openai.OpenAI(api_key="k", base_url="https://api.openai.com/v1"),
            {"headers": {"X-Stainless-Raw-Response": "stream"}},
            False,
        ),
    ],
    ids=[
        "openai",
        "regional",
        "other",
        "groq",
        "azure",
        "old azure",
        "plain",
        "body",
        "raw",
        "streaming",
    ],
)
def test_auto(client: Any, extra: dict[str, Any], asked: bool) -> None:
    body = {**GPT, **extra.get("json_data", {})}
    fields = {"method": "post", "url": "/chat/completions", **extra, "json_data": body}
    sent = FinalRequestOptions.construct(**fields)

    assert (usage_option("auto", client, sent) == OPTION) is asked
