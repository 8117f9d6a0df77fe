"""The accounts: every span is in one place at every moment, and moves in one piece.

received -> queue -> reading -> a group -> delivered, ignored or dropped.
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
class SpanGroup:
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
        self.dequeued = 0  # left the queue, in the order in which they came
        self._reading = 0
        self._groups: dict[SpanGroup, None] = {}
        self._closed = False

    def received(self, count: int, size: int = 0) -> None:
        """Count spans that were handed over, of `size` bytes."""
        self.stats.received += count
        self.stats.received_bytes += size

    def not_genai(self, count: int) -> None:
        """Count spans that are no GenAI spans, which are never queued."""
        self.stats.not_genai += count

    def refused(self, count: int, why: str) -> None:
        """Spans that came too late to be queued."""
        self.stats.received += count
        self.stats.dropped[why] += count
        self.dequeued += count

    def overflowed(self) -> None:
        """The oldest of the queue was let go."""
        self.stats.queue_overflow += 1
        self.dequeued += 1

    def taken(self) -> None:
        """One left the queue to be read."""
        self._reading += 1
        self.dequeued += 1

    def read(self, end: End, count: int = 1, why: str = "") -> None:
        """Spans came to their end while they were read."""
        with self.changed:
            if not self._closed:
                self._reading -= count
                self._count(end, count, why)

    def packed(self, group: SpanGroup) -> None:
        """Spans were read, and are to be sent: `group`."""
        with self.changed:
            if self._closed:
                return
            if group.own:
                self._reading -= group.left
            self._groups[group] = None
            self.changed.notify_all()

    def settle(self, group: SpanGroup, end: End, count: int = 1, why: str = "") -> bool:
        """`count` of `group` came to their end; True if that were the last ones."""
        with self.changed:
            if group not in self._groups:
                return False
            group.left -= count
            if group.own:
                self._count(end, count, why)
            elif end is End.DELIVERED:
                self.stats.inherited_delivered += count
            elif end is End.DROPPED:
                self.stats.inherited_dropped[why] += count
            if group.left <= 0:
                del self._groups[group]
                self.changed.notify_all()
            return group.left <= 0

    def forget(self, group: SpanGroup) -> None:
        """Another process's `group` is on disk again."""
        with self.changed:
            self._groups.pop(group, None)

    def _count(self, end: End, count: int, why: str) -> None:
        if end is End.DELIVERED:
            self.stats.delivered += count
        elif end is End.IGNORED:
            self.stats.ignored += count
        elif end is End.TAKEN_OVER:
            self.stats.taken_over += count
        elif count:
            self.stats.dropped[why] += count

    def open(self) -> list[SpanGroup]:
        """The groups of this process that are not settled."""
        with self.changed:
            return [group for group in self._groups if group.own]

    def close(self, why: str) -> None:
        """What is not on disk is dropped; nothing that happens later is counted."""
        with self.changed:
            left = self.stats.received - self.dequeued + self._reading
            for group in list(self._groups):
                if group.file is None:
                    left += group.left
                    del self._groups[group]
            self._reading, self.dequeued = 0, self.stats.received
            self._count(End.DROPPED, left, why)
            self._closed = True
            self.changed.notify_all()

    def snapshot(self, queued: int) -> DeliveryStats:
        """All of it, at one moment; so many are `queued`."""
        with self.changed:
            stats = self.stats
            own = [group for group in self._groups if group.own]
            return DeliveryStats(
                ended=stats.received + stats.not_genai,
                in_queue=queued + self._reading + _left(own, on_disk=False),
                queue_overflow=stats.queue_overflow,
                delivered=stats.delivered,
                pending_on_disk=_left(own, on_disk=True),
                taken_over=stats.taken_over,
                ignored=stats.ignored + stats.not_genai,
                dropped=dict(stats.dropped),
                inherited_delivered=stats.inherited_delivered,
                inherited_dropped=dict(stats.inherited_dropped),
            )


def _left(groups: Iterable[SpanGroup], *, on_disk: bool) -> int:
    return sum(group.left for group in groups if (group.file is not None) is on_disk)
