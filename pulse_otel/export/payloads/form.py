"""A wire form, as the delivery sees it: its path, its limit, its encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pulse_otel.export.records.record import Record

_SENSIBLE_CENTS = 1e12
MAX_INT = 2**31 - 1
"""The maximum of the service's integer columns in its Postgres mode (contract §2.3, §3.6)."""


def column_int(value: int) -> int:
    """Return `value` within an integer column: a larger one would cost other spans (§3.6)."""
    return value if 0 <= value <= MAX_INT else max(0, min(value, MAX_INT))


def column_cents(cents: float | None) -> float | None:
    """Return a cost that the service takes: it refuses negative and infinite ones (§3.6)."""
    return cents if cents is not None and 0 <= cents < _SENSIBLE_CENTS else None


class Encoded(NamedTuple):
    """One record's JSON in UTF-8; the form groups the records of a request by `group`."""

    json: bytes
    group: str | None = None


class Form(NamedTuple):
    """A wire form that a Pulse service may speak, or a Collector before it.

    `encode` returns None for a record that the form cannot express. `body([])` is a request that
    stores nothing; the answer shows whether the service speaks the form.
    """

    name: str
    path: str
    max_records: int  # in one request
    max_body_bytes: int  # of the JSON of a request, a response, what a tool takes or gives
    encode: Callable[[Record], Encoded | None]
    body: Callable[[Sequence[Encoded]], bytes]
    detected: bool = True  # `auto` asks for it
