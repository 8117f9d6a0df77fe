"""From ended spans to records that may leave: queued, read, made one per call, redacted.

The thread that ends a span only appends to the queue. All else happens in a worker's `take`, one
at a time: reading, holding back a call that another instrumentation may have recorded too,
redaction. What fails on the way costs one span its details, never the others anything.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pulse_otel.export.accounts.ledger import End, Ledger
from pulse_otel.export.records.duplicates.deduplicator import CallDeduplicator
from pulse_otel.export.records.record import Record
from pulse_otel.guard import FAILED, guarded

T = TypeVar("T")

MAX_QUEUED = 50_000
MAX_QUEUED_BYTES = 64 << 20
# One giant must not push all others out: it counts as this, and is cut where it is read or sent.
LARGEST_BYTES = 16 << 20
UNKNOWN_BYTES = 1000
ROUND_RECORDS, ROUND_BYTES = 1000, 5 << 20
ROUND_S = 0.05  # until what was read goes to disk, if there is one


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """How an item is understood. `size` runs in the caller's thread, the others in a worker's."""

    size: Callable[[T], int]  # a cheap estimate in bytes
    read: Callable[[T], Record | None]  # None: not ours
    degrade: Callable[[T], Record | None] = lambda item: None  # what is left where `read` fails
    redact: Callable[[Record], Record] = lambda record: record
    hold_s: float = 0.0  # how long a call waits for its twin


class SpanQueue(Generic[T]):
    """`keep` is given the records of a round; it packs them, and must not fail."""

    def __init__(
        self,
        ledger: Ledger,
        reading: Reading[T],
        keep: Callable[[list[Record]], None],
        batch_size: int = 1,
        delay_s: float = 0.0,
    ) -> None:
        self._ledger = ledger
        self._reading = reading
        self._keep = keep
        self._batch_size, self._delay_s = batch_size, delay_s
        self._queue: deque[tuple[T, int]] = deque()
        self._queued_bytes = 0
        self._first_at = 0.0  # when the oldest of the queue came
        self._twins = CallDeduplicator(reading.hold_s)
        self._held_until: float | None = None
        self._lock = threading.Lock()  # held during a round
        self.clear_upto = 0  # so many of those received are no longer in here

    def __len__(self) -> int:
        """How many wait in the queue."""
        return len(self._queue)

    def add(self, items: Sequence[T]) -> bool:
        """Queue `items`, letting go of the oldest if there are too many; True: a worker is due.

        Called with the ledger's lock, by the thread that ended a span: it must be quick.
        """
        queue, size_of = self._queue, self._reading.size
        before = len(queue)
        if not before:
            self._first_at = time.monotonic()
        for item in items:
            size = guarded(size_of, item, otherwise=FAILED)
            size = UNKNOWN_BYTES if size is FAILED else min(size, LARGEST_BYTES)
            queue.append((item, size))
            self._queued_bytes += size
        self._ledger.received(len(items))
        if len(queue) > MAX_QUEUED or self._queued_bytes > MAX_QUEUED_BYTES:
            self._let_go()
        return not before or before < self._batch_size <= len(queue)

    def _let_go(self) -> None:
        # One that is too large alone is sent alone.
        while len(self._queue) > 1 and (
            len(self._queue) > MAX_QUEUED or self._queued_bytes > MAX_QUEUED_BYTES
        ):
            self._queued_bytes -= self._queue.popleft()[1]
            self._ledger.overflowed()

    def clear(self) -> None:
        """Give up what waits in the queue; called with the ledger's lock."""
        self._queue.clear()
        self._queued_bytes = 0

    def wait_s(self, expedited: bool) -> float | None:
        """How long until there is something to `take`; None: nothing waits."""
        waits: list[float] = []
        if self._queue:
            full = expedited or len(self._queue) >= self._batch_size
            waits.append(0.0 if full else self._first_at + self._delay_s - time.monotonic())
        if self._held_until is not None:
            waits.append(0.0 if expedited else self._held_until - time.monotonic())
        return max(0.0, min(waits)) if waits else None

    def take(self, deadline: float, release: bool) -> bool:
        """One round; `release`: nothing is held back. False if another thread is at it too long."""
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            merged = self._twins.merged
            records = list(self._round())
            upto = self._ledger.popped
            records += self._ready(self._twins.flush() if release else self._twins.due())
            self._ledger.read(End.IGNORED, self._twins.merged - merged)
            if records and guarded(self._keep, records, otherwise=FAILED) is FAILED:
                self._ledger.read(End.DROPPED, len(records), "not storable")
            self._held_until = self._twins.next_due()
            if not len(self._twins):
                self.clear_upto = upto
        finally:
            self._lock.release()
        with self._ledger.changed:
            self._ledger.changed.notify_all()
        return True

    def _round(self) -> Iterator[Record]:
        count = total = 0
        end = time.monotonic() + ROUND_S
        while count < ROUND_RECORDS and total < ROUND_BYTES and time.monotonic() < end:
            popped = self._pop()
            if popped is None:
                return
            item, size = popped
            total += size
            record = self._read(item)
            if record is not None:
                single = guarded(self._twins.add, record, otherwise=FAILED)
                ready = self._ready([record] if single is FAILED else single)
                count += len(ready)
                yield from ready

    def _pop(self) -> tuple[T, int] | None:
        with self._ledger.changed:
            if not self._queue:
                return None
            item, size = self._queue.popleft()
            self._queued_bytes -= size
            self._first_at = time.monotonic()
            self._ledger.taken()
            return item, size

    def _read(self, item: T) -> Record | None:
        record = guarded(self._reading.read, item, otherwise=FAILED)
        if record is FAILED:
            record = guarded(self._reading.degrade, item, otherwise=FAILED)
            if record is FAILED or record is None:
                self._ledger.read(End.DROPPED, why="not readable")
                return None
        if record is None:
            self._ledger.read(End.IGNORED)
        return record

    def _ready(self, records: Sequence[Record]) -> list[Record]:
        ready: list[Record] = []
        for record in records:
            redacted = guarded(self._reading.redact, record, otherwise=FAILED)
            if redacted is FAILED:  # what could not be redacted does not leave
                self._ledger.read(End.DROPPED, why="not redactable")
            else:
                ready.append(redacted)
        return ready
