"""The JSON text of a body, within the limit of a wire form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulse_otel.export.bodies import Body, trim
from pulse_otel.texts import size_bytes
from pulse_otel.values import plain, to_json


def body_json(value: Any, limit: int, trimmed: Callable[[Any, int], Any] = trim.fit) -> str:
    """Return the JSON text of `value`, trimmed if it has more than `limit` bytes."""
    text = value.text if type(value) is Body else to_json(value)
    return text if size_bytes(text) <= limit else to_json(trimmed(plain(value), limit))


def request_json(value: Any, limit: int) -> str:
    """Return the JSON text of a request; the middle of its conversation is left out first."""
    return body_json(value, limit, trim.request)
