"""Spans -> records, by the export half's own steps: what a test sees is what Pulse would show."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.export import dialects
from pulse_otel.export.accounts.ledger import Ledger
from pulse_otel.export.delivery.queue import SpanQueue
from pulse_otel.export.delivery.span_size import size_of
from pulse_otel.export.delivery.steps import Steps, as_it_is
from pulse_otel.export.pricing.cost import Pricing
from pulse_otel.export.records.redaction import Redaction

if TYPE_CHECKING:
    from pulse_otel.config import Config
    from pulse_otel.export.records.record import Record

_HOLD_S = 3600.0  # until the end of the reading, however long that takes
_LOCK_S = 60.0  # for a lock that is free


def records_of(spans: Sequence[ReadableSpan], config: Config) -> list[Record]:
    """Return what would be sent of `spans`: a record for each call, priced, redacted, in order."""
    records: list[Record] = []
    steps = Steps(
        size=size_of,
        read=dialects.read,
        degrade=dialects.degraded,
        form=_never,
        post=_never,
        attempt_s=0.0,
        price=Pricing(config.prices or {}),
        redact=Redaction(config.redact) if config.redact else as_it_is,
        hold_s=_HOLD_S,
    )
    ledger = Ledger()
    queue = SpanQueue(ledger, steps, records.extend)
    with ledger.lock:
        queue.add(spans)
    while len(queue):
        queue.drain(time.monotonic() + _LOCK_S, release=False)
    queue.drain(time.monotonic() + _LOCK_S, release=True)
    return sorted(records, key=lambda record: record.start_ns)


def _never(*args: object) -> NoReturn:
    raise AssertionError("nothing is sent in a test")
