"""Any value as nested tuples that can be compared: types and all fields, nothing left out."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from typing import Any

from tests.strategies import Counted, Refusing, RefusingMapping

_ERROR_FIELDS = ("message", "status_code", "body", "code", "param", "type", "request_id", "name")
_DEPTH = 120


def shape(value: Any, depth: int = 0) -> Any:
    """`value`, taken apart; iterators are not touched."""
    if depth > _DEPTH:
        return "deeper"
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(value, (Refusing, RefusingMapping)):
        return (name,)
    if isinstance(value, Counted):
        return (name, value.taken, shape(value.items, depth + 1))
    if hasattr(value, "gi_frame"):
        frame = value.gi_frame
        return (name, None if frame is None else frame.f_lasti)
    if isinstance(value, (dict, UserDict, Mapping)):
        return (name, [(repr(key), shape(item, depth + 1)) for key, item in value.items()])
    if isinstance(value, (list, tuple)):
        return (name, [shape(item, depth + 1) for item in value])
    fields = getattr(value, "__dict__", None)
    if isinstance(fields, dict) and not isinstance(value, type) and not callable(value):
        extra = getattr(value, "__pydantic_extra__", None)
        given = getattr(value, "__pydantic_fields_set__", None)
        inside = {key: item for key, item in fields.items() if not key.startswith("_Str")}
        return (
            name,
            shape(inside, depth + 1),
            shape(extra, depth + 1),
            repr(given and sorted(given)),
        )
    return (name, repr(value) if isinstance(value, (str, bytes, int, float, type)) else None)


def error_shape(error: BaseException | None, depth: int = 0) -> Any:
    """An exception: its class, its text, the fields that the SDKs give theirs, and its chain."""
    if error is None or depth > 8:
        return None
    return (
        f"{type(error).__module__}.{type(error).__qualname__}",
        str(error),
        {name: shape(getattr(error, name, None)) for name in _ERROR_FIELDS},
        getattr(getattr(error, "response", None), "is_closed", None),
        getattr(error, "__notes__", None),
        error.__suppress_context__,
        error_shape(error.__cause__, depth + 1),
        error_shape(error.__context__, depth + 1),
    )
