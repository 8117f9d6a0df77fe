"""The shape of Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.bodies.content import (
    PARAMETERS,
    Content,
    Part,
    named,
    parameters,
    parts_of,
    written,
)
from pulse_otel.export.bodies.display import for_display

_PARAMETERS = {
    **PARAMETERS,
    semconv.REQUEST_MAX_TOKENS: "max_tokens",
    semconv.REQUEST_STOP_SEQUENCES: "stop_sequences",
}
_FINISH_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_call": "tool_use",
    "content_filter": "refusal",
}
_RESPONSE = {semconv.RESPONSE_ID: "id", semconv.RESPONSE_MODEL: "model"}
_USAGE = {
    semconv.OUTPUT_TOKENS: "output_tokens",
    semconv.CACHE_READ_TOKENS: "cache_read_input_tokens",
    semconv.CACHE_WRITE_TOKENS: "cache_creation_input_tokens",
}


class Messages:
    """``system``, ``messages``, ``tools``, parameters; ``content``, ``stop_reason``, ``usage``."""

    def request(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the request body."""
        body = parameters(attributes, content, _PARAMETERS)
        level = attributes.get(semconv.REQUEST_REASONING_LEVEL)
        if level is not None:
            body.setdefault("output_config", {"effort": level})
        if content.system:
            body["system"] = written(content.system, _block)
        if content.input is not None:
            body["messages"] = [
                _message(message) for message in for_display(content.input, _is_users)
            ]
        if content.tools:
            body["tools"] = [_tool(tool) for tool in content.tools]
        return body

    def response(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the response body."""
        body = named(attributes, _RESPONSE)
        if content.output:
            body["type"], body["role"] = "message", "assistant"
            body["content"] = [_block(part) for part in content.output_parts()]
        stop_reason = content.finish_reason(0, _FINISH_REASONS)
        if stop_reason:
            body["stop_reason"] = stop_reason
        usage = _usage(attributes)
        return {**body, "usage": usage} if usage else body


def _usage(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts; the API's input_tokens leave out the cache that the total includes."""
    usage = named(attributes, _USAGE)
    total = attributes.get(semconv.INPUT_TOKENS)
    if isinstance(total, int):
        cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
        usage["input_tokens"] = max(0, total - sum(usage.get(name, 0) for name in cached))
    reasoning = attributes.get(semconv.REASONING_TOKENS)
    if reasoning is not None:
        usage["output_tokens_details"] = {"thinking_tokens": reasoning}
    return usage


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        return tool
    rest = {key: value for key, value in tool.items() if key not in ("type", "parameters")}
    return {**rest, "input_schema": tool.get("parameters")}


def _is_users(message: dict[str, Any]) -> bool:
    """Tool results are the user's turn here."""
    return (message.get("role") or "user") in ("user", "tool")


def _message(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": "user" if _is_users(message) else message["role"],
        "content": written(parts_of(message), _block),
    }


def _block(part: Part) -> Part:
    write = _BLOCKS.get(str(part.get("type")))
    return write(part) if write else part


def _media(part: Part) -> Part:
    source = {
        "type": "base64",
        "media_type": part.get("mime_type"),
        "data": part.get("content"),
    }
    return {"type": part.get("modality"), "source": source}


def _server_tool(part: Part, fields: Any, id_name: str) -> Part:
    """Return the block of a tool that the provider ran, with its other fields."""
    named = {id_name: part.get("id"), "name": part.get("name")}
    found: Part = {**fields} if isinstance(fields, dict) else {}
    return {**found, **{key: value for key, value in named.items() if value is not None}}


_BLOCKS: dict[str, Callable[[Part], Part]] = {
    "text": lambda part: {
        "type": "text",
        "text": part.get("content"),
        **({"citations": part["citations"]} if part.get("citations") else {}),
    },
    "server_tool_call": lambda part: _server_tool(part, part.get("server_tool_call"), "id"),
    "server_tool_call_response": lambda part: _server_tool(
        part, part.get("server_tool_call_response"), "tool_use_id"
    ),
    "reasoning": lambda part: {"type": "thinking", "thinking": part.get("content")},
    "tool_call": lambda part: {
        "type": "tool_use",
        "id": part.get("id"),
        "name": part.get("name"),
        "input": part.get("arguments"),
    },
    "tool_call_response": lambda part: {
        "type": "tool_result",
        "tool_use_id": part.get("id"),
        "content": part.get("response"),
        **({"is_error": True} if part.get("is_error") else {}),
    },
    "uri": lambda part: {
        "type": part.get("modality"),
        "source": {"type": "url", "url": part.get("uri")},
    },
    "file": lambda part: {
        "type": part.get("modality"),
        "source": {"type": "file", "file_id": part.get("file_id")},
    },
    "blob": _media,
}
