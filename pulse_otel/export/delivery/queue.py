"""From ended spans to records that may leave: queued, read, one for each call, redacted.

The thread that hands a span over only appends to the queue. All else happens in a worker's
`drain`, one at a time. What fails on the way costs one span its details, never another span.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pulse_otel.export.accounts.ledger import Ledger
from pulse_otel.export.accounts.span_ends import DropReason, End
from pulse_otel.export.delivery.span_size import LARGEST_BYTES, UNKNOWN_BYTES
from pulse_otel.export.delivery.steps import Steps
from pulse_otel.guard import FAILED, guarded

if TYPE_CHECKING:
    from pulse_otel.export.records.duplicates.deduplicator import CallDeduplicator
    from pulse_otel.export.records.parents import Parents
    from pulse_otel.export.records.record import Record

MAX_QUEUED_BYTES = 320 << 20
ROUND_RECORDS, ROUND_BYTES = 1000, 5 << 20
ROUND_S = 0.05  # until what was read goes to disk, if there is one


class SpanQueue:
    """`store` is given the records of a round, and must not fail."""

    def __init__(self, ledger: Ledger, steps: Steps, store: Callable[[list[Record]], None]) -> None:
        self._ledger = ledger
        self._steps = steps
        self._store = store
        self._queue: deque[tuple[Any, int]] = deque()
        self.size_bytes = 0  # of what waits in the queue
        self._held_until: float | None = None
        self._lock = threading.Lock()  # held during a round
        self.drained_upto = 0  # so many of those received are no longer in here

    @cached_property
    def _parents(self) -> Parents:
        from pulse_otel.export.records.parents import Parents  # by the worker: see `preload`

        return Parents(self._steps.read)

    @cached_property
    def _deduplicator(self) -> CallDeduplicator:
        from pulse_otel.export.records.duplicates.deduplicator import CallDeduplicator

        return CallDeduplicator(self._steps.hold_s, parents=self._parents)

    def __len__(self) -> int:
        """Return how many wait in the queue."""
        return len(self._queue)

    def add(self, items: Sequence[Any]) -> bool:
        """Queue `items`, dropping the oldest if they are too many; True if the queue was empty.

        Called with the ledger's lock.
        """
        queue, size_of = self._queue, self._steps.size
        was_empty = not queue
        for item in items:
            size = guarded(size_of, item, otherwise=UNKNOWN_BYTES)
            size = min(size, LARGEST_BYTES)
            self._ledger.received(1, size)  # first: what a signal handler then looks at adds up
            queue.append((item, size))
            self.size_bytes += size
        # One that is too large alone is sent alone.
        while self.size_bytes > MAX_QUEUED_BYTES and len(queue) > 1:
            self.size_bytes -= queue.popleft()[1]
            self._ledger.overflowed()
        return was_empty

    def clear(self) -> None:
        """Drop what waits in the queue; called with the ledger's lock."""
        self._queue.clear()
        self.size_bytes = 0

    def wait_s(self, expedited: bool) -> float | None:
        """Return the seconds until there is something to `drain`; None if nothing waits."""
        if self._queue:
            return 0.0
        if self._held_until is None:
            return None
        return 0.0 if expedited else max(0.0, self._held_until - time.monotonic())

    def drain(self, deadline: float, release: bool) -> bool:
        """Read one round; `release`: hold nothing back. False if another thread takes too long."""
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            duplicates = self._deduplicator.duplicates
            ready = list(self._round())
            if not release and self._is_due():
                # Before a call leaves alone: its second recording may wait in a batch processor.
                guarded(self._steps.collect)
                ready += self._round()
            drained = self._ledger.dequeued
            held = self._deduplicator.flush() if release else self._deduplicator.due()
            ready += self._ready(held)
            # All that was read is known now: the parent of a span often comes in the same batch.
            records = [guarded(self._placed, *pair, otherwise=pair[1]) for pair in ready]
            self._ledger.read(End.IGNORED, self._deduplicator.duplicates - duplicates)
            if records and guarded(self._store, records, otherwise=FAILED) is FAILED:
                self._ledger.read(DropReason.UNSTORABLE, len(records))
            self._held_until = self._deduplicator.next_due()
            if not len(self._deduplicator):
                self.drained_upto = drained
        finally:
            self._lock.release()
        with self._ledger.changed:
            self._ledger.changed.notify_all()
        return True

    def _is_due(self) -> bool:
        due = self._deduplicator.next_due()
        return due is not None and due <= time.monotonic()

    def _placed(self, record: Record, redacted: Record) -> Record:
        place = self._parents.place(record)
        if place == (redacted.trace_id, redacted.span_id, redacted.parent_span_id):
            return redacted
        from pulse_otel.export.records.record import updated  # there: what is read is a record

        return updated(redacted, **place._asdict())

    def _round(self) -> Iterator[tuple[Record, Record]]:
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
                add = self._deduplicator.add
                ready = self._ready(guarded(add, record, otherwise=[record]))
                count += len(ready)
                yield from ready

    def _pop(self) -> tuple[Any, int] | None:
        with self._ledger.lock:
            if not self._queue:
                return None
            item, size = self._queue.popleft()
            self.size_bytes -= size
            self._ledger.taken()
            return item, size

    def _read(self, item: Any) -> Record | None:
        record = guarded(self._steps.read, item, otherwise=FAILED)
        if record is FAILED:
            record = guarded(self._steps.degrade, item)
            if record is None:
                self._ledger.read(DropReason.UNREADABLE)
                return None
        if record is None:
            self._ledger.read(End.IGNORED)
            guarded(self._parents.ignored, item)
            return None
        # Before it is held or compared with others: nothing is kept of what is left out.
        sampled: Record | None = guarded(self._steps.sample, record, otherwise=record)
        if sampled is None:
            self._ledger.read(End.NOT_SAMPLED)
            guarded(self._parents.left_out, record)
        else:
            guarded(self._parents.seen, sampled)
        return sampled

    def _ready(self, records: Sequence[Record]) -> list[tuple[Record, Record]]:
        """Return each record with what is sent of it."""
        ready: list[tuple[Record, Record]] = []
        for record in records:
            priced = guarded(self._steps.price, record, otherwise=record)
            redacted = guarded(self._steps.redact, priced)
            if redacted is None:  # what could not be redacted does not leave
                self._ledger.read(DropReason.UNREDACTABLE)
            else:
                ready.append((record, redacted))
        return ready
