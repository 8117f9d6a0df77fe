"""Every parameter of a body is recorded, whoever knows it; credentials are masked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from tests.conftest import MESSAGES, Clients

EXTRA: dict[str, Any] = {
    "provider": {"order": ["one"], "allow_fallbacks": False},
    "models": ["fallback"],
    "min_p": 0.1,
    "guided_json": {"type": "object"},
    "chat_template_kwargs": {"enable_thinking": False},
    "usage": {"include": True},
}
CHAT: dict[str, Any] = {"model": "m", "messages": MESSAGES}
CALLS: dict[str, tuple[str, Callable[[Any], Any], dict[str, Any]]] = {
    "chat": ("OpenAI", lambda c: c.chat.completions, CHAT),
    "text": ("OpenAI", lambda c: c.completions, {"model": "m", "prompt": "Hello"}),
    "responses": ("OpenAI", lambda c: c.responses, {"model": "m", "input": "Hello"}),
    "embeddings": ("OpenAI", lambda c: c.embeddings, {"model": "m", "input": "Hello"}),
    "moderations": ("OpenAI", lambda c: c.moderations, {"model": "m", "input": "Hello"}),
    "messages": ("Anthropic", lambda c: c.messages, {**CHAT, "max_tokens": 9}),
}


def _parameters(memory: InMemorySpanExporter) -> Any:
    (span,) = memory.get_finished_spans()
    return json.loads(str((span.attributes or {}).get("pulse.request.parameters", "{}")))


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("api", CALLS)
def test_what_extra_body_adds_is_shown(
    api: str, asynchronous: bool, provider: Any, spans: InMemorySpanExporter
) -> None:
    name, resource, arguments = CALLS[api]
    sdk = name.lower()
    make = getattr({"openai": openai, "anthropic": anthropic}[sdk], "Async" * asynchronous + name)
    url = provider.openai_url if sdk == "openai" else provider.anthropic_url

    async def run() -> None:
        client = observe(make(api_key="k", base_url=url, max_retries=0), sdk)
        result = resource(client).create(**arguments, extra_body=EXTRA)
        if asynchronous:
            await result
        closed = client.close()
        if asynchronous:
            await closed

    asyncio.run(run())

    own = {"input": "Hello"} if api == "embeddings" else {}
    assert _parameters(spans) == {**EXTRA, **own}
    assert provider.requests[0].json().items() >= EXTRA.items()


def test_extra_body_wins_as_in_the_body_that_is_sent(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    create = observe(clients.openai(), "openai").chat.completions.create

    create(**CHAT, temperature=1, extra_body={"temperature": 0.25, "top_k": 40})

    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["gen_ai.request.temperature"] == 0.25
    assert _parameters(spans) == {"top_k": 40}


def test_a_request_without_other_parameters_has_none(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    create = observe(clients.openai(), "openai").chat.completions.create

    create(**CHAT, temperature=1, max_tokens=5, stream=False, n=1)

    assert _parameters(spans) == {}


SECRETS: dict[str, Any] = {
    "api_key": "plainvalue",
    "apiKey": "plainvalue",
    "langfuse_secret_key": "plainvalue",
    "aws_access_key_id": {"aws_secret_access_key": "plainvalue"},
    "headers": {"x-own": "plainvalue"},
    "extra_headers": {"x-own": "plainvalue"},
    "data_sources": [
        {
            "type": "azure_search",
            "parameters": {
                "index_name": "shown",
                "authentication": {"type": "api_key", "key": "plainvalue"},
                "connection_string": "plainvalue",
            },
        }
    ],
    "url": "https://user:plainvalue@host.example/",
    "note": "Bearer plainvalue",
}


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_secrets_are_masked(
    sdk: str, provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    client = observe(getattr(clients, sdk)(), sdk)
    resource = client.messages if sdk == "anthropic" else client.chat.completions

    resource.create(**CHAT, max_tokens=9, extra_body=SECRETS)

    found = _parameters(spans)
    assert "plainvalue" not in json.dumps(found)
    assert found.keys() == SECRETS.keys()
    assert found["data_sources"][0]["parameters"]["index_name"] == "shown"
