"""The JSON of a body, within the limit of a wire form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulse_otel.export.bodies import Body, trim
from pulse_otel.values import plain, to_json_bytes


def body_json(value: Any, limit: int, trimmed: Callable[[Any, int], Any] = trim.fit) -> bytes:
    """Return the JSON of `value` in UTF-8, trimmed if it has more than `limit` bytes."""
    json = value.json if type(value) is Body else to_json_bytes(value)
    return json if len(json) <= limit else to_json_bytes(trimmed(plain(value), limit))


def request_json(value: Any, limit: int) -> bytes:
    """Return the JSON of a request; the middle of its conversation is left out first."""
    return body_json(value, limit, trim.request)
