"""The accounts of all exporters of this process as OpenTelemetry metrics.

They use the API alone, and go to the program's MeterProvider as soon as it is set.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from pulse_otel import semconv
from pulse_otel.export.accounts.span_ends import DropReason
from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.process.forks import reset_in_children

Settlement = tuple[str, str]  # an outcome, and the reason for it


class _Exporter(Protocol):
    @property
    def stats(self) -> DeliveryStats: ...

    @property
    def stopped(self) -> bool: ...


class _Accounts:
    """Live exporters, and the final counts of stopped ones.

    A counter must not go down, so the counts of a stopped exporter are kept. The exporter itself
    is kept until the next one is added, since late spans may still end.
    """

    def __init__(self) -> None:
        self.made = False
        self.known: list[_Exporter] = []
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Count from 0 in a child."""
        self._lock = threading.RLock()  # a signal handler may interrupt its holder
        self._ended = 0
        self._settled: Counter[Settlement] = Counter()

    def add(self, exporter: _Exporter) -> bool:
        """Add `exporter`; return True for the first one."""
        with self._lock:
            gone = [one for one in self.known if one.stopped]
            self.known = [one for one in self.known if one not in gone] + [exporter]
            for one in gone:
                stats = one.stats
                self._ended += stats.ended
                self._settled.update(_settlements(stats))
            first, self.made = not self.made, True
            return first

    def now(self) -> tuple[int, Counter[Settlement], list[DeliveryStats]]:
        """Return how many spans ended, their settlements, and the statistics of live exporters."""
        with self._lock:
            stats = [exporter.stats for exporter in self.known]
            settled = Counter(self._settled)
            for one in stats:
                settled.update(_settlements(one))
            return self._ended + sum(one.ended for one in stats), settled, stats


_accounts = _Accounts()


def add_exporter(exporter: _Exporter) -> None:
    """Add `exporter` to the metrics of this process."""
    if not _accounts.add(exporter):
        return
    reset_in_children(_accounts)
    meter = metrics.get_meter("pulse_otel")
    meter.create_observable_counter(
        semconv.METRIC_ENDED, [_ended], unit="{span}", description="Spans handed to the delivery."
    )
    meter.create_observable_counter(
        semconv.METRIC_SETTLED,
        [_settled],
        unit="{span}",
        description="Spans that were delivered, ignored, not sampled, dropped or taken over.",
    )
    meter.create_observable_up_down_counter(
        semconv.METRIC_PENDING, [_pending], unit="{span}", description="Spans not delivered yet."
    )


def _ended(options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(_accounts.now()[0])]


def _settled(options: CallbackOptions) -> Iterable[Observation]:
    for (outcome, reason), count in _accounts.now()[1].items():
        attributes = {semconv.METRIC_OUTCOME: outcome}
        yield Observation(count, attributes | ({semconv.METRIC_REASON: reason} if reason else {}))


def _settlements(stats: DeliveryStats) -> Counter[Settlement]:
    found = Counter[Settlement](
        {
            ("delivered", ""): stats.delivered,
            ("ignored", ""): stats.ignored,
            ("not_sampled", ""): stats.not_sampled,
            ("taken_over", ""): stats.taken_over,
            ("dropped", DropReason.QUEUE_FULL.value): stats.queue_overflow,
        }
    )
    found.update({("dropped", reason): count for reason, count in stats.dropped.items()})
    return found


def _pending(options: CallbackOptions) -> Iterable[Observation]:
    stats = _accounts.now()[2]
    yield Observation(sum(s.in_queue for s in stats), {semconv.METRIC_WHERE: "memory"})
    yield Observation(sum(s.pending_on_disk for s in stats), {semconv.METRIC_WHERE: "disk"})
