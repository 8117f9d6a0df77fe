"""Make replies in the shape of the Anthropic messages API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

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

ANTHROPIC_MODEL: Final = "claude-haiku-4-5-20251001"

_ERRORS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("invalid_request_error", "The request is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    404: ("not_found_error", "The requested resource could not be found."),
    413: ("request_too_large", "Request exceeds the maximum size."),
    429: ("rate_limit_error", "Rate limit reached."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}


def message(
    text: str | None = DEFAULT_TEXT,
    *,
    model: str = ANTHROPIC_MODEL,
    input_tokens: int = 30,
    cache_creation_input_tokens: int = 10,
    cache_read_input_tokens: int = 80,
    output_tokens: int = 45,
    tool_calls: Sequence[ToolCall] = (),
    stop_reason: str | None = None,
    content: Sequence[Mapping[str, Any]] = (),
    usage: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Reply:
    """Make a message of the Anthropic API; with tool calls it has no text unless one is given.

    `content`: blocks in place of `text` and `tool_calls`. `usage` and `fields`: further entries of
    the usage and of the message.
    """
    counts = _usage(input_tokens, cache_creation_input_tokens, cache_read_input_tokens)
    body = _head(model)
    body["content"] = list(content) or _blocks(text, tool_calls)
    body["stop_reason"] = stop_reason or ("tool_use" if tool_calls else "end_turn")
    body["usage"] = {**counts, "output_tokens": output_tokens, **(usage or {})}
    return Reply(body=to_json({**body, **fields}))


def message_stream(
    text: str | None = DEFAULT_TEXT,
    *,
    model: str = ANTHROPIC_MODEL,
    input_tokens: int = 30,
    cache_creation_input_tokens: int = 10,
    cache_read_input_tokens: int = 80,
    output_tokens: int = 45,
    tool_calls: Sequence[ToolCall] = (),
    stop_reason: str | None = None,
    content: Sequence[Mapping[str, Any]] = (),
    usage: Mapping[str, Any] | None = None,
    chunk_delay_s: float = 0.0,
    **fields: Any,
) -> Reply:
    """Make a message as the full sequence of server-sent events, `ping` included."""
    counts = _usage(input_tokens, cache_creation_input_tokens, cache_read_input_tokens)
    start = {**_head(model), "usage": {**counts, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(content or _blocks(text, tool_calls)):
        events += _block_events(index, block)
    events.insert(2, {"type": "ping"})
    end = {
        "stop_reason": stop_reason or ("tool_use" if tool_calls else "end_turn"),
        "stop_sequence": None,
        **fields,
    }
    totals = {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": cache_creation_input_tokens,
        "cache_read_input_tokens": cache_read_input_tokens,
        "output_tokens": output_tokens,
        **(usage or {}),
    }
    events.append({"type": "message_delta", "delta": end, "usage": totals})
    events.append({"type": "message_stop"})
    return streamed([_named_event(event) for event in events], chunk_delay_s)


def anthropic_error(
    status: int,
    text: str | None = None,
    *,
    type: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Make an error of the Anthropic API; what is not given follows from the status."""
    usual_type, usual_text = _ERRORS.get(status, _ERRORS[500])
    error = {"type": type or usual_type, "message": text or usual_text}
    request_id = new_id("req")
    body = {"type": "error", "error": error, "request_id": request_id}
    named = {"request-id": request_id, **(headers or {})}
    return Reply(status=status, body=to_json(body), headers=named)


def _named_event(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\n".encode() + b"data: " + to_json(event) + b"\n\n"


def _head(model: str) -> dict[str, Any]:
    return {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(fresh: int, cache_creation: int, cache_read: int) -> dict[str, Any]:
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": cache_creation,
        "cache_read_input_tokens": cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": cache_creation,
            "ephemeral_1h_input_tokens": 0,
        },
        "service_tier": "standard",
    }


def _blocks(text: str | None, tool_calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    said = text_beside_tools(text, tool_calls)
    blocks: list[dict[str, Any]] = [{"type": "text", "text": said}] if said is not None else []
    for call in tool_calls:
        identity = {"id": call.id or new_id("toolu"), "name": call.name}
        blocks.append({"type": "tool_use", **identity, "input": dict(call.arguments)})
    return blocks


def _block_events(index: int, block: Mapping[str, Any]) -> list[dict[str, Any]]:
    empty, deltas = _deltas(block)
    opening = {"type": "content_block_start", "index": index, "content_block": empty}
    events = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [opening, *events, {"type": "content_block_stop", "index": index}]


def _deltas(block: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Split a block into its opening and its deltas; a tool's result is not split."""
    if "input" in block:
        text = json.dumps(block["input"])
        halves = ("", text[: len(text) // 2], text[len(text) // 2 :])
        partial = [{"type": "input_json_delta", "partial_json": half} for half in halves]
        return {**block, "input": {}}, partial
    if block["type"] == "text":
        cited = [{"type": "citations_delta", "citation": c} for c in block.get("citations", ())]
        said = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
        return {"type": "text", "text": ""}, cited + said
    if block["type"] == "thinking":
        thought = [{"type": "thinking_delta", "thinking": p} for p in pieces(block["thinking"])]
        signature = {"type": "signature_delta", "signature": block.get("signature", "sealed")}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*thought, signature]
    return dict(block), []
