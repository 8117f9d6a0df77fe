"""Merges two records of one call: the more complete one remains, completed from the other.

Two instrumentations that record the same call give a parent and its child, or two siblings. These
may end in different batches, so a call that may have a counterpart is held back for a bounded
time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pulse_otel.export.records.duplicates.same_call import CallObservation, same_call
from pulse_otel.export.records.parents import Parents
from pulse_otel.export.records.record import Record, Usage

_MOST_HELD = 512  # each with two bodies of up to 64 KiB
_MOST_REMEMBERED = 5_000  # sent ones, without texts
_MOST_JOINED = 16  # spans of one call; a counterpart is looked for by the ids of all
_MOST_COMPARED = 64  # of one key: thousands of calls may have one parent, or one answer's id

_Key = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class _Call:
    """A recorded call: the end of its hold, and the keys that find it."""

    observation: CallObservation
    until: float = 0.0

    @property
    def record(self) -> Record:
        return self.observation.record

    def own_keys(self) -> list[_Key]:
        """Return the keys that find this call."""
        trace_id = self.record.trace_id
        keys = [(trace_id, "span", span_id) for span_id in self.observation.ids]
        if self.record.parent_span_id:
            keys.append((trace_id, "parent", self.record.parent_span_id))
        if self.record.response_id:
            keys.append((trace_id, "response", self.record.response_id))
        return keys

    def counterpart_keys(self, siblings: bool) -> list[_Key]:
        """Return the keys that find its children, its parent and calls with the same answer."""
        trace_id, parent = self.record.trace_id, self.record.parent_span_id
        keys = [(trace_id, "parent", span_id) for span_id in self.observation.ids]
        if parent:
            keys.append((trace_id, "span", parent))
        if self.record.response_id:
            keys.append((trace_id, "response", self.record.response_id))
        return [*keys, (trace_id, "parent", parent)] if parent and siblings else keys


class _Calls:
    """Calls in order of arrival, found by their keys."""

    def __init__(self) -> None:
        self._calls: OrderedDict[int, _Call] = OrderedDict()
        self._found: dict[_Key, list[_Call]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: _Call) -> None:
        self._calls[id(call)] = call
        for key in call.own_keys():
            self._found.setdefault(key, []).append(call)

    def remove(self, call: _Call) -> None:
        del self._calls[id(call)]
        for key in call.own_keys():
            calls = self._found[key]
            calls.remove(call)
            if not calls:
                del self._found[key]

    def in_order(self) -> Iterator[_Call]:
        return iter(self._calls.values())

    def same_as(self, call: _Call, siblings: bool) -> Iterator[_Call]:
        """Yield the recordings of the same call, among the latest: they end at the same time."""
        seen: set[int] = set()
        for key in call.counterpart_keys(siblings):
            for other in self._found.get(key, [])[-_MOST_COMPARED:]:
                if id(other) not in seen and other is not call:
                    seen.add(id(other))
                    if same_call(call.observation, other.observation):
                        yield other


def _age_s(record: Record) -> float:
    """Return the seconds since `record` ended; 0 where the clock was set back."""
    return max(0.0, time.time() - record.end_ns / 1e9)


class CallDeduplicator:
    """Takes records in the order in which their spans ended; returns those that may be sent.

    A call waits for its counterpart until `hold_s` after its end. `duplicates` counts the records
    that were merged into others or repeat them. Used by one thread.
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
        self._held = _Calls()
        self._shipped = _Calls()
        self._parents = parents or Parents(lambda span: None)
        self.duplicates = 0

    def __len__(self) -> int:
        """Return how many calls are held back."""
        return len(self._held)

    def add(self, record: Record) -> list[Record]:
        """Add `record`; return the records that may be sent now."""
        if record.kind != "llm_call":
            return [record]
        call = _Call(CallObservation.of(record))
        if self._is_shipped(call) or self._repeats_its_children(call):
            in_its_place = self._parents.stand_in(record)
            self.duplicates += in_its_place is None
            return [] if in_its_place is None else [in_its_place]
        while other := self._counterpart(call):
            self._held.remove(other)
            call = self._joined(call, other)
            self.duplicates += 1
        # A child ends before its parent, so the counterpart of a root call has come already.
        if call.record.parent_span_id is None or self._hold_s <= 0:
            return [self._ship(call)]
        call.until = self._clock() + self._hold_s - min(self._hold_s, self._age_s(record))
        self._held.add(call)
        return self._released(lambda oldest: len(self._held) > self._most_held)

    def _joined(self, call: _Call, other: _Call) -> _Call:
        both = _Call(call.observation.joined(other.observation))
        for record in (call.record, other.record):
            dropped = record.trace_id, record.span_id
            self._parents.merged(dropped, kept=(both.record.trace_id, both.record.span_id))
        return both

    def _counterpart(self, call: _Call) -> _Call | None:
        ids = call.observation.ids
        for other in self._held.same_as(call, siblings=True):
            if len(ids) + len(other.observation.ids) <= _MOST_JOINED:
                return other
        return None

    def due(self) -> list[Record]:
        """Return the records whose hold has ended."""
        now = self._clock()
        return self._released(lambda oldest: oldest.until <= now)

    def flush(self) -> list[Record]:
        """Return all records that are held back."""
        return self._released(lambda oldest: True)

    def next_due(self) -> float | None:
        """Return the time (by the clock) of the next record of `due`; None if nothing is held."""
        oldest = next(self._held.in_order(), None)
        return oldest.until if oldest else None

    def _released(self, wanted: Callable[[_Call], bool]) -> list[Record]:
        out: list[Record] = []
        while (oldest := next(self._held.in_order(), None)) and wanted(oldest):
            self._held.remove(oldest)
            out.append(self._ship(oldest))
        return out

    def _ship(self, call: _Call) -> Record:
        """Return its record; remember the call without texts, for a late counterpart."""
        observation = call.observation
        self._shipped.add(
            _Call(CallObservation(_light(call.record), observation.ids, observation.scopes))
        )
        if len(self._shipped) > _MOST_REMEMBERED:
            self._shipped.remove(next(self._shipped.in_order()))
        return call.record

    def _is_shipped(self, call: _Call) -> bool:
        """Return whether its counterpart was sent already; the service ignores a second version.

        A call with tokens is sent even so if its counterpart had none.
        """
        return any(
            _has_tokens(other.record) or not _has_tokens(call.record)
            for other in self._shipped.same_as(call, siblings=False)
        )

    def _repeats_its_children(self, call: _Call) -> bool:
        """Return whether it sums up several calls below it: then only those are calls."""
        below = [
            other
            for calls in (self._held, self._shipped)
            for other in calls.same_as(call, siblings=False)
            if other.observation.is_below(call.observation)
        ]
        has_tokens = any(_has_tokens(other.record) for other in below)
        return len(below) > 1 and (has_tokens or not _has_tokens(call.record))


def _light(record: Record) -> Record:
    """Return the fields that decide whether a later record is of the same call, without content.

    The texts of two siblings are compared only while both are held.
    """
    return Record(
        kind=record.kind,
        trace_id=record.trace_id,
        span_id=record.span_id,
        parent_span_id=record.parent_span_id,
        start_ns=record.start_ns,
        end_ns=record.end_ns,
        name="",
        provider=record.provider,
        model=record.model,
        response_model=record.response_model,
        response_id=record.response_id,
        usage=record.usage,
    )


def _has_tokens(record: Record) -> bool:
    return record.usage != Usage()
