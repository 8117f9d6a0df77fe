"""Platform clients over HTTP, and a cost that the provider itself reports."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import anthropic
import openai
import pytest

from pulse_otel import Provider, flush_buffer, observe
from pulse_otel.local.provider.replies import Reply, chat, chat_stream, message
from tests.conftest import MESSAGES, Clients, Service

GPT: dict[str, Any] = {"model": "openai/gpt-4o-mini", "messages": MESSAGES}
# What the price table has for 120 tokens in, 64 of them cached, and 45 out.
LISTED_CENTS = pytest.approx((56 * 0.15 + 64 * 0.075 + 45 * 0.6) / 10_000)


def reporting(cost: str, reply: Reply) -> Reply:
    """`reply` with a `usage.cost`, as OpenRouter adds it; `cost` is JSON."""
    extended = reply.body.replace(b'"usage":{', b'"usage":{"cost":' + cost.encode() + b",")
    assert extended != reply.body
    return dataclasses.replace(reply, body=extended)


def arrived(pulse: Service, count: int) -> list[dict[str, Any]]:
    assert flush_buffer()
    return pulse.traces(count)


def test_a_reported_cost_wins(provider: Any, clients: Clients, pulse: Service) -> None:
    client = observe(clients.openai(), Provider.OPENROUTER)
    provider.enqueue(reporting("0.0123", chat()), chat())

    client.chat.completions.create(**GPT)
    (trace,) = arrived(pulse, 1)
    client.chat.completions.create(**GPT)
    listed = next(t for t in arrived(pulse, 2) if t["traceId"] != trace["traceId"])

    assert (trace["provider"], trace["costCents"]) == ("openrouter", pytest.approx(1.23))
    assert trace["spans"][0]["costCents"] == pytest.approx(1.23)
    assert listed["costCents"] == LISTED_CENTS


def test_a_free_call_costs_nothing(provider: Any, clients: Clients, pulse: Service) -> None:
    """0 is a reported cost too, whatever the price table says of the model."""
    provider.enqueue(reporting("0", chat()))

    observe(clients.openai(), Provider.OPENROUTER).chat.completions.create(**GPT)

    assert arrived(pulse, 1)[0]["costCents"] == 0


def test_the_cost_of_a_stream(provider: Any, clients: Clients, pulse: Service) -> None:
    """OpenRouter sends it in the usage chunk, which it always sends."""
    reply = chat_stream(include_usage=True)
    chunks = [
        chunk.replace(b'"usage":{', b'"usage":{"cost":0.0042,') for chunk in reply.chunks or ()
    ]
    provider.enqueue(dataclasses.replace(reply, chunks=tuple(chunks)))

    client = observe(clients.openai(), Provider.OPENROUTER)
    seen = list(client.chat.completions.create(**GPT, stream=True))

    assert seen[-1].usage.cost == 0.0042
    assert arrived(pulse, 1)[0]["costCents"] == pytest.approx(0.42)


@pytest.mark.parametrize("cost", ["-1", '"0.5"', "null", "true", '{"total_cost": 0.5}', "1e999"])
def test_what_is_no_cost_is_left_alone(
    cost: str, provider: Any, clients: Clients, pulse: Service
) -> None:
    provider.enqueue(reporting(cost, chat()))

    observe(clients.openai(), Provider.OPENROUTER).chat.completions.create(**GPT)

    assert arrived(pulse, 1)[0]["costCents"] == LISTED_CENTS


def test_platform_clients(provider: Any, pulse: Service) -> None:
    """The SDKs' own classes for other platforms are recorded, each as what it is."""
    bedrock = pytest.importorskip("openai.providers").bedrock
    provider.enqueue(chat(), chat(), message(), message())
    claude: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": MESSAGES}
    with (
        openai.AzureOpenAI(
            azure_endpoint=provider.url, api_key="k", api_version="2024-10-21"
        ) as azure,
        openai.OpenAI(provider=bedrock(base_url=provider.openai_url, api_key="k")) as mantle,
        anthropic.AnthropicVertex(
            region="r", project_id="p", access_token="t", base_url=provider.url
        ) as vertex,
        anthropic.AnthropicFoundry(base_url=provider.url, api_key="k") as foundry,
    ):
        for client in (azure, mantle):
            observe(client, "openai").chat.completions.create(model="m", messages=MESSAGES)
        for client in (vertex, foundry):
            observe(client, "anthropic").messages.create(**claude)

    recorded = {trace["provider"] for trace in arrived(pulse, 4)}
    assert recorded == {"azure.ai.openai", "aws.bedrock", "gcp.vertex_ai", "anthropic"}
    assert len(provider.requests) == 4
    assert json.dumps([request.path for request in provider.requests]).count("pulse") == 0
