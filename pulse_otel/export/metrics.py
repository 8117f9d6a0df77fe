"""The accounts of all exporters of this process as OpenTelemetry metrics.

Made with the API alone: they go to the MeterProvider of the program, once there is one.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator
from typing import Protocol

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from pulse_otel import semconv
from pulse_otel.export.stats import DeliveryStats


class _Shown(Protocol):
    @property
    def stats(self) -> DeliveryStats: ...


_shown: weakref.WeakSet[_Shown] = weakref.WeakSet()
_lock = threading.Lock()
_made = False


def show(exporter: _Shown) -> None:
    """Count `exporter` in, for as long as it lives."""
    global _made
    with _lock:
        _shown.add(exporter)
        if _made:
            return
        _made = True
    meter = metrics.get_meter("pulse_otel")
    meter.create_observable_counter(
        semconv.METRIC_ENDED, [_ended], unit="{span}", description="Spans handed to the delivery."
    )
    meter.create_observable_counter(
        semconv.METRIC_SETTLED,
        [_settled],
        unit="{span}",
        description="Spans that came to an end: delivered, ignored, dropped, taken over.",
    )
    meter.create_observable_up_down_counter(
        semconv.METRIC_PENDING, [_pending], unit="{span}", description="Spans not delivered yet."
    )


def _all() -> list[DeliveryStats]:
    return [exporter.stats for exporter in list(_shown)]


def _ended(options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(sum(stats.ended for stats in _all()))]


def _settled(options: CallbackOptions) -> Iterable[Observation]:
    totals: dict[tuple[str, str], int] = {}
    for stats in _all():
        for outcome, reason, count in _ends(stats):
            totals[outcome, reason] = totals.get((outcome, reason), 0) + count
    for (outcome, reason), count in totals.items():
        attributes = {semconv.METRIC_OUTCOME: outcome}
        yield Observation(count, attributes | ({semconv.METRIC_REASON: reason} if reason else {}))


def _ends(stats: DeliveryStats) -> Iterator[tuple[str, str, int]]:
    yield "delivered", "", stats.delivered
    yield "ignored", "", stats.ignored
    yield "taken_over", "", stats.taken_over
    yield "dropped", "queue full", stats.queue_overflow
    for reason, count in stats.dropped.items():
        yield "dropped", reason, count


def _pending(options: CallbackOptions) -> Iterable[Observation]:
    stats = _all()
    yield Observation(sum(s.in_queue for s in stats), {semconv.METRIC_WHERE: "memory"})
    yield Observation(sum(s.pending_on_disk for s in stats), {semconv.METRIC_WHERE: "disk"})
