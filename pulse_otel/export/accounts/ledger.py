"""The accounts: every span is in one place at every moment, and moves in one piece.

received -> queue -> reading -> a parcel -> delivered, ignored or dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from pulse_otel.export.accounts.stats import DeliveryStats, Stats


class End(Enum):
    """How a span may end."""

    DELIVERED = "delivered"
    IGNORED = "ignored"
    DROPPED = "dropped"
    TAKEN_OVER = "taken over"


@dataclass(slots=True, eq=False)
class Parcel:
    """Spans that were taken in together. `left`: those whose end is not known yet.

    `file` is where they wait on disk; None: in memory only. `own`: they ended in this process.
    """

    count: int
    left: int
    file: str | None = None
    own: bool = True
    damaged: bool = False
    size: int = 0  # bytes of those that the disk did not take


class Ledger:
    """Its lock guards all of it, and what its user puts under it; `changed` is told of changes.

    The lock may be taken again by the thread that has it: a signal handler may interrupt it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.stats = Stats()
        self.popped = 0  # left the queue, in the order in which they came
        self._reading = 0
        self._parcels: dict[Parcel, None] = {}
        self._closed = False

    def received(self, count: int) -> None:
        """Spans handed over."""
        self.stats.received += count

    def passed(self, count: int) -> None:
        """Spans that are not ours, which are never queued."""
        self.stats.passed += count

    def refused(self, count: int, why: str) -> None:
        """Spans that came too late to be queued."""
        self.stats.received += count
        self.stats.dropped[why] += count
        self.popped += count

    def overflowed(self) -> None:
        """The oldest of the queue was let go."""
        self.stats.queue_overflow += 1
        self.popped += 1

    def taken(self) -> None:
        """One left the queue to be read."""
        self._reading += 1
        self.popped += 1

    def read(self, end: End, count: int = 1, why: str = "") -> None:
        """Spans came to their end while they were read."""
        with self.changed:
            if not self._closed:
                self._reading -= count
                self._count(end, count, why)

    def packed(self, parcel: Parcel) -> None:
        """Spans were read, and are to be sent: `parcel`."""
        with self.changed:
            if self._closed:
                return
            if parcel.own:
                self._reading -= parcel.left
            self._parcels[parcel] = None
            self.changed.notify_all()

    def settle(self, parcel: Parcel, end: End, count: int = 1, why: str = "") -> bool:
        """`count` of `parcel` came to their end; True if that were the last ones."""
        with self.changed:
            if parcel not in self._parcels:
                return False
            parcel.left -= count
            if parcel.own:
                self._count(end, count, why)
            elif end is End.DELIVERED:
                self.stats.inherited_delivered += count
            elif end is End.DROPPED:
                self.stats.inherited_dropped[why] += count
            if parcel.left <= 0:
                del self._parcels[parcel]
                self.changed.notify_all()
            return parcel.left <= 0

    def forget(self, parcel: Parcel) -> None:
        """Another process's `parcel` is on disk again."""
        with self.changed:
            self._parcels.pop(parcel, None)

    def _count(self, end: End, count: int, why: str) -> None:
        if end is End.DELIVERED:
            self.stats.delivered += count
        elif end is End.IGNORED:
            self.stats.ignored += count
        elif end is End.TAKEN_OVER:
            self.stats.taken_over += count
        elif count:
            self.stats.dropped[why] += count

    def open(self) -> list[Parcel]:
        """The parcels of this process that are not settled."""
        with self.changed:
            return [parcel for parcel in self._parcels if parcel.own]

    def close(self, why: str) -> None:
        """What is not on disk is dropped; nothing that happens later is counted."""
        with self.changed:
            left = self.stats.received - self.popped + self._reading
            for parcel in list(self._parcels):
                if parcel.file is None:
                    left += parcel.left
                    del self._parcels[parcel]
            self._reading, self.popped = 0, self.stats.received
            self._count(End.DROPPED, left, why)
            self._closed = True
            self.changed.notify_all()

    def snapshot(self, queued: int) -> DeliveryStats:
        """All of it, at one moment; so many are `queued`."""
        with self.changed:
            stats = self.stats
            own = [parcel for parcel in self._parcels if parcel.own]
            return DeliveryStats(
                ended=stats.received + stats.passed,
                in_queue=queued + self._reading + _left(own, on_disk=False),
                queue_overflow=stats.queue_overflow,
                delivered=stats.delivered,
                pending_on_disk=_left(own, on_disk=True),
                taken_over=stats.taken_over,
                ignored=stats.ignored + stats.passed,
                dropped=dict(stats.dropped),
                inherited_delivered=stats.inherited_delivered,
                inherited_dropped=dict(stats.inherited_dropped),
            )


def _left(parcels: Iterable[Parcel], *, on_disk: bool) -> int:
    return sum(parcel.left for parcel in parcels if (parcel.file is not None) is on_disk)
