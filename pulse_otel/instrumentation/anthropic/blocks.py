"""Convert the content blocks and tools of the Messages API to GenAI parts and definitions."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulse_otel.instrumentation.reading import generic, given, items, parts_of, present, read, text
from pulse_otel.masking import without_secrets
from pulse_otel.values import plain

Part = dict[str, Any]


def message(item: Any) -> dict[str, Any]:
    """Convert one message of a request."""
    role = text(read(item, "role")) or "unknown"
    return {"role": role, "parts": parts_of(read(item, "content"), part)}


def tool(item: Any) -> dict[str, Any]:
    """Convert a tool's definition; a tool of the provider's server is kept as it is."""
    if not given(read(item, "input_schema")):
        return dict(without_secrets(generic(item)))
    return present(
        type="function",
        name=text(read(item, "name")) or "",
        description=text(read(item, "description")),
        parameters=plain(read(item, "input_schema")),
    )


def part(block: Any) -> Part:
    """Convert one block; a block of an unknown type is kept without its encrypted fields."""
    kind = text(read(block, "type")) or ""
    reader = _PARTS.get(kind)
    if reader is None and kind.endswith("_tool_result"):
        reader = _server_tool_result
    return reader(block) if reader else _readable(generic(block))


# Fields that the provider encrypted for itself, or signed: long, and of no use to a reader.
_SEALED = frozenset({"encrypted_content", "encrypted_index", "encrypted_stdout", "signature"})


def _readable(value: Any) -> Any:
    """Return `value`, which is plain data, without the sealed fields."""
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items() if key not in _SEALED}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return value


def _text(block: Any) -> Part:
    found = {"type": "text", "content": text(read(block, "text")) or ""}
    citations = [_readable(plain(citation)) for citation in items(read(block, "citations"))]
    return {**found, "citations": citations} if citations else found


def _thinking(block: Any) -> Part:
    return {"type": "reasoning", "content": text(read(block, "thinking")) or ""}


def _redacted_thinking(block: Any) -> Part:
    return {"type": "redacted_thinking"}  # its data are encrypted


def _tool_use(block: Any) -> Part:
    return {
        "type": "tool_call",
        "id": text(read(block, "id")),
        "name": text(read(block, "name")) or "",
        "arguments": plain(read(block, "input")),
    }


def _tool_result(block: Any) -> Part:
    response = read(block, "content")
    found = {
        "type": "tool_call_response",
        "id": text(read(block, "tool_use_id")),
        "response": response if isinstance(response, str) else plain(response),
    }
    return {**found, "is_error": True} if read(block, "is_error") is True else found


def _server_tool_use(block: Any) -> Part:
    """Convert the call of a tool that the provider ran: `server_tool_use`, `mcp_tool_use`."""
    call = {key: value for key, value in generic(block).items() if key not in ("id", "name")}
    return {
        "type": "server_tool_call",
        "id": text(read(block, "id")),
        "name": text(read(block, "name")) or "",
        "server_tool_call": call,
    }


def _server_tool_result(block: Any) -> Part:
    found = _readable(generic(block))
    return {
        "type": "server_tool_call_response",
        "id": text(found.pop("tool_use_id", None)),
        "server_tool_call_response": found,
    }


def _media(block: Any) -> Part:
    modality = text(read(block, "type")) or ""
    source = read(block, "source")
    kind = text(read(source, "type")) or ""
    reader = _SOURCES.get(kind)
    if reader is None:
        return generic(block)
    title = text(read(block, "title"))
    named = {"title": title} if title else {}
    return {**reader(source, modality), **named}


_SOURCES: dict[str, Callable[[Any, str], Part]] = {
    "base64": lambda source, modality: {
        "type": "blob",
        "modality": modality,
        "mime_type": text(read(source, "media_type")) or "",
        "content": text(read(source, "data")) or "",
    },
    "url": lambda source, modality: {
        "type": "uri",
        "modality": modality,
        "uri": text(read(source, "url")) or "",
    },
    "file": lambda source, modality: {
        "type": "file",
        "modality": modality,
        "file_id": text(read(source, "file_id")),
    },
}

_PARTS: dict[str, Callable[[Any], Part]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted_thinking,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "server_tool_use": _server_tool_use,
    "mcp_tool_use": _server_tool_use,
    "image": _media,
    "document": _media,
}
