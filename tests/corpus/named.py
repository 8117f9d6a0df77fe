"""Answers of the APIs with named events: OpenAI's Responses and Anthropic's Messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.corpus.exchange import Exchange, Expected, Host

SAID: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
}
TEXT: dict[str, Any] = {"type": "text", "text": "Hello"}


def function_call(name: str) -> dict[str, Any]:
    """An item of Responses that calls a function."""
    return {
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": "call_1",
        "name": name,
        "arguments": "{}",
    }


def bill(given: int, made: int, **more: Any) -> dict[str, Any]:
    """A usage of Responses."""
    return {"input_tokens": given, "output_tokens": made, "total_tokens": given + made, **more}


def read_and_thought(cached: int = 0, thought: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "input_tokens_details": {"cached_tokens": cached, **more},
        "output_tokens_details": {"reasoning_tokens": thought},
    }


def response(
    host: Host,
    name: str,
    usage: Mapping[str, Any] | None,
    expected: Expected,
    *,
    output: Sequence[Mapping[str, Any]] = (SAID,),
    stream: bool = False,
    status: str = "completed",
    **more: Any,
) -> Exchange:
    """A response, whole or as events."""
    answer = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_764_000_000,
        "status": status,
        "model": host.model,
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
        **more,
    }
    body = _response_events(answer) if stream else answer
    return host.body(name, body, expected, api="responses")


def _response_events(answer: dict[str, Any]) -> list[dict[str, Any]]:
    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(answer["output"]):
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": f"response.{answer['status']}", "response": answer})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def message(
    host: Host,
    name: str,
    usage: Mapping[str, Any],
    expected: Expected,
    *,
    content: Sequence[Mapping[str, Any]] = (TEXT,),
    stop: str = "end_turn",
    **more: Any,
) -> Exchange:
    """A whole message."""
    return host.body(
        name, _message(host.model, usage, content, stop, more), expected, api="messages"
    )


def message_stream(
    host: Host,
    name: str,
    usages: tuple[Mapping[str, Any], Mapping[str, Any]],
    expected: Expected,
    *,
    content: Sequence[Mapping[str, Any]] = (TEXT,),
    stop: str = "end_turn",
) -> Exchange:
    """A streamed message; `usages` are those of `message_start` and `message_delta`."""
    start = _message(host.model, usages[0], (), None, {})
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(content):
        events += _block_events(index, block)
    ending = {"stop_reason": stop, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ending, "usage": dict(usages[1])})
    events.append({"type": "message_stop"})
    return host.body(name, events, expected, api="messages")


def _message(
    model: str,
    usage: Mapping[str, Any],
    content: Sequence[Mapping[str, Any]],
    stop: str | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
        **more,
    }


_DELTAS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}


def _block_events(index: int, block: Mapping[str, Any]) -> list[dict[str, Any]]:
    empty, sent = dict(block), None
    if block["type"] in _DELTAS:
        kind, key = _DELTAS[block["type"]]
        empty, sent = {**block, key: ""}, {"type": kind, key: block[key]}
    elif block["type"] in ("tool_use", "server_tool_use"):
        empty, sent = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": "{}"}
    events = [{"type": "content_block_start", "index": index, "content_block": empty}]
    if sent is not None:
        events.append({"type": "content_block_delta", "index": index, "delta": sent})
    return [*events, {"type": "content_block_stop", "index": index}]
