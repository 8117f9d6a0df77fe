"""Write a value as JSON within a limit: what does not fit is left out, and a note says so.

One walk from the top, with a budget. The size of each container is estimated once, items and fields
are encoded many at a time, and what is left out is not encoded, so that it takes little more time
than to encode the value once.

| value | what is kept |
|---|---|
| a text | its beginning, with some notes its end too |
| a list | the first item, within a quarter of the room, and the last ones |
| an object of few fields | the small fields whole; the others share what these leave |
| a long name of a field | its beginning and its end |
| an object of many fields | the first ones, and parts of some that are large |
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import accumulate, takewhile
from typing import Any

from pulse_otel.pieces import (
    PIECES,
    Json,
    Pieces,
    fitting,
    in_one,
    inner,
    inner_object,
    joined,
    size,
)
from pulse_otel.sizes import DEEPEST, Sizes
from pulse_otel.texts import scrub, size_bytes
from pulse_otel.values import plain, to_json_bytes

_FEW = 32  # fields that are weighed one by one
_WORTH_CUTTING = 8192  # another value is shortened instead of left out if this much fits
_CUTS = 32  # or less in a small room: this part of it
_LEAST_CUT = 128
_LEAST_NOTE = 16  # no note takes less

_Field = tuple[Any, Any]


@dataclass(frozen=True)
class Notes:
    """What stands in the place of what is left out, in objects under `key`."""

    key: str
    text: str
    items: str
    fields: str
    keeps_end: bool  # of a text


OVER = "over "  # before a size of which only that is known
NOTES = Notes("truncated", "… [{} bytes cut]", "{} items left out", "{} fields left out", False)


def bounded_json(value: object, limit_bytes: int) -> str:
    """Return valid JSON text of `value`, at most `limit_bytes` long; notes say what is left out.

    A limit below 64 bytes may be too small for the note alone.
    """
    text = to_json_bytes(value, limit_bytes)
    if len(text) > limit_bytes:
        whole = {NOTES.key: True, "original_bytes": len(text)}
        text = shortened(value, limit_bytes, NOTES) or to_json_bytes(whole)
    return text.decode()


def shortened(value: Any, room: int, notes: Notes) -> bytes | None:
    """Return JSON of at most `room` bytes for a `value` that takes more; None if nothing fits."""
    text = _Cut(notes, room).shortened(value, room)
    return in_one(text) if text else None


def within(value: Any, room: int, notes: Notes) -> bytes | None:
    """Return the JSON of `value`, shortened if it takes more than `room` bytes."""
    return whole(value, room) or shortened(value, room, notes)


def whole(value: Any, room: int, sizes: Sizes | None = None) -> bytes | None:
    """Return the JSON of `value` if it takes at most `room` bytes; `sizes` are those known."""
    if (sizes or Sizes(room)).least(value) > room:
        return None
    text = to_json_bytes(value, room)
    return text if len(text) <= room else None


class _Cut:
    """One walk from the top: what is known of the sizes, and which room is worth a cut."""

    def __init__(self, notes: Notes, room: int) -> None:
        self.notes = notes
        self.worth = min(_WORTH_CUTTING, max(_LEAST_CUT, room // _CUTS))
        self._sizes = Sizes(room)
        self.least = self._sizes.least
        self._alive: list[Any] = []  # as the sizes are known by id

    def shortened(self, value: Any, room: int, depth: int = 0) -> Json | None:
        if depth >= DEEPEST or room < _LEAST_NOTE:
            return None
        if type(value) not in (str, list, dict):
            value = list(value) if type(value) is tuple else plain(value)
            self._alive.append(value)
        if isinstance(value, str):
            return _text(value, room, self.notes)
        if isinstance(value, list) and value:
            return _list(value, room, self, depth + 1)
        if isinstance(value, dict) and value:
            return _object(value, room, self, depth + 1)
        return None

    def within(self, value: Any, room: int, depth: int) -> Json | None:
        return self.whole(value, room) or self.shortened(value, room, depth)

    def whole(self, value: Any, room: int) -> Json | None:
        return whole(value, room, self._sizes)


def _text(text: str, room: int, notes: Notes) -> Json | None:
    size, about = _size(text, 4 * room)
    room -= len(inner(notes.text.format(f"{about}{size}"))) + 2
    if room < 0:
        return None
    most = room * 2 // 3 if notes.keeps_end else room
    first = scrub(text[:most])  # a character takes at least one byte
    start, count = fitting(first, most, 0, inner)
    end: list[bytes] = []
    kept = size_bytes(first[:count])
    if notes.keeps_end:
        room -= sum(map(len, start))
        # Both together have less JSON than the text, so that they do not overlap.
        last = scrub(text[max(0, len(text) - room) :])
        end, count = fitting(last, room, 0, inner, last=True)
        kept += size_bytes(last[len(last) - count :])
    return b'"%b"' % b"".join([*start, inner(notes.text.format(f"{about}{size - kept}")), *end])


def _size(text: str, most: int) -> tuple[int, str]:
    """Return the size of `text` in UTF-8; "over" one that takes no look, of a long text."""
    if len(text) <= most:
        return size_bytes(text) + 2 * text.count("\x00"), ""  # for which U+FFFD stands
    return len(text), "" if text.isascii() else OVER


def _list(items: list[Any], room: int, cut: _Cut, depth: int) -> Json | None:
    room -= 2 + len(_note_item(len(items), cut.notes))
    if room < 0:
        return None
    if len(items) == 1:
        only = cut.shortened(items[0], room, depth)
        return joined(b"[]", [only or _note_item(1, cut.notes)])
    first, between = cut.whole(items[0], room // 4), items[1:-1]
    reserve = room // 4 if first is None else len(first) + 1
    last = cut.whole(items[-1], (room - reserve) * 3 // 4)
    rest = (room - reserve) // 4 if last is None else room - reserve - len(last) - 1
    middle, kept = _last_items(between, rest, last is not None, cut, depth)
    room -= size(middle)
    last = last or cut.within(items[-1], room - reserve - 1, depth)
    room -= len(last) + 1 if last else 0
    first = first or cut.within(items[0], room - 1, depth)
    left_out = len(between) - kept + (first is None) + (last is None)
    note = _note_item(left_out, cut.notes) if left_out else None
    return joined(b"[]", [text for text in (first, note, *middle, last) if text])


def _last_items(
    items: list[Any], room: int, may_cut: bool, cut: _Cut, depth: int
) -> tuple[list[Json], int]:
    """Return the last items that fit, and their number; the first of them may be shortened."""
    few = _run((cut.least(item) + 1 for item in reversed(items)), room + 1)
    found, kept = fitting(items[len(items) - few :], room, 1, inner, last=True)
    room -= size(found)
    if may_cut and kept < len(items) and room >= cut.worth:
        part = cut.within(items[-1 - kept], room - 1, depth)
        if part:
            return [part, *found], kept + 1
    return [*found], kept


def _note_item(count: int, notes: Notes) -> bytes:
    return to_json_bytes({notes.key: notes.items.format(count)})


def _object(value: dict[Any, Any], room: int, cut: _Cut, depth: int) -> Json | None:
    fields = list(value.items())
    if cut.notes.key in value:  # the note takes its place
        fields = [field for field in fields if field[0] != cut.notes.key]
    room -= 2 + len(_note_field(len(value), cut.notes))
    if room < 0:
        return None
    keep = _small_fields if len(fields) <= _FEW else _first_fields
    kept, larger, left_out = keep(fields, room, cut)
    room -= size(kept.values())
    shown: dict[int, Json] = {**kept}
    for done, position in enumerate(larger):
        if room < _LEAST_NOTE:
            left_out += len(larger) - done
            break
        # A share that is not worth a cut goes to the first of them.
        share = room // max(1, min(len(larger) - done, room // cut.worth))
        write = cut.shortened if len(kept) == len(fields) - 1 else cut.within  # it cannot fit
        named = _field(fields[position], share, write, depth, cut)
        if named is None:
            left_out += 1
        else:
            shown[position] = named
            room -= len(named) + 1
    left_out += len(value) - len(fields)
    note = [_note_field(left_out, cut.notes)] if left_out else []
    return joined(b"{}", [*(shown[position] for position in sorted(shown)), *note])


_Kept = tuple[dict[int, Json], list[int], int]
"""JSON of fields by position; the positions of others to shorten; how many are left."""


def _small_fields(fields: list[_Field], room: int, cut: _Cut) -> _Kept:
    """Keep each field that takes no more than an even share of the room."""
    kept: dict[int, Json] = {}
    larger: list[int] = []
    sizes = [cut.least(item) + len(name if type(name) is str else "") for name, item in fields]
    for position in sorted(range(len(fields)), key=sizes.__getitem__):
        share = room // (len(fields) - len(kept))
        text = b""
        # If all others fit, this one cannot.
        if sizes[position] < share and len(kept) < len(fields) - 1:
            text = inner_object([fields[position]])
        if text and len(text) < share:
            kept[position] = text
            room -= len(text) + 1
        else:
            larger.append(position)
    if larger and room // len(larger) < cut.worth:
        count = _run([sizes[position] + 4 for position in larger], room)
        text = inner_object([fields[position] for position in larger[:count]])
        if count and len(text) < room:
            kept[larger[0]] = text
            larger = larger[count:]
            if room - len(text) < cut.worth // 16:
                return kept, [], len(larger)
    return kept, larger, 0


def _run(sizes: Iterable[int], room: int) -> int:
    """Return how many of the first of `sizes` fit."""
    return sum(1 for _ in takewhile(room.__gt__, accumulate(sizes)))


def _first_fields(fields: list[_Field], room: int, cut: _Cut) -> _Kept:
    """Keep the first fields that fit, in pieces, and the next ones after each that does not."""
    kept: dict[int, Json] = {}
    larger: list[int] = []
    position = 0
    while position < len(fields) and room >= cut.worth and len(larger) < PIECES:
        few = _run((cut.least(fields[at][1]) for at in range(position, len(fields))), room)
        pieces, count = fitting(fields[position : position + few], room, 1, inner_object)
        kept |= {position + at: piece for at, piece in enumerate(pieces)}
        room -= size(pieces)
        position += count
        if position < len(fields):
            larger.append(position)
            position += 1
    return kept, larger, len(fields) - position


def _field(
    field: _Field, room: int, write: Callable[[Any, int, int], Json | None], depth: int, cut: _Cut
) -> Pieces | None:
    """Return a field, its value and a long name shortened if they do not fit; None if nothing."""
    name = _name(field)
    if len(name) > max(_LEAST_CUT, room // 2) and type(field[0]) is str:
        value = cut.within(field[1], room // 2, depth)
        # Names mostly differ at their ends.
        text = _text(field[0], room - len(value or b"") - 2, replace(cut.notes, keeps_end=True))
        name = in_one(text) + b":" if text else b""
    else:
        value = write(field[1], room - len(name) - 1, depth)
    if not (name and value):
        return None
    return Pieces([name, *([value] if isinstance(value, bytes) else value.parts)])


def _name(field: _Field) -> bytes:
    """Return the name of a field with its colon."""
    return inner({field[0]: 0})[:-1]


def _note_field(count: int, notes: Notes) -> bytes:
    return inner_object([(notes.key, notes.fields.format(count))])
