"""Convert a chat message to GenAI parts: its content, and what providers put beside it."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pulse_otel.instrumentation.openai.items import BLOCKS, cited, content_part
from pulse_otel.instrumentation.openai.media import base64_bytes, described, image
from pulse_otel.instrumentation.reading import (
    fields_of,
    generic,
    items,
    parsed,
    parts_of,
    read,
    text,
    text_parts,
)

Part = dict[str, Any]


_REASONING = ("reasoning_content", "reasoning")
_BESIDE = frozenset(
    (
        *("audio", "images", "annotations", *_REASONING, "reasoning_details"),
        *("refusal", "tool_calls", "function_call"),
    )
)


def parts_of_message(message: Any, sources: Sequence[Any] = ()) -> list[Part]:
    """Return the parts of a message: content, sound, images, reasoning, a refusal, tool calls.

    `sources` are those that a provider names elsewhere than among the annotations.
    """
    fields = fields_of(message)
    parts = parts_of(fields.get("content"), _part)
    names = [*filter(fields.get, _BESIDE)]
    if not names and not sources:
        return parts  # as nearly always
    beside = {name: fields[name] for name in names}
    if sources:
        beside["annotations"] = [*items(beside.get("annotations")), *sources]
    return parts + _parts_beside(beside, parts) if beside else parts


def _parts_beside(beside: dict[str, Any], said: list[Part]) -> list[Part]:
    """Return the parts that are not in the content; the sources of a text go to that text."""
    parts = _audio(beside["audio"]) if "audio" in beside else []
    parts += [_image(picture) for picture in items(beside.get("images"))]
    spoken = next((part for part in [*said, *parts] if part["type"] == "text"), None)
    if spoken is not None:
        spoken |= cited(items(beside.get("annotations")))
    reasoning = _reasoning(beside)
    if reasoning:
        parts.append({"type": "reasoning", "content": reasoning})
    refusal = text(beside.get("refusal"))
    if refusal:
        parts.append({"type": "refusal", "content": refusal})
    parts += [_tool_call(call) for call in items(beside.get("tool_calls"))]
    function = beside.get("function_call")
    return [*parts, _tool_call({"function": function})] if function else parts


def _audio(audio: Any) -> list[Part]:
    """Return what was said, and the size of its sound."""
    data = text(read(audio, "data"))
    sound = [described("audio", None, base64_bytes(data))] if data else []
    return text_parts(read(audio, "transcript")) + sound


def _image(picture: Any) -> Part:
    """Return an image that the model made: its address, or type and size."""
    url = text(read(picture, "image_url", "url")) or text(read(picture, "image_url")) or ""
    kind = url[5:].partition(";")[0] if url.startswith("data:image/") else ""
    return image({"url": url}, kind.removeprefix("image/") or None)


def _reasoning(beside: dict[str, Any]) -> str:
    """Return the reasoning, for which providers have three fields, often two with one text."""
    for name in _REASONING:
        found = text(beside.get(name))
        if found:
            return found
    details = items(beside.get("reasoning_details"))
    return "".join(
        text(read(detail, "text")) or text(read(detail, "summary")) or "" for detail in details
    )


def _tool_call(call: Any) -> Part:
    custom = read(call, "custom")
    function = custom if custom is not None else read(call, "function")
    arguments = read(function, "arguments") if custom is None else read(function, "input")
    return {
        "type": "tool_call",
        "id": text(read(call, "id")),
        "name": text(read(function, "name")) or "",
        # A custom tool takes free text, which may look like JSON.
        "arguments": parsed(arguments) if custom is None else arguments,
    }


def _part(block: Any) -> Part:
    kind = text(read(block, "type"))
    if kind in BLOCKS:
        return content_part(block)
    if kind == "thinking":  # Mistral: a list of texts
        return {"type": "reasoning", "content": thought(block)}
    file_id = text(read(block, "file", "file_id"))
    if file_id:
        return {"type": "file", "modality": "document", "file_id": file_id}
    return generic(block)


def thought(block: Any) -> str:
    """Return the text of a block of reasoning in the content, as Mistral sends it."""
    thinking = read(block, "thinking")
    pieces = [text(read(piece, "text")) or "" for piece in items(thinking)]
    return text(thinking) or "".join(pieces)
