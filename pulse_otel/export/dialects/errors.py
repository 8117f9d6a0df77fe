"""The error of a failed span -> ``pulse.error``.

Instrumentations put ``str(exception)`` into the status: the SDK's own text, which quotes the
provider's answer. It is parsed here, and keys that the provider quotes are masked.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects.source import (
    Attributes,
    Source,
    as_count,
    as_json,
    as_text,
    mapping,
)
from pulse_otel.masking import masked

_MESSAGE_BYTES = 2048
_SDK_TEXT = re.compile(r"(?s)\A(?:[\w.]{1,80}: )?Error code: ([1-5][0-9]{2})(?: - (.*))?\Z")
_QUOTED = re.compile(
    r"""['"](message|type|code|request_id)['"]: (?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")"""
)
_CLASS_REPR = re.compile(r"\A<class '([\w.]+)'>\Z")
_CLASS = re.compile(r"\A(?:[A-Za-z_]\w*\.)*_?[A-Z]\w*\Z")  # openai.RateLimitError, TimeoutError


def error_details(source: Source, canonical: Attributes) -> dict[str, Any]:
    """Return name, message, status, code and request_id, as far as they are known."""
    known = mapping(as_json(canonical.get(semconv.PULSE_ERROR)))
    if known:
        return _masked(known)
    event = next((found for _, found in source.events("exception")), {})
    description = source.span.status.description
    message = as_text(event.get(semconv.EXCEPTION_MESSAGE)) or as_text(description) or ""
    status, text, quoted = _taken_apart(message)
    kind = _CLASS_REPR.sub(r"\1", as_text(canonical.get(semconv.ERROR_TYPE)) or "")
    is_class = bool(_CLASS.match(kind))
    found = {
        "name": as_text(event.get(semconv.EXCEPTION_TYPE)) or kind or None,
        "message": quoted.get("message") or text or None,
        "status": as_count(canonical.get(semconv.HTTP_STATUS_CODE)) or status,
        "code": quoted.get("code") or quoted.get("type") or (None if is_class else kind or None),
        "request_id": as_text(canonical.get(semconv.PULSE_REQUEST_ID)) or quoted.get("request_id"),
    }
    return _masked({key: value for key, value in found.items() if value}) or {"name": "error"}


def _taken_apart(message: str) -> tuple[int | None, str, Mapping[str, str]]:
    """Return HTTP status, text and body of "Error code: 429 - {'error': {...}}"."""
    match = _SDK_TEXT.match(message[: 2 * _MESSAGE_BYTES])
    if match is None:
        return None, message, {}
    rest = match[2] or ""
    body: dict[str, str] = {}
    for name, single, double in _QUOTED.findall(rest) if rest.startswith("{") else ():
        if (name, single) != ("type", "error"):  # anthropic's outer object
            body.setdefault(name, single or double)
    return int(match[1]), rest, body


def _masked(details: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: masked(value, _MESSAGE_BYTES) if isinstance(value, str) else value
        for key, value in details.items()
    }
