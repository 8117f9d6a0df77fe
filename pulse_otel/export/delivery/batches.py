"""Batches of records on their way to the service, and what an answer means for them.

A batch is written in one form and keeps its records: if the service turns out to speak another
form, they are written again. For one thread at a time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable

from pulse_otel.export.accounts.ledger import SpanGroup
from pulse_otel.export.accounts.span_ends import DropReason, End, SpanEnd
from pulse_otel.export.delivery.batch import Batch, Entry, SplitGroup
from pulse_otel.export.delivery.request_size import MAX_REQUEST_BYTES, RequestSize
from pulse_otel.export.delivery.suspicion import SUSPECT_AFTER, Action, action
from pulse_otel.export.payloads.form import Form
from pulse_otel.export.transport.outcome import Outcome, Verdict
from pulse_otel.guard import FAILED, guarded

MOST_REFUSALS = 64
"""Requests refused in a row while a batch is narrowed down; then all of it counts as bad."""

_MOST_PARTS = 256  # of suspect batches


class Batches:
    """Makes batches of what `more` brings, until each entry is settled. `more` returns False if
    there is nothing.

    `more` puts into `ready`; `settle` is told the group, the end and the number of entries.
    """

    def __init__(
        self,
        more: Callable[[], bool],
        settle: Callable[[SpanGroup, SpanEnd, int], None],
        ready: deque[Entry],
    ) -> None:
        self.ready = ready
        self._more = more
        self._settle = settle
        self._written: deque[Batch] = deque()
        self._request_size = RequestSize()
        self._limit = 0  # of the next request
        self._accepted = 0
        self._accepts = False  # whether the service took the latest batch

    def __len__(self) -> int:
        """Return how many entries are in here."""
        return len(self.ready) + sum(len(batch.entries) for batch in list(self._written))

    def entries(self) -> list[Entry]:
        """Return what is left of earlier batches."""
        return [entry for batch in list(self._written) for entry in batch.entries]

    def clear(self) -> list[Entry]:
        """Remove and return all entries."""
        entries = self.entries()
        self._written.clear()
        while self.ready:  # another thread may be adding to it
            entries.append(self.ready.popleft())
        return entries

    def unconfirmed(self) -> list[Entry]:
        """Return what was sent and not answered."""
        sent = [batch for batch in list(self._written) if batch.unconfirmed]
        return [entry for batch in sent for entry in batch.entries]

    def next(self, form: Form, *, part: float = 1.0, probe: bool = False) -> Batch | None:
        """Return the batch to send: what is left of an earlier one, else a full one.

        `part`: how much of an attempt's time is left. `probe`: take one record, to ask whether the
        service takes spans again.
        """
        self._limit = self._request_size.within(part)
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
        while self._known_to_fail(self._written[0]):
            self._written.extendleft(reversed(self._written.popleft().halves()))
        if probe and len(self._written[0].entries) > 1:
            batch = self._written.popleft()
            self._written.appendleft(batch.part(batch.entries[1:]))
            self._written.appendleft(batch.part(batch.entries[:1]))
        return self._written[0]

    def _may_read(self, form: Form) -> bool:
        """Return whether to read more although batches are left, because all of them are suspect.

        New ones take turns with them, or the suspect ones might wait for ever; and only one full
        batch is read, or an outage would bring everything past the bounds of the queue.
        """
        written = self._written
        if written and (self._accepts or any(b.errors < SUSPECT_AFTER for b in written)):
            return False
        return (
            sum(len(batch.entries) for batch in written) < form.max_records + _MOST_PARTS
            and sum(batch.size for batch in written) < 2 * MAX_REQUEST_BYTES
        )

    def _known_to_fail(self, batch: Batch) -> bool:
        """Return whether one of its size fails; the halves of a batch are never quite equal."""
        return len(batch.entries) > 1 and batch.size > 1.8 * self._limit

    def _write(self, form: Form) -> Batch:
        batch, total = Batch(form, []), 0
        while len(batch.entries) < form.max_records and (self.ready or self._more()):
            entry = self._encoded(self.ready.popleft(), form)
            if entry is None:
                continue
            size = len(entry.encoded.json)
            if batch.entries and total + size > self._limit:
                self.ready.appendleft(entry)
                break
            batch.entries.append(entry)
            total += size
        return batch

    def _encoded(self, entry: Entry, form: Form) -> Entry | None:
        """Return `entry`, written, without its content if that fails. None: it is settled."""
        encoded = guarded(form.encode, entry.record, otherwise=FAILED)
        if encoded is FAILED:
            from pulse_otel.export.bodies.shrink import bare

            encoded = guarded(lambda: form.encode(bare(entry.record)), otherwise=FAILED)
        if encoded is None:
            self._settle(entry.group, End.IGNORED, 1)
            return None
        if encoded is FAILED:
            self._settle(entry.group, DropReason.UNENCODABLE, 1)
            return None
        return Entry(entry.record, entry.group, encoded, entry.shrinks)

    def conclude(self, batch: Batch, outcome: Outcome, part_of_time: float) -> bool:
        """Apply `outcome` to `batch`, which `next` returned; True if parts of it are left to send.

        `part_of_time`: how much of an attempt's time the answer took.
        """
        if batch not in self._written:  # it was given up meanwhile
            return False
        self._written.remove(batch)
        if outcome.verdict is not Verdict.TOO_LARGE:
            self._request_size.answered(batch.size, part_of_time)
        left = self._left_of(batch, outcome)
        self._written.extendleft(reversed(left))
        return bool(left)

    def _left_of(self, batch: Batch, outcome: Outcome) -> list[Batch]:
        if outcome.verdict is Verdict.DELIVERED:
            self._accepted += 1
            self._accepts = True
            batch.family.refusals = 0
            refused = min(max(outcome.refused, 0), len(batch.entries))
            accepted = len(batch.entries) - refused
            self._end(batch.entries[:accepted], End.DELIVERED)
            self._end(batch.entries[accepted:], DropReason.REFUSED)
            return []
        if outcome.verdict is Verdict.TOO_LARGE:
            return self._smaller(batch)
        return self._narrowed(batch, outcome.bad)

    def _end(self, entries: Iterable[Entry], end: SpanEnd) -> None:
        for group, count in Counter(entry.group for entry in entries).items():
            self._settle(group, end, count)

    def _smaller(self, batch: Batch) -> list[Batch]:
        """Return its halves, and keep later batches as small; a single entry gets less content."""
        if len(batch.entries) > 1:
            self._request_size.too_large(batch.size)
            return batch.halves()
        left = self._cut(batch)
        if left == [batch]:
            self._end(batch.entries, DropReason.TOO_LARGE)
            return []
        return left

    def _cut(self, batch: Batch) -> list[Batch]:
        """Return `batch`, a single entry, with less content, or as it is if it has none."""
        from pulse_otel.export.bodies.shrink import LIMITS, shrunk

        (entry,) = batch.entries
        for tries, limit in enumerate(LIMITS[entry.shrinks :], entry.shrinks + 1):
            record = guarded(shrunk, entry.record, limit, otherwise=FAILED)
            if record is FAILED:
                continue
            smaller = self._encoded(entry._replace(record=record, shrinks=tries), batch.form)
            if smaller is None:
                return []
            if len(smaller.encoded.json) < batch.size:
                return [batch.part([smaller])]
        return [batch]

    def _narrowed(self, batch: Batch, bad: frozenset[int]) -> list[Batch]:
        """Return it without the entries that the service names as bad, else its halves."""
        batch.family.refusals += 1
        good = [entry for index, entry in enumerate(batch.entries) if index not in bad]
        if len(good) < len(batch.entries):
            refused = [batch.entries[n] for n in bad if n < len(batch.entries)]
            self._end(refused, DropReason.REJECTED)
            return [batch.part(good)] if good else []
        if batch.family.refusals >= MOST_REFUSALS:
            self._give_up(batch.family, DropReason.REJECTED)
        elif len(batch.entries) > 1:
            return batch.halves()
        self._end(batch.entries, DropReason.REJECTED)
        return []

    def _give_up(self, family: SplitGroup, why: DropReason) -> None:
        for relative in [batch for batch in self._written if batch.family is family]:
            self._written.remove(relative)
            self._end(relative.entries, why)

    def failed(self, batch: Batch, outcome: Outcome) -> None:
        """Keep `batch`, which was not answered or met a server error; see `suspicion`."""
        self._accepts = False
        too_slow = outcome.verdict is Verdict.TOO_SLOW
        if too_slow:
            self._request_size.too_slow(batch.size)  # and `next` divides it
        at_fault = len(batch.entries) == 1 if too_slow else (outcome.status or 0) >= 500
        if batch in self._written and at_fault:
            self._suspect(batch, too_slow)

    def _suspect(self, batch: Batch, too_slow: bool) -> None:
        if not batch.errors:
            batch.accepted_before = self._accepted
        takes_others = self._accepted > batch.accepted_before
        if takes_others or batch.errors < SUSPECT_AFTER:
            batch.errors += 1
        room = too_slow or len(self._written) <= _MOST_PARTS
        entries = len(batch.entries)
        chosen = action(batch.errors, entries, takes_others=takes_others, room=room)
        if chosen is Action.RETRY:
            return
        self._written.remove(batch)
        batch.family.refusals += takes_others and not too_slow
        if chosen is Action.SPLIT:
            batch.accepted_before = self._accepted
            self._written.extend(batch.halves())
        elif chosen is Action.GIVE_UP:
            why = DropReason.UNCONFIRMED if too_slow else DropReason.SERVICE_FAILS
            self._end(batch.entries, why)
        elif too_slow and takes_others and batch.time_factor > 1:
            self._written.extend(self._cut(batch))
        else:
            self._written.append(batch)
        if batch.family.refusals >= MOST_REFUSALS:
            self._give_up(batch.family, DropReason.SERVICE_FAILS)
