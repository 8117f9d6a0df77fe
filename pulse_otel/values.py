"""Convert any Python value to bounded, strict JSON text: pure and total.

Nothing here raises, consumes an iterator, or changes what it is given. Bytes are counted in
UTF-8; text is scrubbed of NUL and of lone surrogates, which the trace service's database
refuses (contract §2.3, §3.6).
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, cast

from pulse_otel.guard import FAILED, tried
from pulse_otel.kinds import (
    dict_of,
    has_text,
    instance_fields,
    is_model,
    name_of,
    of_class,
    of_sdk,
    stored,
)
from pulse_otel.outside import from_outside
from pulse_otel.texts import REPLACEMENT, scrub, utf8

MAX_DEPTH = 40
MAX_PARTS = 1 << 17
"""The most values inside of one that `plain` reads, as a list may be inside of itself: with two
bytes for each, more than the bound on a content attribute."""
NOT_RECORDED = "[not recorded: an iterator]"
_FEW_TEXTS = 4096  # bytes of JSON for each quote: it is faster to scrub texts than their JSON
_BACKSLASH = ord("\\")
_TOO_MANY = "[too many values]"
_INSIDE_ITSELF = "[inside of itself]"


class _Room:
    """How many more values and characters are read, and the containers that are being read."""

    __slots__ = ("characters", "left", "open")

    def __init__(self, characters: int = 1 << 62) -> None:
        self.left = MAX_PARTS
        self.characters = characters
        self.open: list[int] = []


def plain(value: object, depth: int = 0, room: _Room | None = None) -> Any:
    """Return `value` as plain dicts, lists and scalars; iterators are not consumed.

    All that is inside of one value shares its `room`.
    """
    kind = type(value)  # asked, instead of the value, which may lie about its class
    if kind is str:
        if room is not None:
            room.characters -= len(cast("str", value))
            if room.characters < 0:
                return value
        return scrub(cast("str", value))
    if value is None or issubclass(kind, (int, float)):
        return _number(cast("float | None", value))
    if issubclass(kind, str):
        return scrub(cast("str", value))
    if depth >= MAX_DEPTH:
        return "[too deep]"
    room = _Room() if room is None else room
    if id(value) in room.open:
        return _INSIDE_ITSELF
    room.open.append(id(value))
    found = tried(_parts, value, depth + 1, room, otherwise=FAILED)
    room.open.pop()
    return f"[{name_of(kind)}: not readable]" if found is FAILED else found


def plain_within(value: object, characters: int) -> Any:
    """Return `plain`, without a look into texts beyond so many characters, which are to be cut."""
    return plain(value, 0, _Room(characters))


def _number(value: float | None) -> Any:
    kind = type(value)
    if issubclass(kind, float):
        value = float.__float__(cast("float", value))
        return value if float("-inf") < value < float("inf") else str(value)
    if issubclass(kind, int) and kind is not bool:
        value = int.__index__(cast("int", value))
        if abs(value) > 2**63:
            return str(value) if abs(value) < 10**400 else "[huge integer]"
    return value


def _parts(value: object, depth: int, room: _Room) -> Any:
    kind = type(value)
    if issubclass(kind, dict):
        return _plain_fields(cast("dict[Any, Any]", value), depth, room)
    for sequence in (list, tuple, set, frozenset):
        if issubclass(kind, sequence):
            items = cast("Any", value)
            if not _fits(sequence.__len__(items), room):
                return _TOO_MANY
            return [plain(item, depth, room) for item in sequence.__iter__(items)]
    for binary in (bytes, bytearray, memoryview):
        if issubclass(kind, binary):
            return f"[{binary.__len__(cast('Any', value))} bytes]"
    return _unusual(value, kind, depth, room)


def _unusual(value: object, kind: type, depth: int, room: _Room) -> Any:
    if issubclass(kind, Mapping):
        return _plain_mapping(value, kind, depth, room)
    if issubclass(kind, Iterator):
        return NOT_RECORDED
    if issubclass(kind, Enum):
        return plain(stored(value, "_value_"), depth, room)
    return _fields_or_text(value, kind, depth, room)


def _plain_mapping(value: object, kind: type, depth: int, room: _Room) -> Any:
    """Return a mapping that is no dict: the SDKs make dicts of those that they send."""
    fields = dict_of(value)
    if fields is None and of_sdk(kind):
        fields = dict(cast("Mapping[Any, Any]", value))
    return f"[{name_of(kind)}]" if fields is None else _plain_fields(fields, depth, room)


def _plain_fields(fields: dict[Any, Any], depth: int, room: _Room) -> Any:
    if not _fits(dict.__len__(fields), room):
        return _TOO_MANY
    return {_key(key): plain(item, depth, room) for key, item in list(dict.items(fields))}


def _fits(count: int, room: _Room) -> bool:
    """Take `count` values, and the one that holds them, from `room` if it has as many."""
    if count >= room.left:
        return False
    room.left -= count + 1
    return True


def _fields_or_text(value: object, kind: type, depth: int, room: _Room) -> Any:
    fields = _sent_fields(value, kind)
    if fields is None and of_class(kind, "__dataclass_fields__"):
        written = instance_fields(value) or {}
        # What its own text leaves out is not for others to read.
        names = [field.name for field in dataclasses.fields(cast("Any", kind)) if field.repr]
        fields = {name: written[name] for name in names if name in written}
    if fields is not None:
        return _plain_fields(fields, depth, room)
    return scrub(str(value)) if has_text(value) else f"[{name_of(kind)}]"


def _key(key: object) -> str:
    if type(key) is str:
        return scrub(key)
    found = plain(key)
    return found if type(found) is str else to_json(found)


def _sent_fields(value: Any, kind: type) -> dict[str, Any] | None:
    """Return the fields that were set of a pydantic model, by none of its methods; else None."""
    if is_model(kind):
        sent, extra = stored(value, "__pydantic_fields_set__"), stored(value, "__pydantic_extra__")
    elif of_class(kind, "__fields_set__"):  # pydantic 1
        sent, extra = stored(value, "__fields_set__"), None
    else:
        return None
    found = {name: item for name, item in (instance_fields(value) or {}).items() if name in sent}
    return {**found, **extra} if extra else found


_FIXED = (str, int, float, bool, type(None), bytes)


def copied(value: Any, depth: int = 0) -> Any:
    """Return a copy of data that an SDK received, which the program cannot write to.

    It is a tree, as it was parsed from JSON. A model becomes a dict of the fields that were sent,
    an order of magnitude faster than `plain` makes one; text is shared.
    """
    kind = type(value)
    if kind in _FIXED:
        return value
    if depth >= MAX_DEPTH:
        return "[too deep]"
    if kind is dict:
        return _copied_fields(value, value, depth)
    if kind is list:
        return [item if type(item) in _FIXED else copied(item, depth + 1) for item in value]
    if not hasattr(kind, "__pydantic_fields_set__"):
        return plain(value, depth)
    found = _copied_fields(value.__dict__, value.__pydantic_fields_set__, depth)
    extra: Any = value.__pydantic_extra__
    return found | _copied_fields(extra, extra, depth) if extra else found


def _copied_fields(fields: dict[str, Any], names: Collection[str], depth: int) -> dict[str, Any]:
    return {
        name: item if type(item) in _FIXED else copied(item, depth + 1)
        for name, item in fields.items()
        if name in names
    }


def field_of(value: object, name: str) -> Any:
    """Return the field `name` of a mapping, or of an object of the SDKs; else None."""
    fields = dict_of(value)
    if fields is not None:
        return tried(dict.get, fields, name, otherwise=None)
    kind = type(value)
    if not of_sdk(kind):
        return None
    if issubclass(kind, Mapping):
        return tried(cast("Mapping[str, Any]", value).get, name, otherwise=None)
    return tried(getattr, value, name, None, otherwise=None)


@cache
def _fast_json() -> Callable[[Any], bytes] | None:
    """Return pydantic's encoder, which comes with both SDKs and is 3-4 times as fast as `json`."""
    try:
        from pydantic_core import to_json
    except ImportError:  # pydantic 1
        return None

    def encode(value: object) -> bytes:  # not a `partial`, which takes a fifth longer
        return to_json(value, inf_nan_mode="strings")

    return encode


def to_json(value: object) -> str:
    """Return strict, compact JSON text of `value`, whatever it is.

    The fast encoder is given `value` as it is: callers make sure that no iterator is inside.
    """
    return to_json_bytes(value).decode()


def to_json_bytes(value: object, most: int = 1 << 62) -> bytes:
    """Return `to_json` in UTF-8; of more than twice `most` bytes, maybe with NULs in it."""
    fast = _fast_json()
    if fast is not None:
        try:
            text = fast(value)
            if len(text) > 2 * most:  # it stays longer, as U+FFFD takes half of an escaped NUL
                return text
            # One character is found far faster than more of them, and by its number than as bytes.
            if _BACKSLASH not in text or b"u0000" not in text:
                return text
            if len(text) > _FEW_TEXTS * text.count(b'"'):
                text = fast(plain(value))
            return _without_nul(text)
        except Exception as error:
            if from_outside(error):
                raise
            if "UnicodeEncodeError" in str(error):
                return _standard_json(value)
    return _json(plain(value))


def _standard_json(value: object) -> bytes:
    """Return JSON of data with lone surrogates: only pydantic's encoder refuses them."""
    found = tried(_json, value, otherwise=None)
    return _json(plain(value)) if found is None else found


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _without_nul(utf8(text))


def _without_nul(text: bytes) -> bytes:
    """Replace each escaped NUL in JSON by U+FFFD; after an odd number of backslashes it is none."""
    if rb"\\u0000" not in text:
        return text.replace(rb"\u0000", REPLACEMENT)
    pairs = text.replace(rb"\\", b"\x00")  # JSON has no other NUL
    return pairs.replace(rb"\u0000", REPLACEMENT).replace(b"\x00", rb"\\")
