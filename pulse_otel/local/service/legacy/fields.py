"""Check the fields of a trace: the table of fields, and the check of each (contract §2.1).

A check returns None, or the issue in the form of the real service's validation library, without
the path of the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, TypeAlias

from pulse_otel.local.json_text import MAX_SAFE_INTEGER, Json
from pulse_otel.local.service.query import LEGACY_PROVIDERS, is_uuid
from pulse_otel.local.storage.spans import STATUSES

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


def _wrong_type(expected: str, value: object) -> Issue:
    received = _JAVASCRIPT_TYPES.get(type(value), "undefined")
    return {
        "expected": expected,
        "code": "invalid_type",
        "message": f"Invalid input: expected {expected}, received {received}",
    }


def object_rule(value: object) -> Issue | None:
    """Check a whole trace."""
    return None if isinstance(value, dict) else _wrong_type("object", value)


def _record(value: object) -> Issue | None:
    return None if isinstance(value, dict) else _wrong_type("record", value)


def _text(value: object) -> Issue | None:
    return None if isinstance(value, str) else _wrong_type("string", value)


def _some_text(value: object) -> Issue | None:
    return _text(value) or (
        None if value else _too_small("string", 1, "string to have >=1 characters")
    )


def _too_small(origin: str, minimum: int, expected: str) -> Issue:
    return {
        "origin": origin,
        "code": "too_small",
        "minimum": minimum,
        "inclusive": True,
        "message": f"Too small: expected {expected}",
    }


def _formatted(name: str, title: str, fits: Callable[[str], bool]) -> Check:
    def check(value: object) -> Issue | None:
        if not isinstance(value, str):
            return _wrong_type("string", value)
        if fits(value):
            return None
        message = f"Invalid {title}"
        return {"origin": "string", "code": "invalid_format", "format": name, "message": message}

    return check


def _one_of(options: tuple[str, ...]) -> Check:
    expected = "|".join(f'"{option}"' for option in options)

    def check(value: object) -> Issue | None:
        if value in options:
            return None
        message = f"Invalid option: expected one of {expected}"
        return {"code": "invalid_value", "values": [*options], "message": message}

    return check


def _amount(value: object) -> Issue | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return _wrong_type("number", value)
    return _too_small("number", 0, "number to be >=0") if value < 0 else None


def _count(value: object) -> Issue | None:
    issue = _amount(value)
    if issue is None and isinstance(value, float) and not value.is_integer():
        return {"format": "safeint", **_wrong_type("int", value)}
    if issue is None and isinstance(value, (int, float)) and value > MAX_SAFE_INTEGER:
        return too_big("int", MAX_SAFE_INTEGER, f"int to be <={MAX_SAFE_INTEGER}")
    return issue


def too_big(origin: str, maximum: int, expected: str) -> Issue:
    """Report a number or a length above its maximum."""
    return {
        "origin": origin,
        "code": "too_big",
        "maximum": maximum,
        "inclusive": True,
        "message": f"Too big: expected {expected}",
    }


def array_rule(value: object) -> Issue | None:
    """Check the whole body."""
    return None if isinstance(value, list) else _wrong_type("array", value)


_uuid = _formatted("uuid", "UUID", is_uuid)
_instant = _formatted("datetime", "ISO datetime", lambda text: milliseconds(text) is not None)

# Each check rejects null, also for an optional field (contract §2.1).
FIELDS: Mapping[str, Field] = {
    "trace_id": Field(_uuid, required=True),
    "session_id": Field(_uuid),
    "timestamp": Field(_instant, required=True),
    "latency_ms": Field(_amount, required=True),
    "provider": Field(_one_of(LEGACY_PROVIDERS), required=True),
    "model_requested": Field(_some_text, required=True),
    "model_used": Field(_text),
    "provider_request_id": Field(_text),
    "request_body": Field(_record, required=True),
    "response_body": Field(_record),
    "input_tokens": Field(_count),
    "output_tokens": Field(_count),
    "output_text": Field(_text),
    "finish_reason": Field(_text),
    "status": Field(_one_of(STATUSES), required=True),
    "error": Field(_record),
    "cost_cents": Field(_amount),
    "metadata": Field(_record),
}
