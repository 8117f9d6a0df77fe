"""Messages: request, response and stream events as GenAI attributes."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import (
    Rule,
    extract,
    generic,
    given,
    integer,
    number,
    parts_of,
    read,
    request_content,
    strings,
    text,
)
from pulse_otel.values import plain

_REQUEST: tuple[Rule, ...] = (
    (("max_tokens",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("top_k",), semconv.REQUEST_TOP_K, integer),
    (("stop_sequences",), semconv.REQUEST_STOP_SEQUENCES, strings),
    (("output_config", "effort"), semconv.REQUEST_REASONING_LEVEL, text),
    (("stream",), semconv.REQUEST_STREAM, lambda value: True if value is True else None),
)

_OTHER_PARAMETERS = (
    "tool_choice",
    "thinking",
    "metadata",
    "service_tier",
    "output_config",
    "output_format",
    "container",
    "mcp_servers",
)

_RESPONSE: tuple[Rule, ...] = (
    (("id",), semconv.RESPONSE_ID, text),
    (("model",), semconv.RESPONSE_MODEL, text),
    (("usage", "output_tokens"), semconv.OUTPUT_TOKENS, integer),
    (("usage", "cache_read_input_tokens"), semconv.CACHE_READ_TOKENS, integer),
    (("usage", "cache_creation_input_tokens"), semconv.CACHE_WRITE_TOKENS, integer),
    (("usage", "output_tokens_details", "thinking_tokens"), semconv.REASONING_TOKENS, integer),
)

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}


def read_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request, from the arguments of the call."""
    extra = request.get("extra_body")
    # SDK 1.0 took the sampling parameters out of the signature: they come in `extra_body`.
    sources = {**extra, **request} if isinstance(extra, Mapping) else request
    attributes = extract(sources, _REQUEST)
    if not content:
        return attributes
    attributes |= request_content(request, _message, _tool, _OTHER_PARAMETERS)
    system = request.get("system")
    if given(system):
        attributes[semconv.SYSTEM_INSTRUCTIONS] = parts_of(system, _part)
    return attributes


def _tool(tool: Any) -> dict[str, Any]:
    if not given(read(tool, "input_schema")):
        return generic(tool)
    definition = {
        "type": "function",
        "name": text(read(tool, "name")) or "",
        "description": text(read(tool, "description")),
        "parameters": plain(read(tool, "input_schema")),
    }
    return {key: value for key, value in definition.items() if value is not None}


def _message(message: Any) -> dict[str, Any]:
    role = text(read(message, "role")) or "unknown"
    return {"role": role, "parts": parts_of(read(message, "content"), _part)}


def _part(block: Any) -> dict[str, Any]:
    reader = _PARTS.get(text(read(block, "type")) or "")
    return reader(block) if reader else generic(block)


def _text_part(block: Any) -> dict[str, Any]:
    return {"type": "text", "content": text(read(block, "text")) or ""}


def _thinking_part(block: Any) -> dict[str, Any]:
    return {"type": "reasoning", "content": text(read(block, "thinking")) or ""}


def _tool_use_part(block: Any) -> dict[str, Any]:
    return {
        "type": "tool_call",
        "id": text(read(block, "id")),
        "name": text(read(block, "name")) or "",
        "arguments": plain(read(block, "input")),
    }


def _tool_result_part(block: Any) -> dict[str, Any]:
    response = read(block, "content")
    part = {
        "type": "tool_call_response",
        "id": text(read(block, "tool_use_id")),
        "response": response if isinstance(response, str) else plain(response),
    }
    return {**part, "is_error": True} if read(block, "is_error") is True else part


_MODALITIES = {"image": "image", "document": "document"}


def _media_part(block: Any) -> dict[str, Any]:
    modality = _MODALITIES[read(block, "type")]
    source = read(block, "source")
    kind = read(source, "type")
    if kind == "base64":
        return {
            "type": "blob",
            "modality": modality,
            "mime_type": text(read(source, "media_type")) or "",
            "content": text(read(source, "data")) or "",
        }
    if kind == "url":
        return {"type": "uri", "modality": modality, "uri": text(read(source, "url")) or ""}
    if kind == "file":
        return {"type": "file", "modality": modality, "file_id": text(read(source, "file_id"))}
    return generic(block)


_PARTS = {
    "text": _text_part,
    "thinking": _thinking_part,
    "tool_use": _tool_use_part,
    "tool_result": _tool_result_part,
    "image": _media_part,
    "document": _media_part,
}


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of a message, whole or assembled."""
    attributes = extract(response, _RESPONSE)
    # The API's input_tokens leaves the cache out; the conventions' total includes it.
    fresh = integer(read(response, "usage", "input_tokens"))
    if fresh is not None:
        cached = attributes.get(semconv.CACHE_READ_TOKENS, 0)
        attributes[semconv.INPUT_TOKENS] = (
            fresh + cached + attributes.get(semconv.CACHE_WRITE_TOKENS, 0)
        )
    raw = text(read(response, "stop_reason"))
    if raw or given(read(response, "content")):
        reason = FINISH_REASONS.get(raw, raw) if raw else "error"
        attributes[semconv.FINISH_REASONS] = [reason]
        attributes[semconv.PULSE_RAW_FINISH_REASONS] = [raw or ""]
        if content:
            parts = parts_of(read(response, "content"), _part)
            attributes[semconv.OUTPUT_MESSAGES] = [
                {"role": "assistant", "parts": parts, "finish_reason": reason}
            ]
    return attributes


def assemble(events: list[Any]) -> dict[str, Any]:
    """One message of a stream's events, as far as it got."""
    whole: dict[str, Any] = {"usage": {}}
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        kind = read(event, "type")
        if kind == "message_start":
            message = read(event, "message")
            whole |= {"id": read(message, "id"), "model": read(message, "model")}
            _update(whole["usage"], read(message, "usage"))
        elif kind == "message_delta":
            whole["stop_reason"] = read(event, "delta", "stop_reason")
            # Cumulative: later values replace earlier ones.
            _update(whole["usage"], read(event, "usage"))
        elif kind == "content_block_start":
            block = plain(read(event, "content_block"))
            index = integer(read(event, "index")) or 0
            blocks[index] = {"block": block if isinstance(block, dict) else {}, "pieces": {}}
        elif kind == "content_block_delta":
            state = blocks.setdefault(
                integer(read(event, "index")) or 0, {"block": {"type": "text"}, "pieces": {}}
            )
            _add(state["pieces"], read(event, "delta"))
    whole["content"] = [_joined(blocks[index]) for index in sorted(blocks)]
    return whole


_USAGE = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "output_tokens_details",
)


def _update(usage: dict[str, Any], new: Any) -> None:
    for name in _USAGE:
        value = read(new, name)
        if value is not None:
            usage[name] = value


# Delta type -> (its field, the block's field that it extends)
_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("partial_json", "input"),
}


def _add(pieces: dict[str, list[str]], delta: Any) -> None:
    source, target = _DELTAS.get(read(delta, "type") or "", (None, ""))
    piece = text(read(delta, source)) if source else None
    if piece:
        pieces.setdefault(target, []).append(piece)


def _joined(state: dict[str, Any]) -> dict[str, Any]:
    block: dict[str, Any] = dict(state["block"])
    for name, pieces in state["pieces"].items():
        joined = "".join(pieces)
        if name != "input":
            block[name] = (text(block.get(name)) or "") + joined
            continue
        try:
            block[name] = json.loads(joined)
        except (ValueError, RecursionError):
            block[name] = joined
    return block
