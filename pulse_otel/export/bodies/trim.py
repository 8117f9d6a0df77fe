"""Trims bodies below the service's limit: valid JSON, with a note at each cut.

The service itself would truncate the JSON above its limit (contract §3.1). A trimmed request keeps
the first system text, the last turns and the names of the tools; a response keeps the answer.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from typing import Any

from pulse_otel import semconv
from pulse_otel.bounds import Notes, shortened
from pulse_otel.values import to_json_bytes

NOTES = Notes(
    key=semconv.PULSE_CUT,
    text=f" … [{semconv.PULSE_CUT}: {{}} bytes] … ",
    items="{} items",
    fields="{} fields",
    keeps_end=True,
)
CUT_ROLE = "cut"
"""The role of a message that says what was left out in its place."""

_MESSAGE_LISTS = ("messages", "input")
_SYSTEM_ROLES = ("system", "developer")
_NOTE_BYTES = 320  # room for two notes
_WORTH_CUTTING = 2048  # an older turn is shortened instead of left out if this much fits
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
    # What was left out when the call was recorded, or by a larger limit, is said too.
    earlier = [
        messages[at]
        for at in range(first, position)
        if _role(messages[at]) == CUT_ROLE and sizes[at] <= _NOTE_BYTES // 2
    ][:1]
    what = f"{left_out} messages, {sum(sizes[first:position])} bytes"
    note = {"role": CUT_ROLE, "content": f"[{what} cut]", semconv.PULSE_CUT: what}
    return [*head, *earlier, note, *reversed(tail)]


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def fit(value: Any, limit: int) -> Any:
    """Shorten `value` so that its JSON fits `limit` bytes, with a note at each cut."""
    size = _size(value)
    if size <= limit:
        return value
    text = shortened(value, limit, NOTES)
    return {semconv.PULSE_CUT: f"{size} bytes"} if text is None else json.loads(text)


def _size(value: Any) -> int:
    return len(to_json_bytes(value))
