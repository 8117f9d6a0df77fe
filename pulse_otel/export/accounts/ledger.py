"""The ledger: every span is in one place at every moment, and moves in one step.

received -> queue -> reading -> a group -> delivered, ignored, not sampled, taken over or dropped.
"""

from __future__ import annotations

import threading
from collections import Counter

from pulse_otel.export.accounts.span_ends import DropReason, End, SpanEnd
from pulse_otel.export.accounts.stats import DeliveryStats


class SpanGroup:
    """Spans that were read together; `left` counts those that have not ended yet.

    `file` is where they wait on disk; None: in memory only. `own`: they ended in this process.
    """

    __slots__ = ("count", "damaged", "file", "left", "own", "size")

    def __init__(self, count: int, left: int, file: str | None = None, own: bool = True) -> None:
        self.count, self.left = count, left
        self.file, self.own = file, own
        self.damaged = False
        self.size = 0  # bytes, if the disk did not accept them


class Ledger:
    """One lock guards the ledger and what its user puts under it; `changed` announces changes.

    The lock is re-entrant, since a signal handler may interrupt the thread that holds it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.received_count = 0
        self.received_bytes = 0
        self.dequeued = 0  # spans that left the queue, in the order in which they came
        self._not_genai = 0
        self._reading = 0
        self._groups: dict[SpanGroup, None] = {}
        self._ends: Counter[SpanEnd] = Counter()
        self._inherited: Counter[SpanEnd] = Counter()  # ends of other processes' spans
        self._closed = False

    @property
    def lost(self) -> int:
        """Return how many spans of this process were dropped."""
        return sum(_dropped(self._ends).values())

    def received(self, count: int, size: int = 0) -> None:
        """Count spans that were handed over, of `size` bytes."""
        self.received_count += count
        self.received_bytes += size

    def not_genai(self, count: int) -> None:
        """Count spans that are not GenAI spans; they are never queued."""
        self._not_genai += count

    def refused(self, count: int) -> None:
        """Count spans that came after the shutdown."""
        self.received_count += count
        self.dequeued += count
        self._ends[DropReason.AFTER_SHUTDOWN] += count

    def overflowed(self) -> None:
        """Count the oldest span of the queue as dropped."""
        self._ends[DropReason.QUEUE_FULL] += 1
        self.dequeued += 1

    def taken(self) -> None:
        """Count a span as leaving the queue to be read."""
        self._reading += 1
        self.dequeued += 1

    def read(self, end: SpanEnd, count: int = 1) -> None:
        """Count spans that ended while they were read."""
        with self.changed:
            if not self._closed:
                self._reading -= count
                self._ends[end] += count

    def packed(self, group: SpanGroup) -> None:
        """Count the spans of `group` as read, and as waiting to be sent."""
        with self.changed:
            if self._closed:
                return
            if group.own:
                self._reading -= group.left
            self._groups[group] = None
            self.changed.notify_all()

    def settle(self, group: SpanGroup, end: SpanEnd, count: int = 1) -> bool:
        """Count the end of `count` spans of `group`, or of as many as are left.

        Return True if those were the last. A batch may end twice: given up, and answered then.
        """
        with self.changed:
            if group not in self._groups:
                return False
            count = min(count, group.left)
            group.left -= count
            (self._ends if group.own else self._inherited)[end] += count
            if group.left <= 0:
                del self._groups[group]
                self.changed.notify_all()
            return group.left <= 0

    def ends_with(self, group: SpanGroup, count: int) -> bool:
        """Return whether `count` spans are the last of `group`."""
        with self.changed:
            return group in self._groups and group.left <= count

    def forget(self, group: SpanGroup) -> None:
        """Remove another process's `group`, which is back on disk."""
        with self.changed:
            self._groups.pop(group, None)

    def open(self) -> list[SpanGroup]:
        """Return the groups of this process that are not settled."""
        with self.changed:
            # A copy: a signal handler may change the dict while this thread walks through it.
            return [group for group in list(self._groups) if group.own]

    def close(self) -> None:
        """Drop what is not on disk; count nothing that happens later."""
        with self.changed:
            left = self.received_count - self.dequeued + self._reading
            for group in [group for group in list(self._groups) if group.file is None]:
                left += group.left
                self._groups.pop(group, None)
            self._reading, self.dequeued = 0, self.received_count
            self._ends[DropReason.UNSENT] += left
            self._closed = True
            self.changed.notify_all()

    def snapshot(self) -> DeliveryStats:
        """Return all counts at one moment.

        The lock does not keep a finalizer or a signal handler of this thread from ending a span
        between two of the reads. Such a mixture of two moments never comes twice in a row.
        """
        with self.changed:
            counts = self._counts()
            while (again := self._counts()) != counts:
                counts = again
            return counts

    def _counts(self) -> DeliveryStats:
        groups = self.open()
        on_disk = sum([group.left for group in groups if group.file is not None])
        in_memory = sum([group.left for group in groups if group.file is None])
        dropped = _dropped(self._ends)
        return DeliveryStats(
            ended=self.received_count + self._not_genai,
            in_queue=self.received_count - self.dequeued + self._reading + in_memory,
            queue_overflow=dropped.pop(DropReason.QUEUE_FULL.value, 0),
            delivered=self._ends[End.DELIVERED],
            pending_on_disk=on_disk,
            taken_over=self._ends[End.TAKEN_OVER],
            ignored=self._ends[End.IGNORED] + self._not_genai,
            not_sampled=self._ends[End.NOT_SAMPLED],
            dropped=dropped,
            inherited_delivered=self._inherited[End.DELIVERED],
            inherited_dropped=_dropped(self._inherited),
        )


def _dropped(ends: Counter[SpanEnd]) -> dict[str, int]:
    return {end.value: n for end, n in ends.copy().items() if isinstance(end, DropReason) and n}
