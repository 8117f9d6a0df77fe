"""Make replies in the shape of the OpenAI Responses API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulse_otel.local.provider.openai_replies import OPENAI_MODEL
from pulse_otel.local.provider.reply import (
    DEFAULT_TEXT,
    Reply,
    ToolCall,
    new_id,
    pieces,
    streamed,
    text_beside_tools,
    to_json,
)

Json = dict[str, Any]


def response_body(
    text: str | None = DEFAULT_TEXT,
    *,
    model: str = OPENAI_MODEL,
    tool_calls: Sequence[ToolCall] = (),
    reasoning: str | None = None,
    output: Sequence[Json] | None = None,
    **fields: Any,
) -> Json:
    """Make a whole response; `output` are its items, `fields` replace or add entries."""
    if output is None:
        output = _output(text_beside_tools(text, tool_calls), tool_calls, reasoning)
    return {
        "id": new_id("resp"),
        "object": "response",
        "created_at": 1_767_225_600,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": list(output),
        "parallel_tool_calls": True,
        "service_tier": "default",
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 120,
            "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 8},
            "output_tokens": 45,
            "output_tokens_details": {"reasoning_tokens": 20},
            "total_tokens": 165,
        },
        **fields,
    }


def response(text: str | None = DEFAULT_TEXT, **settings: Any) -> Reply:
    """Make a response of the Responses API; settings as in `response_body`."""
    return Reply(body=to_json(response_body(text, **settings)))


def response_stream(
    text: str | None = DEFAULT_TEXT, *, chunk_delay_s: float = 0.0, **settings: Any
) -> Reply:
    """Make a response as server-sent events; settings as in `response_body`."""
    events = response_events(response_body(text, **settings))
    return streamed([_sse(event) for event in events], chunk_delay_s)


def response_events(whole: Json) -> list[Json]:
    """Make the events of the response `whole`; the last one contains it."""
    begun: Json = {**whole, "status": "in_progress", "output": [], "usage": None, "error": None}
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(whole["output"]):
        events += _item_events(index, item)
    events.append({"type": f"response.{whole['status']}", "response": whole})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def response_error_events(code: str, message: str) -> Reply:
    """Make a stream that ends with an error event."""
    first = response_events(response_body())[:1]
    error = {"type": "error", "code": code, "message": message, "param": None}
    return streamed([_sse(event) for event in [*first, {**error, "sequence_number": 1}]], 0.0)


def compaction() -> Reply:
    """Make a compacted conversation: a user's message, and one item that only the API can read."""
    whole = response_body(
        output=[
            {
                "id": new_id("msg"),
                "type": "message",
                "role": "user",
                "status": "completed",
                "content": [{"type": "input_text", "text": "Hello Pulse"}],
            },
            {"id": new_id("cmp"), "type": "compaction", "encrypted_content": "gAAAA"},
        ]
    )
    kept = {name: whole[name] for name in ("id", "created_at", "output", "usage")}
    return Reply(body=to_json({**kept, "object": "response.compaction"}))


def _sse(event: Json) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (str(event["type"]).encode(), to_json(event))


def _output(text: str | None, calls: Sequence[ToolCall], reasoning: str | None) -> list[Json]:
    output: list[Json] = []
    if reasoning is not None:
        summary = [{"type": "summary_text", "text": reasoning}]
        output.append({"id": new_id("rs"), "type": "reasoning", "summary": summary})
    if text is not None:
        output.append(
            {
                "id": new_id("msg"),
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }
        )
    return output + [_call(call) for call in calls]


def _call(call: ToolCall) -> Json:
    return {
        "id": new_id("fc"),
        "type": "function_call",
        "call_id": call.id or new_id("call"),
        "name": call.name,
        "arguments": json.dumps(dict(call.arguments)),
        "status": "completed",
    }


def _item_events(index: int, item: Json) -> Iterator[Json]:
    begun: Json = {**item, "content": []} if "content" in item else dict(item)
    if item["type"] == "function_call":
        begun["arguments"] = ""
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    place = {"item_id": item.get("id"), "output_index": index}
    if item["type"] == "message":
        for number, block in enumerate(item["content"]):
            yield from _block_events({**place, "content_index": number}, block)
    if item["type"] == "reasoning":
        for number, block in enumerate(item["summary"]):
            delta = {**place, "summary_index": number, "delta": block["text"]}
            yield {"type": "response.reasoning_summary_text.delta", **delta}
    if item["type"] == "function_call":
        kind = "response.function_call_arguments"
        whole: str = item["arguments"]
        half = len(whole) // 2
        for piece in (whole[:half], whole[half:]):
            yield {"type": f"{kind}.delta", **place, "delta": piece}
        yield {"type": f"{kind}.done", **place, "name": item["name"], "arguments": whole}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _block_events(place: Json, block: Mapping[str, Any]) -> Iterator[Json]:
    if block["type"] != "output_text":
        return
    empty = {**block, "text": ""}
    yield {"type": "response.content_part.added", **place, "part": empty}
    for piece in pieces(block["text"]):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    done: Json = {**place, "text": block["text"], "logprobs": []}
    yield {"type": "response.output_text.done", **done}
    yield {"type": "response.content_part.done", **place, "part": block}
