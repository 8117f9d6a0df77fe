"""Check values as the real service's validation library does (contract §2.1, §2.5, §3).

A check returns None, or the issue in the library's own form, without the path of the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, TypeAlias

from pulse_otel.local.json_text import MAX_SAFE_INTEGER, Json

Issue: TypeAlias = dict[str, Json]
Check: TypeAlias = Callable[[object], "Issue | None"]

ABSENT: Final = object()
"""The argument of a check if a required field is missing."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_INSTANT = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(:(?P<second>[0-9]{2})(\.(?P<fraction>[0-9]+))?)?"
    r"(Z|(?P<sign>[+-])(?P<ahead_h>[01][0-9]|2[0-3]):(?P<ahead_m>[0-5][0-9]))"
)
_UUID_PATTERN = (
    "/^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    "|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff)$/"
)
_UUID = re.compile(_UUID_PATTERN[2:-2], re.IGNORECASE)
_JAVASCRIPT_TYPES: Mapping[type, str] = {
    dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number",
    type(None): "null",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """The check of one field."""

    check: Check
    required: bool = False


def milliseconds(text: str) -> int | None:
    """Parse an ISO date and time with its offset as ms since the epoch; None for other text."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    parts = {name: int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute")}
    ahead = timedelta(hours=int(match["ahead_h"] or 0), minutes=int(match["ahead_m"] or 0))
    try:
        local = datetime(**parts, second=int(match["second"] or 0), tzinfo=timezone.utc)
        moment = local + ahead if match["sign"] == "-" else local - ahead
    except (ValueError, OverflowError):  # no such date, or none that a datetime holds
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1) + int(f"{match['fraction'] or 0:0<3}"[:3])


def is_uuid(text: str) -> bool:
    """Return whether `text` is a UUID as the service accepts it (contract §2.1)."""
    return _UUID.fullmatch(text) is not None


def wrong_type(expected: str, value: object) -> Issue:
    """Report a value of another type, by the name that JavaScript has for it."""
    received = _JAVASCRIPT_TYPES.get(type(value), "undefined")
    return {
        "expected": expected,
        "code": "invalid_type",
        "message": f"Invalid input: expected {expected}, received {received}",
    }


def too_small(origin: str, minimum: int, expected: str) -> Issue:
    """Report a number or a length below its minimum."""
    return _out_of_range("too_small", origin, {"minimum": minimum}, f"Too small: {expected}")


def too_big(origin: str, maximum: int, expected: str) -> Issue:
    """Report a number or a length above its maximum."""
    return _out_of_range("too_big", origin, {"maximum": maximum}, f"Too big: {expected}")


def _out_of_range(code: str, origin: str, limit: Mapping[str, int], message: str) -> Issue:
    return {"origin": origin, "code": code, **limit, "inclusive": True, "message": message}


def of_type(expected: str, *types: type) -> Check:
    """Make the check of a type; a bool is no number."""

    def check(value: object) -> Issue | None:
        # type(), not isinstance(): a bool is an int.
        return None if type(value) in types else wrong_type(expected, value)

    return check


def one_of(options: tuple[str, ...]) -> Check:
    """Make the check of an enumeration."""
    expected = "|".join(f'"{option}"' for option in options)

    def check(value: object) -> Issue | None:
        if isinstance(value, str) and value in options:
            return None
        message = f"Invalid option: expected one of {expected}"
        return {"code": "invalid_value", "values": [*options], "message": message}

    return check


def _formatted(name: str, title: str, fits: Callable[[str], bool], **more: Json) -> Check:
    def check(value: object) -> Issue | None:
        if not isinstance(value, str):
            return wrong_type("string", value)
        if fits(value):
            return None
        issue: Issue = {"origin": "string", "code": "invalid_format", "format": name, **more}
        return {**issue, "message": f"Invalid {title}"}

    return check


def some_text(value: object) -> Issue | None:
    """Check a text that must not be empty."""
    if value == "":
        return too_small("string", 1, "expected string to have >=1 characters")
    return text(value)


def amount(value: object) -> Issue | None:
    """Check a number from 0."""
    issue = number(value)
    if issue is None and isinstance(value, (int, float)) and value < 0:
        return too_small("number", 0, "expected number to be >=0")
    return issue


def count(value: object) -> Issue | None:
    """Check an integer from 0 to 2^53-1."""
    issue = amount(value)
    if issue is None and isinstance(value, float) and not value.is_integer():
        return {"format": "safeint", **wrong_type("int", value)}
    if issue is None and isinstance(value, (int, float)) and value > MAX_SAFE_INTEGER:
        return too_big("int", MAX_SAFE_INTEGER, f"expected int to be <={MAX_SAFE_INTEGER}")
    return issue


def anything(value: object) -> Issue | None:
    """Accept any JSON value but null, which no field takes (contract §2.1)."""
    return wrong_type("nonoptional", value) if value is None else None


def issues_of_items(items: Json, fields: Mapping[str, Field], most: int) -> list[Issue]:
    """List all issues of an array, each with its path: [], [index] or [index, field]."""
    if not isinstance(items, list):
        return [{**wrong_type("array", items), "path": []}]
    if len(items) > most:
        return [{**too_big("array", most, f"expected array to have <={most} items"), "path": []}]
    return [
        issue
        for index, item in enumerate(items)
        for issue in issues_of(item, fields, path=(index,))
    ]


def issues_of(
    item: Json, fields: Mapping[str, Field], *, path: tuple[int | str, ...]
) -> list[Issue]:
    """List all issues of an object at `path`, each with its path."""
    if not isinstance(item, dict):
        return [{**wrong_type("object", item), "path": [*path]}]
    found = (
        (name, field.check(item.get(name, ABSENT)))
        for name, field in fields.items()
        if field.required or name in item
    )
    return [{**issue, "path": [*path, name]} for name, issue in found if issue is not None]


text = of_type("string", str)
number = of_type("number", int, float)
boolean = of_type("boolean", bool)
record = of_type("record", dict)
uuid = _formatted("uuid", "UUID", is_uuid, pattern=_UUID_PATTERN)
instant = _formatted("datetime", "ISO datetime", lambda value: milliseconds(value) is not None)
