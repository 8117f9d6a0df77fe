"""The shape of OpenAI's Responses API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.bodies import chat
from pulse_otel.export.bodies.content import (
    PARAMETERS,
    Content,
    Part,
    as_string,
    named,
    parameters,
    parts_of,
    texts,
    usage,
)

_PARAMETERS = {
    **PARAMETERS,
    semconv.REQUEST_MAX_TOKENS: "max_output_tokens",
    semconv.REQUEST_PREVIOUS_RESPONSE_ID: "previous_response_id",
}
_RESPONSE = {
    semconv.RESPONSE_ID: "id",
    semconv.RESPONSE_MODEL: "model",
    semconv.OPENAI_RESPONSE_SERVICE_TIER: "service_tier",
}
_USAGE = {semconv.INPUT_TOKENS: "input_tokens", semconv.OUTPUT_TOKENS: "output_tokens"}
_USAGE_DETAILS = {
    semconv.CACHE_READ_TOKENS: ("input_tokens_details", "cached_tokens"),
    semconv.REASONING_TOKENS: ("output_tokens_details", "reasoning_tokens"),
}
# The conventions' finish reason -> status, and the reason for an incomplete answer
_STATUS: dict[str, tuple[str, str | None]] = {
    "stop": ("completed", None),
    "tool_call": ("completed", None),
    "length": ("incomplete", "max_output_tokens"),
    "content_filter": ("incomplete", "content_filter"),
    "error": ("failed", None),
}
_STATUSES = ("completed", "incomplete", "failed", "cancelled", "queued", "in_progress")


class Responses:
    """``input``, ``instructions``, ``tools``, parameters; ``output``, ``status``, ``usage``.

    A request has its conversation as the ``messages`` of a chat, too.
    """

    def request(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the request body."""
        body = parameters(attributes, content, _PARAMETERS)
        level = attributes.get(semconv.REQUEST_REASONING_LEVEL)
        if level is not None:
            body.setdefault("reasoning", {"effort": level})
        if content.system:
            texts_of_system = (as_string(part.get("content")) for part in content.system)
            body["instructions"] = "\n".join(texts_of_system)
        if content.input is not None:
            body["input"] = [
                item for message in content.input for item in _items(message, "input_text")
            ]
            body["messages"] = chat.messages(content)  # what the service's pages read
        if content.tools:
            body["tools"] = content.tools  # flat, as in the conventions
        return body

    def response(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the response body."""
        body = named(attributes, _RESPONSE)
        status, reason = _status(content)
        if status:
            body["status"] = status
        if reason:
            body["incomplete_details"] = {"reason": reason}
        output = [item for message in content.output for item in _items(message, "output_text")]
        if output:
            body["output"] = output
        return body | usage(attributes, _USAGE, _USAGE_DETAILS)


def _status(content: Content) -> tuple[str | None, str | None]:
    raw = content.raw_finish_reasons[0] if content.raw_finish_reasons else None
    known = content.finish_reasons[0] if content.finish_reasons else None
    status, reason = _STATUS.get(known or "", (None, None))
    return (raw, reason) if raw in _STATUSES else (status, reason)


def _items(message: dict[str, Any], text_type: str) -> list[dict[str, Any]]:
    """Return items: one for the message, and one for each tool call, result and reasoning."""
    items: list[dict[str, Any]] = []
    content: list[Part] = []
    for part in parts_of(message):
        write = _ITEMS.get(str(part.get("type")))
        if write is None:
            content.append(part)
        else:
            items += _message(message, content, text_type)
            content = []
            item = write(part)
            same = items and item.get("id") and items[-1].get("id") == item["id"]
            items[-1:] = [{**item, **items[-1]}] if same else [*items[-1:], item]
    return items + _message(message, content, text_type)


def _message(message: dict[str, Any], parts: list[Part], text_type: str) -> list[dict[str, Any]]:
    if not parts:
        return []
    if text_type == "output_text":
        blocks = [_block(part, text_type) for part in parts]
        return [{"type": "message", "role": message.get("role"), "content": blocks}]
    plain = texts(parts)
    single = plain[0] if plain and len(plain) == 1 else [_block(part, text_type) for part in parts]
    return [{"role": message.get("role"), "content": single}]


def _block(part: Part, text_type: str) -> Part:
    kind = part.get("type")
    if kind == "text":
        return {"type": text_type, "text": part.get("content")}
    if kind == "refusal":
        return {"type": "refusal", "refusal": part.get("content")}
    if kind == "uri":
        return {"type": "input_image", "image_url": part.get("uri")}
    if kind == "file":
        return {"type": f"input_{_noun(part)}", "file_id": part.get("file_id")}
    if kind == "blob":
        url = f"data:{part.get('mime_type') or ''};base64,{part.get('content') or ''}"
        noun = _noun(part)
        return {"type": f"input_{noun}", "image_url" if noun == "image" else "file_data": url}
    return part


def _noun(part: Part) -> str:
    return "image" if part.get("modality") == "image" else "file"


def _server_tool(part: Part, fields: Any) -> dict[str, Any]:
    """Return one item for the call and the result of a tool that the provider ran."""
    found: dict[str, Any] = {**fields} if isinstance(fields, dict) else {}
    kind = str(found.pop("type", "tool"))
    suffix = "" if kind == "mcp_list_tools" else "_call"
    return {"type": kind + suffix, "id": part.get("id"), **found}


_ITEMS: dict[str, Callable[[Part], dict[str, Any]]] = {
    "tool_call": lambda part: {
        "type": "function_call",
        "call_id": part.get("id"),
        "name": part.get("name"),
        "arguments": as_string(part.get("arguments", {})),
    },
    "tool_call_response": lambda part: {
        "type": "function_call_output",
        "call_id": part.get("id"),
        "output": part.get("response"),
    },
    "server_tool_call": lambda part: _server_tool(part, part.get("server_tool_call")),
    "server_tool_call_response": lambda part: _server_tool(
        part, part.get("server_tool_call_response")
    ),
    "compaction": lambda part: part,
    "reasoning": lambda part: {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": part.get("content")}],
    },
}
