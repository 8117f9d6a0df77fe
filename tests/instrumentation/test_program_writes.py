"""What a program does to the objects that the SDK gave it never reaches the record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import observe
from pulse_otel.local.provider.replies import Reply, ToolCall, chat, chat_stream, message_stream
from tests.conftest import MESSAGES, Clients
from tests.provider.response_replies import response_stream

WEATHER = ToolCall("get_weather", {"city": "Paris", "days": [1, 2]}, id="call_1")
CHAT: dict[str, Any] = {"model": "m", "messages": MESSAGES}
APIS: dict[str, tuple[str, Callable[[Any], Any], dict[str, Any], Callable[..., Reply]]] = {
    "chat": ("OpenAI", lambda c: c.chat.completions.create, CHAT, chat_stream),
    "responses": (
        "OpenAI",
        lambda c: c.responses.create,
        {"model": "m", "input": "Hello"},
        response_stream,
    ),
    "messages": (
        "Anthropic",
        lambda c: c.messages.create,
        {**CHAT, "max_tokens": 9},
        message_stream,
    ),
}


def _spoil(value: Any) -> Any:
    """Overwrite every text in the SDK's objects, in place, and empty every list."""
    if isinstance(value, str):
        return "WRITTEN BY THE PROGRAM"
    if isinstance(value, list):
        for item in list(value):
            _spoil(item)
        value.clear()
    fields: dict[str, Any] = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    for name, item in list(fields.items()):
        fields[name] = _spoil(item)
    return value


def _texts(memory: InMemorySpanExporter) -> dict[str, Any]:
    (span,) = memory.get_finished_spans()
    memory.clear()
    changing = ("time_to_first_chunk", "request_id", "attempts", "server.port", "response.id")
    found = dict(span.attributes or {})
    return {name: value for name, value in found.items() if not name.endswith(changing)}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("left", ["read to its end", "left early"])
@pytest.mark.parametrize("api", APIS)
def test_every_chunk_is_recorded_as_it_arrived(
    api: str, left: str, asynchronous: bool, provider: Any, spans: InMemorySpanExporter
) -> None:
    name, method, arguments, reply = APIS[api]
    sdk = name.lower()
    make = getattr({"openai": openai, "anthropic": anthropic}[sdk], "Async" * asynchronous + name)
    base_url = provider.openai_url if sdk == "openai" else provider.anthropic_url

    async def run(use: Callable[[Any], Any]) -> dict[str, Any]:
        provider.enqueue(reply("One two three", tool_calls=[WEATHER]))
        client = observe(make(api_key="k", base_url=base_url, max_retries=0), sdk)
        stream = method(client)(**arguments, stream=True)
        stream = await stream if asynchronous else stream
        seen = 0
        while seen < (99 if left == "read to its end" else 7):
            item = await anext(stream, None) if asynchronous else next(stream, None)
            if item is None:
                break
            use(item)
            seen += 1
        assert seen >= 7
        for end in (stream, client):
            closed = end.close()
            if asynchronous:
                await closed
        return _texts(spans)

    untouched = asyncio.run(run(lambda item: None))

    assert asyncio.run(run(_spoil)) == untouched
    assert "One two" in untouched["gen_ai.output.messages"]


def test_tool_arguments_that_a_program_adds_up_in_the_deltas_are_recorded_once(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    """The way that OpenAI's own documentation collects the tool calls of a stream."""
    provider.enqueue(chat_stream(tool_calls=[WEATHER]))
    final: dict[int, Any] = {}

    for chunk in observe(clients.openai(), "openai").chat.completions.create(**CHAT, stream=True):
        for call in chunk.choices[0].delta.tool_calls or [] if chunk.choices else []:
            if call.index in final:
                final[call.index].function.arguments += call.function.arguments
            else:
                final[call.index] = call

    (part,) = json.loads(_texts(spans)["gen_ai.output.messages"])[0]["parts"]
    assert part["arguments"] == json.loads(final[0].function.arguments) == WEATHER.arguments


def test_labels_are_those_of_the_moment_at_which_they_were_given(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    given: dict[str, Any] = {"tags": ["a"]}
    client = observe(clients.openai(), "openai", {"metadata": given})
    provider.enqueue(chat(), chat())

    client.chat.completions.create(**CHAT)
    with pulse_otel.session(metadata=given):
        given["tags"].append("b")
        client.chat.completions.create(**CHAT)

    for span in spans.get_finished_spans():
        assert json.loads((span.attributes or {})["pulse.metadata"]) == {"tags": ["a"]}
