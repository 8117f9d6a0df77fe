"""Trims bodies below the service's limit: valid JSON, with a note at each cut.

The service itself would truncate the JSON above its limit (contract §3.1). A trimmed request keeps
the first system text, the last turns and the names of the tools; a response keeps the answer.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulse_otel import semconv
from pulse_otel.values import size_bytes, to_json

_MESSAGE_LISTS = ("messages", "input")
_SYSTEM_ROLES = ("system", "developer")
_NOTE_BYTES = 160  # room for one note
_WORTH_CUTTING = 2048  # an older turn is shortened instead of left out if this much fits
_SHORTEST = 32
_LEAST_LIST = 1024  # room for a second list of messages, which says the same as the first


def request(body: dict[str, Any], limit: int) -> dict[str, Any]:
    """Leave out the middle of the conversation, then shorten long texts."""
    if _size(body) <= limit:
        return body
    names = [name for name in _MESSAGE_LISTS if isinstance(body.get(name), list)]
    if not names:
        fitted: dict[str, Any] = fit(body, limit)
        return fitted
    kept = {key: value for key, value in body.items() if key not in names}
    kept = fit(_with_small_tools(kept, limit // 4), limit // 2)
    for name in names:
        reserve = 0 if name == names[-1] else max(_LEAST_LIST, limit // 16)
        room = limit - _size(kept) - len(name) - 8 - reserve
        kept = {**kept, name: _conversation(body[name], room)}
    return kept


def _with_small_tools(body: dict[str, Any], limit: int) -> dict[str, Any]:
    tools = body.get("tools")
    size = _size(tools)
    if not isinstance(tools, list) or size <= limit:
        return body
    names = [_tool_name(tool) for tool in tools]
    note = {
        semconv.PULSE_CUT: f"the definitions of {len(tools)} tools, {size} bytes",
        "names": names,
    }
    return {**body, "tools": [fit(note, limit)]}


def _tool_name(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return None
    function = tool.get("function")
    return tool.get("name") or (function.get("name") if isinstance(function, dict) else None)


def _conversation(messages: list[Any], room: int) -> list[Any]:
    """Return the first system message, a note and the last turns."""
    sizes = [_size(message) + 1 for message in messages]
    if sum(sizes) <= room:
        return messages
    room -= _NOTE_BYTES
    head: list[Any] = []
    if messages and _role(messages[0]) in _SYSTEM_ROLES:
        head = [fit(messages[0], max(_WORTH_CUTTING, room // 4))]
        room -= _size(head[0]) + 1
    first = len(head)
    tail: list[Any] = []
    position = len(messages)
    while position > first:
        size = sizes[position - 1]
        # The last message gets most of the room, not all: the message before it is shown too.
        share = room if tail or position == first + 1 else room * 3 // 4
        if size > share:
            if tail and share < _WORTH_CUTTING:
                break
            shortened = fit(messages[position - 1], share - 1)
            size = _size(shortened) + 1
            tail.append(shortened)
        else:
            tail.append(messages[position - 1])
        room -= size
        position -= 1
    left_out = position - first
    if not left_out:
        return [*head, *reversed(tail)]
    what = f"{left_out} messages, {sum(sizes[first:position])} bytes"
    note = {"role": "cut", "content": f"[{what} cut]", semconv.PULSE_CUT: what}
    return [*head, note, *reversed(tail)]


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def fit(value: Any, limit: int) -> Any:
    """Shorten the longest texts of `value` to one length, so that its JSON fits `limit` bytes.

    If that is not enough, leave out the middle of long lists and the ends of long objects.
    """
    excess = _size(value) - limit
    if excess <= 0:
        return value
    most = 1 << 14
    while True:
        value = _shortened(value, _text_limit(value, limit), most)
        if _size(value) <= limit:
            return value
        if most <= 2:
            return {semconv.PULSE_CUT: f"{excess + limit} bytes"}
        most //= 2


def _text_limit(value: Any, limit: int) -> int:
    """Return the length of the longest texts at which the shorter ones stay whole."""
    sizes = sorted((_size(text) for text in _texts(value)), reverse=True)
    below = sum(sizes)
    room = limit - (_size(value) - below)
    for count, size in enumerate(sizes, 1):
        below -= size
        shorter = sizes[count] if count < len(sizes) else 0
        if count * max(shorter, _SHORTEST) + below <= room or count == len(sizes):
            return max(_SHORTEST, min(size, (room - below) // count))
    return _SHORTEST


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _shortened(value: Any, text_limit: int, most: int) -> Any:
    if isinstance(value, str):
        return _cut(value, text_limit)
    if isinstance(value, dict):
        fields = list(value.items())[:most]
        shortened = {_cut(k, 256): _shortened(v, text_limit, most) for k, v in fields}
        left_out = len(value) - len(fields)
        return {**shortened, semconv.PULSE_CUT: f"{left_out} fields"} if left_out else shortened
    if isinstance(value, list):
        kept: list[Any] = value
        if len(value) > most:
            half = max(1, most // 2)
            note = {semconv.PULSE_CUT: f"{len(value) - 2 * half} items"}
            kept = [*value[:half], note, *value[-half:]]
        return [_shortened(item, text_limit, most) for item in kept]
    return value


def _cut(text: str, limit: int) -> str:
    """Return beginning and end of `text`, with JSON of at most `limit` bytes unless it is short."""
    size = _size(text)
    if size <= limit or len(text) <= _SHORTEST:
        return text
    note = f" … [{semconv.PULSE_CUT}: {size - limit} bytes] … "
    # By the average bytes of a character: some take three, or six if they are escaped.
    keep = max(_SHORTEST, (limit - size_bytes(note) - 2) * len(text) // size)
    if keep + len(note) >= len(text):
        return text
    head = keep * 2 // 3
    return text[:head] + note + text[len(text) - (keep - head) :]


def _size(value: Any) -> int:
    return size_bytes(to_json(value))
