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
from pulse_otel.bounds import Notes, shortened, whole, within
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
    total = _size(messages)
    if total <= room:
        return messages
    room -= _NOTE_BYTES
    head = messages[:1] if _role(messages[0]) in _SYSTEM_ROLES else []
    first, shown = len(head), 2
    if head:
        system = within(head[0], max(_WORTH_CUTTING, room // 4), NOTES) or b"{}"
        head, shown = [json.loads(system)], shown + len(system) + 1
    tail: list[Any] = []
    position = len(messages)
    while position > first:
        # The last message gets most of the room, not all: the message before it is shown too.
        left = room - shown
        share = left if tail or position == first + 1 else left * 3 // 4
        text = whole(messages[position - 1], share - 1)
        if text is not None:
            tail.append(messages[position - 1])
        elif tail and share < _WORTH_CUTTING:
            break
        else:
            tail.append(fit(messages[position - 1], share - 1))
            text = to_json_bytes(tail[-1])
        shown += len(text) + 1
        position -= 1
    if position == first:
        return [*head, *reversed(tail)]
    what = f"{position - first} messages, {max(0, total - shown)} bytes"
    note = {"role": CUT_ROLE, "content": f"[{what} cut]", semconv.PULSE_CUT: what}
    return [*head, *_earlier_note(messages[first:position]), note, *reversed(tail)]


def _earlier_note(messages: list[Any]) -> list[Any]:
    """Return what says what was left out as the call was recorded, or by a larger limit."""
    notes = (message for message in messages[:2] if _role(message) == CUT_ROLE)
    return [note for note in notes if _size(note) <= _NOTE_BYTES // 2][:1]


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def fit(value: Any, limit: int) -> Any:
    """Shorten `value` so that its JSON fits `limit` bytes, with a note at each cut."""
    if whole(value, limit) is not None:
        return value
    text = shortened(value, limit, NOTES)
    return json.loads(text) if text else {semconv.PULSE_CUT: f"{_size(value)} bytes"}


def _size(value: Any) -> int:
    return len(to_json_bytes(value))
