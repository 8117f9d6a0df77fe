"""Write a value as JSON within a limit: what does not fit is left out, and a note says so.

One walk from the top, with a budget. Items and fields are encoded many at a time, and most of what
is left out is not looked at, so that it takes little more time than to encode the value once.

| value | what is kept |
|---|---|
| a text | its beginning, with some notes its end too |
| a list | the first item, within a quarter of the room, and the last ones |
| an object of few fields | the small fields whole; the others share what these leave |
| an object of many fields | the first ones, and parts of some that are large |
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pulse_otel.values import MAX_DEPTH, plain, size_bytes, to_json_bytes

_PIECES = 16  # a sequence is encoded in so many pieces; the one that does not fit, in as many again
_FEW = 32  # fields that are weighed one by one
_WORTH_CUTTING = 2048  # another value is shortened instead of left out if this much fits
_GLANCES = 64  # parts of a value that are looked at to estimate its size
_UNKNOWN = 1 << 62  # more than any room

_Field = tuple[Any, Any]
_Named = tuple[bytes, bytes]
"""The name of a field with its colon, and its value, in JSON."""


@dataclass(frozen=True)
class Notes:
    """What stands in the place of what is left out, in objects under `key`."""

    key: str
    text: str
    items: str
    fields: str
    keeps_end: bool  # of a text


NOTES = Notes("truncated", "… [{} bytes cut]", "{} items left out", "{} fields left out", False)


def bounded_json(value: object, limit_bytes: int) -> str:
    """Return valid JSON text of `value`, at most `limit_bytes` long; notes say what is left out.

    A limit below 64 bytes may be too small for the note alone.
    """
    text = to_json_bytes(value)
    if len(text) > limit_bytes:
        whole = {NOTES.key: True, "original_bytes": len(text)}
        text = shortened(value, limit_bytes, NOTES) or to_json_bytes(whole)
    return text.decode()


def shortened(value: Any, room: int, notes: Notes, depth: int = 0) -> bytes | None:
    """Return JSON of at most `room` bytes for a `value` that takes more; None if nothing fits."""
    if depth >= MAX_DEPTH:
        return None
    if type(value) is tuple:
        value = list(value)
    elif type(value) not in (str, list, dict):
        value = plain(value)
    if isinstance(value, str):
        return _text(value, room, notes)
    if isinstance(value, list) and value:
        return _list(value, room, notes, depth + 1)
    if isinstance(value, dict) and value:
        return _object(value, room, notes, depth + 1)
    return None


def within(value: Any, room: int, notes: Notes, depth: int = 0) -> bytes | None:
    """Return the JSON of `value`, shortened if it takes more than `room` bytes."""
    return whole(value, room) or shortened(value, room, notes, depth)


def whole(value: Any, room: int) -> bytes | None:
    """Return the JSON of `value` if it takes at most `room` bytes."""
    if _least_bytes(value, room) > room:
        return None
    text = to_json_bytes(value)
    return text if len(text) <= room else None


def _least_bytes(value: Any, enough: int) -> int:
    """Return how many bytes the JSON of `value` takes at least, as far as a few glances tell.

    They end where it is more than `enough`.
    """
    least, parts = 1, [value]
    for _ in range(_GLANCES):
        if not parts or least > enough:
            break
        part = parts.pop()
        # Each part is at least one byte, which was counted where the part was found.
        if isinstance(part, str):
            least += len(part) + 1
        elif isinstance(part, list):
            least += 2 * len(part)
            parts += part[:_GLANCES]
        elif isinstance(part, dict):
            least += 5 * len(part)
            parts += part.values() if len(part) <= _GLANCES else ()
    return least


def _inner(value: object) -> bytes:
    """Return the JSON of `value` without its first and last byte: quotes, brackets or braces."""
    return to_json_bytes(value)[1:-1]


def _inner_object(fields: Sequence[_Field]) -> bytes:
    return _inner(dict(fields))


def _joined(brackets: bytes, texts: Iterable[bytes | _Named]) -> bytes:
    """Return a list or an object of `texts`, each of which is copied once."""
    parts = [brackets[:1]]
    for text in texts:
        parts += (text, b",") if isinstance(text, bytes) else (*text, b",")
    parts[-1] = brackets[1:]
    return b"".join(parts)


def _fitting(
    values: Any, room: int, comma: int, encoded: Callable[[Any], bytes], last: bool = False
) -> tuple[list[bytes], int]:
    """Encode the first or last of `values`, as many as fit; return the pieces and their number.

    Each piece takes `comma` bytes more.
    """
    pieces: list[bytes] = []
    count, step, most = 0, max(1, len(values) // _PIECES), len(values)
    while count < most:
        until = min(count + step, most)
        piece = encoded(values[most - until : most - count] if last else values[count:until])
        if len(piece) + comma <= room:
            pieces.append(piece)
            room -= len(piece) + comma
            count = until
        elif step == 1:
            break
        else:
            step = max(1, step // _PIECES)
    return (pieces[::-1] if last else pieces), count


def _size(texts: Collection[bytes]) -> int:
    """Return the bytes that `texts` take in a list or an object."""
    return sum(map(len, texts)) + len(texts)


def _text(text: str, room: int, notes: Notes) -> bytes | None:
    size = size_bytes(text)
    room -= len(_inner(notes.text.format(size))) + 2
    if room < 0:
        return None
    most = room * 2 // 3 if notes.keeps_end else room
    start, count = _fitting(text[:most], most, 0, _inner)  # a character takes at least one byte
    end: list[bytes] = []
    kept = size_bytes(text[:count])
    if notes.keeps_end:
        room -= sum(map(len, start))
        # Both together have less JSON than the text, so that they do not overlap.
        end, count = _fitting(text[max(0, len(text) - room) :], room, 0, _inner, last=True)
        kept += size_bytes(text[len(text) - count :])
    return b'"%b"' % b"".join([*start, _inner(notes.text.format(size - kept)), *end])


def _list(items: list[Any], room: int, notes: Notes, depth: int) -> bytes | None:
    room -= 2 + len(_note_item(len(items), notes))
    if room < 0:
        return None
    if len(items) == 1:
        only = shortened(items[0], room, notes, depth)
        return _joined(b"[]", [only or _note_item(1, notes)])
    first, between = whole(items[0], room // 4), items[1:-1]
    reserve = room // 4 if first is None else len(first) + 1
    last = whole(items[-1], (room - reserve) * 3 // 4)
    rest = (room - reserve) // 4 if last is None else room - reserve - len(last) - 1
    middle, kept = _last_items(between, rest, last is not None, notes, depth)
    room -= _size(middle)
    last = last or within(items[-1], room - reserve - 1, notes, depth)
    room -= len(last) + 1 if last else 0
    first = first or within(items[0], room - 1, notes, depth)
    left_out = len(between) - kept + (first is None) + (last is None)
    note = _note_item(left_out, notes) if left_out else None
    return _joined(b"[]", [text for text in (first, note, *middle, last) if text])


def _last_items(
    items: list[Any], room: int, may_cut: bool, notes: Notes, depth: int
) -> tuple[list[bytes], int]:
    """Return the last items that fit, and their number; the first of them may be shortened."""
    found, kept = _fitting(items[-max(1, room) :], room, 1, _inner, last=True)
    room -= _size(found)
    if may_cut and kept < len(items) and room >= _WORTH_CUTTING:
        cut = shortened(items[-1 - kept], room - 1, notes, depth)
        if cut:
            return [cut, *found], kept + 1
    return found, kept


def _note_item(count: int, notes: Notes) -> bytes:
    return to_json_bytes({notes.key: notes.items.format(count)})


def _object(value: dict[Any, Any], room: int, notes: Notes, depth: int) -> bytes | None:
    fields = list(value.items())
    if notes.key in value:  # the note takes its place
        fields = [field for field in fields if field[0] != notes.key]
    room -= 2 + len(_note_field(len(value), notes))
    if room < 0:
        return None
    keep = _small_fields if len(fields) <= _FEW else _first_fields
    kept, larger, left_out = keep(fields, room)
    room -= _size(kept.values())
    shown: dict[int, bytes | _Named] = {**kept}
    for done, (position, least) in enumerate(larger):
        share = room // (len(larger) - done)
        named = _field(fields[position], share, least, notes, depth)
        if named is None:
            left_out += 1
        else:
            shown[position] = named
            room -= _size(named) - 1
    left_out += len(value) - len(fields)
    note = [_note_field(left_out, notes)] if left_out else []
    return _joined(b"{}", [*(shown[position] for position in sorted(shown)), *note])


_Kept = tuple[dict[int, bytes], list[tuple[int, int]], int]
"""JSON of fields by position; of others to shorten, position and least size; how many are left."""


def _small_fields(fields: list[_Field], room: int) -> _Kept:
    """Keep each field that takes no more than an even share of the room."""
    kept: dict[int, bytes] = {}
    larger: list[tuple[int, int]] = []
    for least, position in sorted(
        (_least_bytes(field[1], room), at) for at, field in enumerate(fields)
    ):
        share = room // (len(fields) - len(kept))
        if len(kept) == len(fields) - 1:  # all others fit, so that this one cannot
            larger.append((position, _UNKNOWN))
        elif least > share:
            larger.append((position, least))
        elif len(text := _inner_object([fields[position]])) >= share:
            larger.append((position, len(text) - len(_name(fields[position]))))
        else:
            kept[position] = text
            room -= len(text) + 1
    return kept, larger, 0


def _first_fields(fields: list[_Field], room: int) -> _Kept:
    """Keep the first fields that fit, in pieces, and the next ones after each that does not."""
    kept: dict[int, bytes] = {}
    larger: list[tuple[int, int]] = []
    position = 0
    while position < len(fields) and room >= _WORTH_CUTTING and len(larger) < _PIECES:
        pieces, count = _fitting(fields[position:], room, 1, _inner_object)
        kept |= {position + at: piece for at, piece in enumerate(pieces)}
        room -= _size(pieces)
        position += count
        if position < len(fields):
            larger.append((position, _UNKNOWN))
            position += 1
    shown = larger[: max(1, room // _WORTH_CUTTING)]
    return kept, shown, len(fields) - position + len(larger) - len(shown)


def _field(field: _Field, room: int, least: int, notes: Notes, depth: int) -> _Named | None:
    """Return a field, its value shortened if it does not fit; None if nothing."""
    name = _name(field)
    room -= len(name) + 1
    write = shortened if least > room else within
    value = write(field[1], room, notes, depth)
    return (name, value) if value else None


def _name(field: _Field) -> bytes:
    """Return the name of a field with its colon."""
    return _inner({field[0]: 0})[:-1]


def _note_field(count: int, notes: Notes) -> bytes:
    return _inner_object([(notes.key, notes.fields.format(count))])
