"""Answers of other shapes than expected: a call does what it would do without us."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from pulse_otel import OpenAIInstrumentor
from pulse_otel.local.provider.replies import Reply
from tests.conftest import Clients
from tests.instrumentation.openai.calls import PLAIN, STREAMED, Call, named
from tests.instrumentation.openai.conftest import Instrument

pytestmark = [
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
]

ITEM: dict[str, Any] = {"type": "from_the_future", "x": {"y": [1, None]}}
BODIES: tuple[Any, ...] = (
    {},
    {"id": 5, "model": ["m"], "usage": "many", "output": None, "choices": None, "data": None},
    {"usage": {"input_tokens": -1, "prompt_tokens": "7", "output_tokens": 2.5, "seconds": "4"}},
    {"output": [ITEM, None, 7, "text", {"type": "message"}, {"type": "reasoning"}]},
    {"output": [{"type": "function_call", "arguments": "{"}, {"type": "mcp_call", "output": 5}]},
    {"output": "text", "choices": {"a": 1}, "data": "text", "results": 5, "answers": [None, 5]},
    {"status": "completed", "error": "text", "incomplete_details": 5},
    {"status": "failed", "error": "text"},
    {"status": "failed", "error": {"code": 5, "message": ["no text"]}},
    {"data": [None, {"embedding": "text"}, {"b64_json": 5, "url": 5}]},
    {"results": [{"categories": 5, "category_scores": None, "flagged": "yes"}], "text": 5},
    {"choices": [None, {"text": None, "finish_reason": 5, "message": 5}]},
    [],
    5,
)


def _outcome(method: Any, arguments: dict[str, Any]) -> str:
    """What a call comes to: the type of its result, or of its exception."""
    try:
        result = method(**arguments)
        if isinstance(result, openai.Stream):
            return f"{len(list(result))} chunks"
        return type(result).__name__
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same without us
        return type(error).__name__


@pytest.mark.parametrize("call", PLAIN, ids=named)
def test_bodies(call: Call, provider: Any, clients: Clients, instrument: Instrument) -> None:
    """PULSE_STRICT raises what is an error of ours, so it would show here."""
    client = clients.openai()
    methods = (call.on(client), call.on(client, "with_raw_response"))

    def outcomes() -> list[str]:
        found: list[str] = []
        for body in BODIES:
            reply = Reply(body=json.dumps(body).encode())
            for method in methods:
                provider.enqueue(reply)
                found.append(_outcome(method, call.arguments))
        return found

    bare = outcomes()
    spans = instrument(True)

    assert outcomes() == bare
    assert len(spans.memory.get_finished_spans()) == len(bare)


@pytest.mark.parametrize("call", STREAMED, ids=named)
def test_events(call: Call, provider: Any, clients: Clients, instrument: Instrument) -> None:
    method = call.on(clients.openai())
    events: list[Any] = [
        {},
        {"type": "response.created"},
        {"type": "response.output_item.added", "output_index": "x", "item": None},
        {"type": "response.output_item.added", "output_index": 1, "item": None},
        {"type": "response.output_text.delta", "output_index": 0, "delta": None},
        {"type": "response.output_text.delta", "output_index": 2, "delta": "x", "x": ITEM},
        {"type": "response.completed", "response": None},
        {"type": "image_generation.completed", "b64_json": None, "usage": 5},
        {"type": "transcript.text.delta", "delta": 5},
        {"choices": [None, {"text": 5, "index": "x", "delta": 5}]},
        {"type": "response.completed", "response": {"output": None, "usage": "x"}},
    ]
    chunks = tuple(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    reply = Reply(headers={"content-type": "text/event-stream"}, chunks=chunks)
    provider.enqueue(reply, reply)
    bare = _outcome(method, call.arguments)

    spans = instrument(True)

    assert _outcome(method, call.arguments) == bare
    assert len(spans.memory.get_finished_spans()) == 1


def test_the_instrumentor_is_off_at_first() -> None:
    """What the comparisons above rest on."""
    assert not OpenAIInstrumentor().is_instrumented_by_opentelemetry


def test_odd_requests(clients: Clients, instrument: Instrument) -> None:
    spans = instrument(True)
    create = clients.openai().responses.create
    inputs: tuple[Any, ...] = ("", [], [None], [5, "text"], [ITEM], [{"role": 5, "content": 5}])

    for given in inputs:
        create(model="gpt-5", input=given)
    create(model="gpt-5", input="a", tools=[ITEM], extra_body={"text": 5, "reasoning": "low"})

    assert len(spans.memory.get_finished_spans()) == len(inputs) + 1
