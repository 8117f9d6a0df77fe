"""Messages in the providers' own shapes -> GenAI messages.

The block types of Chat Completions, Responses, Anthropic Messages and the AI SDK differ, so one
table reads them all.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulse_otel.bounds import NOTES
from pulse_otel.export.bodies.trim import CUT_ROLE
from pulse_otel.export.dialects.source import (
    as_text,
    at,
    dicts,
    first,
    items,
    loose_json,
    mapping,
    present,
)

Part = dict[str, Any]


def messages(value: object) -> list[dict[str, Any]]:
    """Return the messages of a list of messages or Responses items, or of one text."""
    if isinstance(value, str):
        return [{"role": "user", "parts": [text_part(value)]}] if value else []
    return [message(item) for item in dicts(value)]


def message(item: Mapping[str, Any], role: str = "user") -> dict[str, Any]:
    """Return one message; a Responses item of another type becomes a message of its own."""
    kind = as_text(item.get("type"))
    if kind in _ITEM_ROLES and "role" not in item:
        return {"role": _ITEM_ROLES[kind], "parts": [part(item)]}
    role = as_text(item.get("role")) or role
    if role == "tool" and "content" in item and not _has_results(item["content"]):
        found = present(id=as_text(item.get("tool_call_id")) or as_text(item.get("id")))
        result = {"type": "tool_call_response", **found, "response": item["content"]}
        return {"role": role, "parts": [result]}
    parts = _reasoning(item) + content(item.get("content"))
    parts += [part({"type": "refusal", **item})] if as_text(item.get("refusal")) else []
    parts += [tool_call(call) for call in dicts(item.get("tool_calls"))]
    return {"role": role, "parts": parts, **present(name=as_text(item.get("name")))}


def recorded(value: object) -> list[dict[str, Any]]:
    """Return GenAI messages as they were recorded; a note of what was left out becomes one."""
    note = NOTES.key
    return [
        {"role": CUT_ROLE, "parts": [text_part(f"[{item[note]}]")]}
        if note in item and "role" not in item and "parts" not in item
        else item
        for item in dicts(value)
    ]


def _has_results(value: object) -> bool:
    return any(
        block.get("type") in ("tool_result", "tool-result") or "toolResult" in block
        for block in dicts(value)
    )


def _reasoning(item: Mapping[str, Any]) -> list[Part]:
    text = as_text(item.get("reasoning_content")) or as_text(item.get("reasoning"))
    return [{"type": "reasoning", "content": text}] if text else []


def content(value: object) -> list[Part]:
    """Return the parts of a message's content: a text, one block, or a list of both."""
    if isinstance(value, str):
        return [text_part(value)] if value else []
    if isinstance(value, Mapping):
        return [part(value)]
    return [
        text_part(block) if isinstance(block, str) else part(block)
        for block in items(value)
        if isinstance(block, (str, Mapping))
    ]


def part(block: Mapping[str, Any]) -> Part:
    """Return the part of a block; a block of an unknown type is kept as it is."""
    kind = as_text(block.get("type")) or ""
    if not kind and (known := next((name for name in _UNTYPED if name in block), "")):
        return _UNTYPED[known](block)
    reader = _BLOCKS.get(kind)
    return reader(block) if reader else {"type": kind or "unknown", **block}


def text_of_blocks(value: object) -> object:
    """Return the text of a list of blocks that have text alone; any other value as it is."""
    texts = [as_text(block.get("text")) for block in dicts(value)]
    known = [text for text in texts if text is not None]
    return "\n".join(known) if known and len(known) == len(items(value)) else value


def text_part(text: object) -> Part:
    """Return the part of a text."""
    return {"type": "text", "content": text if isinstance(text, str) else ""}


def tool_call(call: Mapping[str, Any]) -> Part:
    """Return the part of a tool call of any of the APIs."""
    body = mapping(call.get("function")) or call
    return {
        "type": "tool_call",
        **present(id=as_text(first(call, "call_id", "id", "toolCallId"))),
        "name": as_text(body.get("name")) or as_text(body.get("toolName")) or "",
        "arguments": loose_json(first(body, "arguments", "input", "args")),
    }


def _tool_result(block: Mapping[str, Any]) -> Part:
    found = present(
        id=as_text(first(block, "tool_use_id", "call_id", "toolCallId")),
        is_error=True if block.get("is_error") is True else None,
    )
    response = first(block, "content", "output", "result")
    return {"type": "tool_call_response", **found, "response": response}


def _thinking(block: Mapping[str, Any]) -> Part:
    text = as_text(block.get("thinking")) or as_text(block.get("text"))
    pieces = [as_text(item.get("text")) or "" for item in dicts(block.get("summary"))]
    return {"type": "reasoning", "content": text or "\n".join(pieces)}


def _image(block: Mapping[str, Any]) -> Part:
    url = block.get("image_url", block.get("image"))
    return _located("image", as_text(at(url, "url")) or as_text(url), block)


def _located(modality: str, url: str | None, block: Mapping[str, Any]) -> Part:
    if url is None:
        file_id = as_text(block.get("file_id"))
        return {"type": "file", "modality": modality, "file_id": file_id} if file_id else {**block}
    if not url.startswith("data:"):
        return {"type": "uri", "modality": modality, "uri": url}
    head, _, data = url.partition(",")
    return _blob(modality, head[5:].partition(";")[0], data)


def _blob(modality: str, mime_type: str, data: str) -> Part:
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": data}


def _audio(block: Mapping[str, Any]) -> Part:
    audio_format = as_text(at(block, "input_audio", "format")) or "wav"
    data = as_text(at(block, "input_audio", "data")) or ""
    return _blob("audio", f"audio/{audio_format}", data)


def _source(block: Mapping[str, Any]) -> Part:
    """Return the part of an image or a document of Anthropic's API."""
    source = block.get("source")
    if not isinstance(source, Mapping):
        return _image(block)
    modality = as_text(block.get("type")) or "image"
    data = as_text(source.get("data"))
    if data is not None:
        return _blob(modality, as_text(source.get("media_type")) or "", data)
    return _located(modality, as_text(source.get("url")), {**block, **source})


_BLOCKS: dict[str, Callable[[Mapping[str, Any]], Part]] = {
    **dict.fromkeys(
        ("text", "input_text", "output_text", "summary_text"),
        lambda block: text_part(block.get("text")),
    ),
    "refusal": lambda block: {"type": "refusal", "content": as_text(block.get("refusal")) or ""},
    **dict.fromkeys(("thinking", "reasoning"), _thinking),
    **dict.fromkeys(("tool_use", "function_call", "tool-call"), tool_call),
    **dict.fromkeys(("tool_result", "function_call_output", "tool-result"), _tool_result),
    **dict.fromkeys(("image_url", "input_image"), _image),
    **dict.fromkeys(("image", "document"), _source),
    "input_audio": _audio,
}

# Blocks of Bedrock's Converse API, which Strands has too: the one key says the type.
_UNTYPED: dict[str, Callable[[Mapping[str, Any]], Part]] = {
    "text": lambda block: text_part(block.get("text")),
    "toolUse": lambda block: tool_call(_converse(block, "toolUse")),
    "toolResult": lambda block: _tool_result(_converse(block, "toolResult")),
}


def _converse(block: Mapping[str, Any], name: str) -> dict[str, Any]:
    body = {**mapping(block.get(name))}
    call_id = body.pop("toolUseId", None)
    body["content"] = text_of_blocks(body.get("content"))
    return {**body, "call_id": call_id, **present(is_error=body.get("status") == "error" or None)}


# Items of a Responses list that are not messages -> their role
_ITEM_ROLES = {
    "reasoning": "assistant",
    "function_call": "assistant",
    "function_call_output": "tool",
}


def tool(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of a tool of any of the APIs; only a function's is changed."""
    body = mapping(definition.get("function")) or definition
    # "custom" is a caller's tool for Anthropic, and a tool that takes free text for OpenAI.
    is_function = definition.get("type", "function") == "function" or "input_schema" in body
    if not is_function or "name" not in body:
        return {**definition}
    return {
        "type": "function",
        "name": as_text(body.get("name")) or "",
        **present(
            description=body.get("description"), parameters=loose_json(first(body, *_SCHEMAS))
        ),
        **{k: v for k, v in body.items() if v is not None and k not in _WRITTEN},
    }


_SCHEMAS = ("parameters", "input_schema", "inputSchema", "parameters_json_schema")
_WRITTEN = frozenset((*_SCHEMAS, "type", "name", "description"))
