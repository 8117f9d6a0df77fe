"""What is under way between the records and the service: batches, and what an answer does to them.

A batch is written in one form, and keeps its records: when the service turns out to speak
another form, they are written anew. Used by one thread at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pulse_otel.export.accounts.ledger import End, SpanGroup
from pulse_otel.export.delivery.request_size import MAX_REQUEST_BYTES, RequestSize
from pulse_otel.export.payloads.form import Encoded, Form
from pulse_otel.export.transport.outcome import Outcome, Verdict
from pulse_otel.guard import FAILED, guarded

if TYPE_CHECKING:
    from pulse_otel.export.records.record import Record

MOST_REFUSALS = 64
"""Requests refused one after the other, as a batch is narrowed down: then all of it is bad."""

_SUSPECT_AFTER, _GIVEN_UP_AFTER = 3, 8  # server errors of one batch, while it takes others
_MOST_PARTS = 256  # of what is suspect, while nothing shows whether it is to blame

_FAILED_AT = "the service fails at it"
_UNWRITTEN = Encoded("")


@dataclass(frozen=True, slots=True)
class Entry:
    """One record on its way; `shrinks`: how often it was made smaller."""

    record: Record
    group: SpanGroup
    encoded: Encoded = _UNWRITTEN
    shrinks: int = 0


@dataclass(slots=True)
class SplitGroup:
    """What the parts of one batch share."""

    refusals: int = 0  # in a row


@dataclass(slots=True, eq=False)
class Batch:
    """What one request holds."""

    form: Form
    entries: list[Entry]
    family: SplitGroup = field(default_factory=SplitGroup)
    errors: int = 0  # server errors in a row; only to _SUSPECT_AFTER while no others are accepted
    accepted_before: int = 0  # batches that the service had accepted when the first one came

    def encoded(self) -> list[Encoded]:
        """What is posted."""
        return [entry.encoded for entry in self.entries]

    @property
    def size(self) -> int:
        """About how many bytes its request has."""
        return sum(len(entry.encoded.text) for entry in self.entries)

    def part(self, entries: list[Entry]) -> Batch:
        """`entries` of it, to be sent on their own."""
        errors = min(self.errors, _SUSPECT_AFTER)
        return Batch(self.form, entries, self.family, errors, self.accepted_before)

    def halves(self) -> list[Batch]:
        """It, in two."""
        middle = len(self.entries) // 2
        return [self.part(self.entries[:middle]), self.part(self.entries[middle:])]


class Batches:
    """Makes batches of what `more` brings (False: nothing more), until each entry is settled.

    `more` puts into `ready`; `settle` is told of each entry's end.
    """

    def __init__(
        self,
        more: Callable[[], bool],
        settle: Callable[[Entry, End, str], None],
        ready: deque[Entry],
    ) -> None:
        self.ready = ready
        self._more = more
        self._settle = settle
        self._written: deque[Batch] = deque()
        self._request_size = RequestSize()
        self._accepted = 0
        self._accepts = False  # whether it took the latest

    def __len__(self) -> int:
        """How many entries are in here."""
        return len(self.ready) + sum(len(batch.entries) for batch in list(self._written))

    def entries(self) -> list[Entry]:
        """What is left of earlier batches."""
        return [entry for batch in list(self._written) for entry in batch.entries]

    def clear(self) -> list[Entry]:
        """Give up all that is in here; it comes out."""
        entries = self.entries()
        self._written.clear()
        while self.ready:  # another thread may be adding to it
            entries.append(self.ready.popleft())
        return entries

    def next(self, form: Form) -> Batch | None:
        """The batch to send: what is left of an earlier one first, else as full as can be."""
        if self._written and self._written[0].form is not form:
            unwritten = [entry for batch in self._written for entry in batch.entries]
            self._written.clear()
            self.ready.extendleft(reversed(unwritten))
        if self._may_read(form):
            batch = self._write(form)
            if batch.entries:
                self._written.appendleft(batch)
        if not self._written:
            return None
        while self._known_too_large(self._written[0]):
            self._written.extendleft(reversed(self._written.popleft().halves()))
        return self._written[0]

    def _may_read(self, form: Form) -> bool:
        """Whether to go past what is in here, which is suspect.

        In turns with it, or it might wait for ever; and for one full batch only, or an outage
        would bring all that comes into the memory, past the bounds of the queue.
        """
        written = self._written
        if written and (self._accepts or any(b.errors < _SUSPECT_AFTER for b in written)):
            return False
        return (
            sum(len(batch.entries) for batch in written) < form.max_records + _MOST_PARTS
            and sum(batch.size for batch in written) < 2 * MAX_REQUEST_BYTES
        )

    def _known_too_large(self, batch: Batch) -> bool:
        """Whether its like was refused: it is halved without a request to learn that again."""
        return len(batch.entries) > 1 and self._request_size.known_too_large(batch.size)

    def _write(self, form: Form) -> Batch:
        batch, total = Batch(form, []), 0
        while len(batch.entries) < form.max_records and (self.ready or self._more()):
            entry = self._encoded(self.ready.popleft(), form)
            if entry is None:
                continue
            size = len(entry.encoded.text)
            if batch.entries and total + size > self._request_size.limit:
                self.ready.appendleft(entry)
                break
            batch.entries.append(entry)
            total += size
        return batch

    def _encoded(self, entry: Entry, form: Form) -> Entry | None:
        """`entry`, written; without its content if that cannot be written. None: settled."""
        encoded = guarded(form.encode, entry.record, otherwise=FAILED)
        if encoded is FAILED:
            from pulse_otel.export.bodies.shrink import bare

            encoded = guarded(lambda: form.encode(bare(entry.record)), otherwise=FAILED)
        if encoded is None:
            self._settle(entry, End.IGNORED, "")
            return None
        if encoded is FAILED:
            self._settle(entry, End.DROPPED, "not encodable")
            return None
        return Entry(entry.record, entry.group, encoded, entry.shrinks)

    def conclude(self, batch: Batch, outcome: Outcome) -> None:
        """What `outcome` means for `batch`, which `next` gave."""
        if batch in self._written:  # not if it was given up meanwhile
            self._written.remove(batch)
            self._written.extendleft(reversed(list(self._left_of(batch, outcome))))

    def _left_of(self, batch: Batch, outcome: Outcome) -> Iterable[Batch]:
        if outcome.verdict is Verdict.DELIVERED:
            self._accepted += 1
            self._accepts = True
            self._request_size.taken(batch.size)
            batch.family.refusals = 0
            refused = min(max(outcome.refused, 0), len(batch.entries))
            accepted = len(batch.entries) - refused
            self._end(batch.entries[:accepted], End.DELIVERED)
            self._end(batch.entries[accepted:], End.DROPPED, "refused by the service")
            return []
        if outcome.verdict is Verdict.TOO_LARGE:
            return self._smaller(batch)
        return self._narrowed(batch, outcome.bad)

    def _end(self, entries: Iterable[Entry], end: End, why: str = "") -> None:
        for entry in entries:
            self._settle(entry, end, why)

    def _smaller(self, batch: Batch) -> list[Batch]:
        """In halves, and the next ones not larger than these; a single one with less content."""
        if len(batch.entries) > 1:
            self._request_size.refused(batch.size)
            return batch.halves()
        from pulse_otel.export.bodies.shrink import LIMITS, shrunk

        (entry,) = batch.entries
        for tries, limit in enumerate(LIMITS[entry.shrinks :], entry.shrinks + 1):
            record = guarded(shrunk, entry.record, limit, otherwise=FAILED)
            if record is FAILED:
                continue
            smaller = self._encoded(replace(entry, record=record, shrinks=tries), batch.form)
            if smaller is None:
                return []
            if len(smaller.encoded.text) < batch.size:
                return [batch.part([smaller])]
        self._end([entry], End.DROPPED, Verdict.TOO_LARGE.value)
        return []

    def _narrowed(self, batch: Batch, bad: frozenset[int]) -> list[Batch]:
        """Without those that the service names as bad; else in halves, until the bad are found."""
        batch.family.refusals += 1
        why = Verdict.REJECTED.value
        good = [entry for index, entry in enumerate(batch.entries) if index not in bad]
        if len(good) < len(batch.entries):
            self._end([batch.entries[n] for n in bad if n < len(batch.entries)], End.DROPPED, why)
            return [batch.part(good)] if good else []
        if batch.family.refusals >= MOST_REFUSALS:
            self._give_up(batch.family, why)
        elif len(batch.entries) > 1:
            return batch.halves()
        self._end(batch.entries, End.DROPPED, why)
        return []

    def _give_up(self, family: SplitGroup, why: str) -> None:
        for relative in [batch for batch in self._written if batch.family is family]:
            self._written.remove(relative)
            self._end(relative.entries, End.DROPPED, why)

    def failed(self, batch: Batch, outcome: Outcome) -> None:
        """Not answered, or with a server error: kept, and tried again.

        One that meets errors again and again is suspect: it is not tried first any more, and is
        narrowed down, as one record that the service fails at must not hold up the rest. That the
        service takes others meanwhile shows who is to blame; it may take none at all.
        """
        self._accepts = False
        if outcome.status is None or outcome.status < 500 or batch not in self._written:
            return
        if not batch.errors:
            batch.accepted_before = self._accepted
        takes_others = self._accepted > batch.accepted_before
        if takes_others or batch.errors < _SUSPECT_AFTER:
            batch.errors += 1
        if batch.errors < _SUSPECT_AFTER:
            return
        self._written.remove(batch)
        room = len(self._written) < _MOST_PARTS
        batch.family.refusals += takes_others
        if len(batch.entries) > 1 and (takes_others or room):
            batch.accepted_before = self._accepted
            self._written.extend(batch.halves())
        elif takes_others and (batch.errors >= _GIVEN_UP_AFTER or not room):
            self._end(batch.entries, End.DROPPED, _FAILED_AT)
        else:
            self._written.append(batch)
        if batch.family.refusals >= MOST_REFUSALS:
            self._give_up(batch.family, _FAILED_AT)
