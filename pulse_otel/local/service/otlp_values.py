"""Read the values of an OTLP span as the real service does (contract §3.1 to §3.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from pulse_otel.local.json_text import (
    Json,
    parse_json,
    parse_number,
    write_json,
)
from pulse_otel.local.service import checks
from pulse_otel.local.service.checks import Check, wrong_type

Attributes: TypeAlias = dict[str, Json]

MAX_PAYLOAD_BYTES = 65_536
_MAX_TIMESTAMP_MS = 253_402_300_799_999  # the last millisecond of a datetime
_NS_PER_MS = 1_000_000

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")
_DIGITS = re.compile("-?[0-9]{1,400}")


class SpanRejected(ValueError):
    """One span is rejected; the others of its export are stored (contract §3)."""


def checked(value: Json, check: Check) -> Json:
    """Return `value`. Raises SpanRejected with the message of the check."""
    issue = check(value)
    if issue is not None:
        raise SpanRejected(str(issue["message"]))
    return value


def attributes(entries: list[Json]) -> Attributes:
    """Map key to value; drop values without a usable type (contract §3.2).

    Raises SpanRejected for an entry that is no object.
    """
    found: Attributes = {}
    for entry in entries:
        if not isinstance(entry, dict):
            raise SpanRejected(str(wrong_type("object", entry)["message"]))
        key, value = entry.get("key"), _value(entry.get("value"))
        if isinstance(key, str) and value is not None:
            found[key] = value
    return found


def items(holder: Json, key: str) -> list[Json]:
    """Return the list `key` of an object, or an empty one."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def _value(value: Json) -> Json:
    """Read one OTLP AnyValue; None for bytes (contract §3.2)."""
    if not isinstance(value, dict):
        return None
    return next((decode(value[name]) for name, decode in _DECODERS.items() if name in value), None)


def numeric(value: Json) -> int | float | None:
    """Read a number or a numeric string (contract §3.3); None for anything else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = parse_number(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _number_or_as_sent(value: Json) -> Json:
    found = numeric(value)
    return value if found is None else found


# The service takes the inner value, whatever its type is.
_DECODERS: Mapping[str, Callable[[Json], Json]] = {
    "stringValue": lambda value: value,
    "intValue": _number_or_as_sent,
    "doubleValue": _number_or_as_sent,
    "boolValue": lambda value: value,
    "arrayValue": lambda value: [_value(item) for item in items(value, "values")],
    "kvlistValue": lambda value: attributes(items(value, "values")),
}


def payload(value: Json) -> Json:
    """Parse JSON text; replace a value above 64 KiB (contract §3.1)."""
    text = value if isinstance(value, str) else write_json(value)
    size = len(text.encode())
    if size > MAX_PAYLOAD_BYTES:
        return {"truncated": True, "originalBytes": size, "preview": text[:MAX_PAYLOAD_BYTES]}
    try:
        return parse_json(value) if isinstance(value, str) else value
    except ValueError:
        return value


def cut(text: str | None) -> str | None:
    """Cut the output text between characters (contract §3.1)."""
    return text and text.encode()[:MAX_PAYLOAD_BYTES].decode("utf-8", "ignore")


def finish_reason(text: str | None) -> str | None:
    """Read `stop` and the text `["stop"]` as stop (contract §3.3)."""
    reasons = payload(text)
    first = reasons[0] if isinstance(reasons, list) and reasons else None
    return first if isinstance(first, str) else text


def tokens(value: Json) -> int | None:
    """Read an integer from 0 to 2^53-1; any other number rejects the span (contract §3.3)."""
    number = numeric(value)
    if number is None:
        return None
    checked(number, checks.count)
    return int(number)


def cost(value: Json) -> int | float | None:
    """Read a number from 0; a negative one rejects the span (contract §3.3)."""
    number = numeric(value)
    if number is not None:
        checked(number, checks.amount)
    return number


def times(start: Json, end: Json, now_ms: int) -> dict[str, int | None]:
    """Read the columns of start and duration in ms (contract §3.2).

    A start that is missing or unusable is now, and leaves no duration. Raises SpanRejected.
    """
    begin = None if start in ("", []) else _nanoseconds(start)
    if begin is None or not 0 <= begin // _NS_PER_MS <= _MAX_TIMESTAMP_MS:
        return {"timestamp": now_ms, "duration_ms": None}
    finish = _nanoseconds(end)
    lasted = None if finish is None else _truncated(finish - begin)
    if lasted is not None:
        checked(lasted, checks.count)
    return {"timestamp": begin // _NS_PER_MS, "duration_ms": lasted}


def _truncated(nanoseconds: int) -> int:
    ms = abs(nanoseconds) // _NS_PER_MS
    return -ms if nanoseconds < 0 else ms


def _nanoseconds(value: Json) -> int | None:
    """Read an OTLP time as JavaScript reads an integer: `""` and `[]` are 0; None for no number."""
    if value in ("", []):
        return 0
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else None
    found = numeric(value)
    return None if found is None else int(found)


def identifier(span: Mapping[str, Json], name: str) -> str:
    """Read an id; "" if it is absent or an empty list. Raises SpanRejected (contract §3.2)."""
    value = span.get(name, "")
    return "" if value == [] else str(checked(value, checks.text))
