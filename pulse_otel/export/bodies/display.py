"""The last user message and system messages as one text each.

The service's pages are blank if they have to show a list of blocks there (contract §3.7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from pulse_otel.export.bodies.content import Part, as_string, only_text, parts_of
from pulse_otel.export.bodies.media import media_note, url_note, without_media

_SYSTEM_ROLES = ("system", "developer")

Message = dict[str, Any]


def for_display(messages: list[Message], is_users: Callable[[Message], bool]) -> list[Message]:
    """Return `messages`, each with the parts that a page can show.

    `is_users` says which messages the API's shape writes as the user's.
    """
    last = len(messages) - 1
    while last >= 0 and not is_users(messages[last]):
        last -= 1
    return [
        _with_one_text(message)
        if index == last or message.get("role") in _SYSTEM_ROLES
        else message
        for index, message in enumerate(messages)
    ]


def _with_one_text(message: Message) -> Message:
    if only_text(message.get("parts")) is not None or not (parts := parts_of(message)):
        return message
    return {**message, "parts": [{"type": "text", "content": "\n".join(map(shown, parts))}]}


def shown(part: Part) -> str:
    """Return the text for a part, or for a block of a tool's result."""
    write = _TEXTS.get(str(part.get("type")))
    text = write(part) if write else None
    return as_string(without_media(part)) if text is None else text


def _text(part: Part) -> str | None:
    text = part.get("content", part.get("text"))
    return text if isinstance(text, str) else None


def _blob(part: Part) -> str:
    kind = part.get("mime_type") or part.get("modality") or "data"
    return media_note(as_string(kind), as_string(part.get("content") or ""))


def _place(part: Part, where: object) -> str | None:
    if not isinstance(where, str):
        return None
    if where.startswith("data:"):
        return url_note(where)
    return f"[{part.get('modality') or part.get('type')}: {where}]"


def _image_url(part: Part) -> str | None:
    url: Any = part.get("image_url")
    if isinstance(url, dict):
        url = cast("dict[str, Any]", url).get("url")
    return _place({"type": "image"}, url)


def _source(part: Part) -> str | None:
    """An image or a document: Anthropic's block, or what is known of a file."""
    if isinstance(size := part.get("bytes"), int):
        return f"[{part.get('mime_type') or part.get('type')}, {size} bytes]"
    source: Any = part.get("source")
    if not isinstance(source, dict):
        return None
    fields = cast("dict[str, Any]", source)
    if isinstance(data := fields.get("data"), str):
        is_text = fields.get("type") == "text"
        return data if is_text else media_note(as_string(fields.get("media_type")), data)
    return _place(part, fields.get("url") or fields.get("file_id"))


def _result(part: Part) -> str | None:
    """What a tool gave: a text, blocks, or any data."""
    response: Any = part.get("response")
    if not isinstance(response, list):
        return response if isinstance(response, str) else as_string(without_media(response))
    blocks = cast("Any", response)
    if not all(isinstance(block, dict) for block in blocks):
        return as_string(without_media(blocks))
    return "\n".join(map(shown, blocks))


_TEXTS: dict[str, Callable[[Part], str | None]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "reasoning", "refusal"), _text),
    "blob": _blob,
    "uri": lambda part: _place(part, part.get("uri")),
    "file": lambda part: _place(part, part.get("file_id")),
    **dict.fromkeys(("input_image", "image_url"), _image_url),
    **dict.fromkeys(("image", "document"), _source),
    "tool_call_response": _result,
}
