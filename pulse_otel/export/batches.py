"""What is under way between the queue and the service: records read, batches written.

A batch is written in one form, and keeps its records: when the service turns out to speak
another form, they are written anew. Used by one thread at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pulse_otel.export.guarded import FAILED, guarded
from pulse_otel.export.outcome import Outcome, Verdict
from pulse_otel.export.payloads.form import Encoded, Form
from pulse_otel.export.record import Record

T = TypeVar("T")

MAX_REQUEST_BYTES = 5 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request holds: records, each with what it is in `form`."""

    form: Form
    entries: list[tuple[Record, Encoded]]

    def encoded(self) -> list[Encoded]:
        """What is posted."""
        return [encoded for _, encoded in self.entries]


@dataclass(frozen=True, slots=True)
class Ending:
    """What a final outcome means for a batch: how many came to an end, and what is sent anew."""

    delivered: int = 0
    dropped: int = 0
    why: str = ""
    again: tuple[Batch, ...] = ()


def ending(batch: Batch, outcome: Outcome) -> Ending:
    """Of a `batch` that was accepted, refused or too large; one bad span costs no other one."""
    form, entries = batch.form, batch.entries
    if outcome.verdict is Verdict.DELIVERED:
        refused = min(max(outcome.refused, 0), len(entries))
        return Ending(len(entries) - refused, refused, "refused by the service")
    if len(entries) == 1:
        return Ending(0, 1, outcome.verdict.value)
    good = [entry for index, entry in enumerate(entries) if index not in outcome.bad]
    if len(good) < len(entries):
        again = (Batch(form, good),) if good else ()
        return Ending(0, len(entries) - len(good), outcome.verdict.value, again)
    middle = len(entries) // 2
    return Ending(again=(Batch(form, entries[:middle]), Batch(form, entries[middle:])))


class Batches(Generic[T]):
    """Makes batches of what `pop` gives (None: nothing more), and holds those not yet settled.

    `settle(ignored, dropped, why)` is told of what never comes into a batch.
    """

    def __init__(
        self,
        pop: Callable[[], T | None],
        read: Callable[[T], Record | None],
        settle: Callable[[int, int, str], None],
    ) -> None:
        self._pop = pop
        self._read = read
        self._settle = settle
        self._records: deque[Record] = deque()
        self._written: deque[Batch] = deque()

    def __bool__(self) -> bool:
        return bool(self._records or self._written)

    def clear(self) -> None:
        """Give up what is left."""
        self._records.clear()
        self._written.clear()

    def something(self) -> bool:
        """Whether there is anything to send; what is not ours is sorted out on the way."""
        return bool(self._written) or self._read_one()

    def next(self, form: Form) -> Batch | None:
        """The batch to send: what is left of an earlier one first, else as full as can be."""
        if self._written and self._written[0].form is not form:
            unwritten = [record for batch in self._written for record, _ in batch.entries]
            self._written.clear()
            self._records.extendleft(reversed(unwritten))
        if not self._written:
            batch = self._write(form)
            if batch.entries:
                self._written.append(batch)
        return self._written[0] if self._written else None

    def replace(self, again: Iterable[Batch]) -> None:
        """The batch that `next` gave has come to an end, except for what is sent `again`."""
        self._written.popleft()
        self._written.extendleft(reversed(list(again)))

    def _write(self, form: Form) -> Batch:
        entries: list[tuple[Record, Encoded]] = []
        total = 0
        while len(entries) < form.max_records and total < MAX_REQUEST_BYTES and self._read_one():
            record = self._records.popleft()
            encoded = guarded(form.encode, record)
            if encoded is FAILED:
                self._settle(0, 1, "not encodable")
            elif encoded is None:
                self._settle(1, 0, "")
            else:
                entries.append((record, encoded))
                total += len(encoded.text)
        return Batch(form, entries)

    def _read_one(self) -> bool:
        """Make sure that a record is there; False if the queue holds none."""
        while not self._records:
            item = self._pop()
            if item is None:
                return False
            record = guarded(self._read, item)
            if record is FAILED:
                self._settle(0, 1, "not encodable")
            elif record is None:
                self._settle(1, 0, "")
            else:
                self._records.append(record)
        return True
