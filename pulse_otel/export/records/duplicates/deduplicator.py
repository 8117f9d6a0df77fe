"""Holds calls back until another record of the same call can have come, and merges the two.

Two instrumentations that record the same call may end their spans in different batches, so a call
that may have a counterpart is held back for a bounded time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations

from pulse_otel.export.records.duplicates.index import Call, Calls
from pulse_otel.export.records.duplicates.merging import merged
from pulse_otel.export.records.duplicates.observation import OURS, CallObservation
from pulse_otel.export.records.duplicates.same_call import contradict
from pulse_otel.export.records.duplicates.tools import ToolDeduplicator, is_tool_run
from pulse_otel.export.records.parents import Parents, key_of
from pulse_otel.export.records.record import Record

_MOST_HELD = 512  # each with two bodies of up to 64 KiB
_MOST_REMEMBERED = 5_000  # sent ones, without texts
_MOST_JOINED = 16  # spans of one call; a counterpart is looked for by the ids of all
_MOST_ALIKE = 3  # counterparts that are found by what they say


def _age_s(record: Record) -> float:
    """Return the seconds since `record` ended; 0 where the clock was set back."""
    return max(0.0, time.time() - record.end_ns / 1e9)


class CallDeduplicator:
    """Takes records in the order in which their spans ended; returns those that may be sent.

    A call waits for its counterpart until `hold_s` after its end; one without a parent waits only
    once two instrumentations have been seen, before that until the next `due`. `duplicates` counts
    the records that were merged into others or repeat them. Used by one thread.
    """

    def __init__(
        self,
        hold_s: float,
        clock: Callable[[], float] = time.monotonic,
        age_s: Callable[[Record], float] = _age_s,
        most_held: int = _MOST_HELD,
        parents: Parents | None = None,
    ) -> None:
        self._hold_s = hold_s
        self._clock = clock
        self._age_s = age_s
        self._most_held = most_held
        self._held = Calls()
        self._shipped = Calls()
        self._instrumentations: set[bool | str] = set()  # two of those that were seen
        self._unparented: list[Call] = []  # that do not wait
        self._tools = ToolDeduplicator(hold_s, clock, age_s, merged=self._merged)
        self._parents = parents or Parents(lambda span: None)
        self.duplicates = 0

    def __len__(self) -> int:
        """Return how many calls and tools are held back."""
        return len(self._held) + len(self._tools)

    def add(self, record: Record) -> list[Record]:
        """Add `record`; return the records that may be sent now."""
        if len(self._instrumentations) < 2:
            self._instrumentations.add(record.scope in OURS or record.scope)
        if is_tool_run(record):
            return self._add_tool(record)
        if record.kind != "llm_call":
            return [record]
        seen = CallObservation.of(record)
        # The program's own spans may lie between a framework's and ours.
        around = self._parents.around(record) if seen.has_ours else None
        return self._add_call(Call(seen.beneath(around) if around else seen))

    def _add_call(self, call: Call) -> list[Record]:
        if self._may_have_counterpart(call):
            if (sent := self._sent_already(call)) or self._repeats_its_parts(call):
                return self._left_out(call, sent)
            while other := self._counterpart(call):
                call = self._joined(call, other)
        self._held.add(call)
        if self._hold_s <= 0:
            return self._end(call)
        if call.record.parent_span_id is not None or len(self._instrumentations) > 1:
            rest = self._hold_s - min(self._hold_s, self._age_s(call.record))
            call.until = max(call.until, self._clock() + rest)
        elif not call.until:
            self._unparented.append(call)
        return self._released(lambda oldest: len(self._held) > self._most_held)

    def _may_have_counterpart(self, call: Call) -> bool:
        """Return whether any record seen so far may be of `call`: ours are of a call each."""
        return len(self._instrumentations) > 1 or not call.observation.has_ours

    def _add_tool(self, record: Record) -> list[Record]:
        duplicates = self._tools.duplicates
        ready = self._tools.add(record)
        self.duplicates += self._tools.duplicates - duplicates
        return ready

    def _counterpart(self, call: Call) -> Call | None:
        ids = call.observation.ids
        for other in self._held.same_as(call):
            if len(ids) + len(other.observation.ids) <= _MOST_JOINED:
                return other
        return None

    def _joined(self, call: Call, other: Call) -> Call:
        """Return `call` merged with `other`, which is held."""
        self._held.remove(other)
        self.duplicates += 1
        both = Call(merged(call.observation, other.observation), max(call.until, other.until))
        for record in (call.record, other.record):
            self._merged(record, both.record)
        return both

    def _merged(self, dropped: Record, kept: Record) -> None:
        self._parents.merged(key_of(dropped), kept=key_of(kept))

    def _left_out(self, call: Call, sent: Call | None) -> list[Record]:
        """Return what keeps the place of `call`, which adds nothing to what was sent, if needed."""
        in_its_place = self._parents.stand_in(call.record)
        if in_its_place is not None:
            return [in_its_place]
        self.duplicates += 1
        if sent is not None:
            self._merged(call.record, sent.record)
        return []

    def due(self) -> list[Record]:
        """Return the records whose hold has ended."""
        now, waited_not = self._clock(), self._unparented
        self._unparented = []
        out = [shipped for call in waited_not if call in self._held for shipped in self._end(call)]
        return out + self._released(lambda oldest: oldest.until <= now) + self._tools.due()

    def flush(self) -> list[Record]:
        """Return all records that are held back."""
        self._unparented = []
        return self._released(lambda oldest: True) + self._tools.flush()

    def next_due(self) -> float | None:
        """Return the time (by the clock) of the next record of `due`; None if none waits."""
        call = next((call.until for call in self._held.in_order() if call.until), None)
        times = (call, self._tools.next_due())
        return min((time for time in times if time is not None), default=None)

    def _released(self, wanted: Callable[[Call], bool]) -> list[Record]:
        out: list[Record] = []
        while (oldest := next(self._held.in_order(), None)) and wanted(oldest):
            out += self._end(oldest)
        return out

    def _end(self, call: Call) -> list[Record]:
        """End the hold of `call`; return its record, unless another one takes its place.

        Only now has any other record come that may be of the same call, so as to be compared.
        """
        alike = self._alike(call) if self._may_have_counterpart(call) else []
        self._held.remove(call)
        if not alike:
            return [self._ship(call)]
        waiting = [other for other in alike if other in self._held]
        for other in waiting:
            call = self._joined(call, other)
        sent = [other for other in alike if other in self._shipped and self._repeats(other, call)]
        if sent:
            return self._left_out(call, sent[0])
        if waiting and call.until > self._clock():
            self._held.add(call)
            return []
        return [self._ship(call)]

    def _alike(self, call: Call) -> list[Call]:
        """Return those which are of this call by what they say, if the pairing is one to one."""
        group = self._like(call)
        if not group or len(group) > _MOST_ALIKE:
            return []
        everyone = [call, *group]
        scopes = [scope for one in everyone for scope in one.observation.scopes]
        ours = sum(one.observation.has_ours for one in everyone)
        spans = sum(len(one.observation.ids) for one in everyone)
        if len(scopes) > len(set(scopes)) or ours > 1 or spans > _MOST_JOINED:
            return []
        pairs = combinations([one.observation for one in everyone], 2)
        if any(contradict(*pair) for pair in pairs):
            return []
        for other in group:
            others = self._like(other)
            if others is None or any(one not in everyone for one in others):
                return []
        return group

    def _like(self, call: Call) -> list[Call] | None:
        held, shipped = self._held.like(call), self._shipped.like(call)
        if held is None or shipped is None:
            return None
        return [other for other in held + shipped if not self._in_two_runs(call, other)]

    def _in_two_runs(self, call: Call, other: Call) -> bool:
        """Return whether each is beneath a record of a trace of its own."""
        pair = call.record, other.record
        return pair[0].trace_id != pair[1].trace_id and all(
            self._parents.is_beneath_record(record) for record in pair
        )

    def _ship(self, call: Call) -> Record:
        """Return its record; remember the call without texts, for a late counterpart."""
        record = call.record
        call.observation.forget_texts()
        self._remember(call)
        return record

    def _remember(self, call: Call) -> None:
        self._shipped.add(call)
        if len(self._shipped) > _MOST_REMEMBERED:
            self._shipped.remove(next(self._shipped.in_order()))

    def _sent_already(self, call: Call) -> Call | None:
        """Return the call that was sent, to whose record `call` adds nothing."""
        same = self._shipped.same_as(call)
        return next((other for other in same if self._repeats(other, call)), None)

    def _repeats(self, sent: Call, call: Call) -> bool:
        """Return whether `call` adds nothing to the record that was sent.

        The service ignores a second version, but a call with tokens is sent even so if its
        counterpart had none.
        """
        if call.observation.has_tokens and not sent.observation.has_tokens:
            return False
        self._shipped.remove(sent)
        if len(sent.observation.ids) < _MOST_JOINED:
            sent = Call(sent.observation.joined(call.observation, sent.record))
        self._remember(sent)
        return True

    def _repeats_its_parts(self, call: Call) -> bool:
        """Return whether it sums up several calls within it: then only those are calls."""
        parts = [other for calls in (self._held, self._shipped) for other in calls.parts_of(call)]
        has_tokens = any(part.observation.has_tokens for part in parts)
        return len(parts) > 1 and (has_tokens or not call.observation.has_tokens)
