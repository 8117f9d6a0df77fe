"""Merges two records of one run of a tool, which is held back until the second can have come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from pulse_otel import semconv
from pulse_otel.export.records.duplicates.same_tool import ToolObservation, joined, same_tool
from pulse_otel.export.records.record import Record, updated

_MOST_HELD = 512  # each with two values of up to 64 KiB
_MOST_REMEMBERED = 5_000  # sent ones, without values
_MOST_COMPARED = 64  # of one key
# A run without its values, which the next request tells: after the slowest of parallel tools.
_EMPTY_HOLD_S = 30.0

_RUNS = (semconv.OPERATION_EXECUTE_TOOL, None)  # a program's own span may have the id alone

_Key = tuple[str, ...]
Merged = Callable[[Record, Record], None]
"""Told of the record that goes, and of the one that remains."""


def is_tool_run(record: Record) -> bool:
    """Return whether the record is of a tool that the program ran."""
    return record.kind == "tool_use" and record.operation in _RUNS


def _tell_nobody(dropped: Record, kept: Record) -> None:
    """Nothing hangs on the record that goes."""


class _Tools:
    """Runs of tools in order of arrival, found by trace and name, or by their id."""

    def __init__(self) -> None:
        self._tools: OrderedDict[int, tuple[ToolObservation, float]] = OrderedDict()
        self._found: dict[_Key, dict[int, ToolObservation]] = {}

    def __len__(self) -> int:
        return len(self._tools)

    def __iter__(self) -> Iterator[tuple[ToolObservation, float]]:
        return iter(list(self._tools.values()))

    def add(self, tool: ToolObservation, until: float = 0.0) -> None:
        self._tools[id(tool)] = tool, until
        for key in _keys(tool):
            self._found.setdefault(key, {})[id(tool)] = tool

    def remove(self, tool: ToolObservation) -> None:
        del self._tools[id(tool)]
        for key in _keys(tool):
            del self._found[key][id(tool)]
            if not self._found[key]:
                del self._found[key]

    def oldest(self) -> ToolObservation:
        return next(iter(self._tools.values()))[0]

    def counterpart(self, tool: ToolObservation) -> ToolObservation | None:
        """Return the other recording of `tool`: of several equal runs, the first that began."""
        trace_id, call_id = tool.record.trace_id, tool.record.tool_id
        same = [
            other
            for key in _keys(tool)
            for other in list(self._found.get(key, {}).values())[-_MOST_COMPARED:]
            if same_tool(tool, other)
        ]
        near = [other for other in same if other.record.trace_id == trace_id]
        if near:
            return min(near, key=lambda o: (o.record.tool_id != call_id, o.record.start_ns))
        # Ids repeat: in another trace, only one that is alone with it can be meant.
        return same[0] if len({id(other) for other in same}) == 1 else None


def _keys(tool: ToolObservation) -> list[_Key]:
    record = tool.record
    keys: list[_Key] = [(record.trace_id, record.tool_name or "")]
    return [*keys, (record.tool_id,)] if record.tool_id else keys


class ToolDeduplicator:
    """Takes records of tools in the order in which their spans ended; returns those to be sent.

    `hold_s`: how long one waits for its counterpart. `duplicates` counts the records that were
    merged into others. Used by one thread.
    """

    def __init__(
        self,
        hold_s: float,
        clock: Callable[[], float],
        age_s: Callable[[Record], float],
        merged: Merged = _tell_nobody,
    ) -> None:
        self._hold_s = hold_s
        self._clock = clock
        self._age_s = age_s
        self._merged = merged
        self._held = _Tools()
        self._shipped = _Tools()
        self.duplicates = 0

    def __len__(self) -> int:
        """Return how many are held back."""
        return len(self._held)

    def add(self, record: Record) -> list[Record]:
        """Add `record`; return the records that may be sent now."""
        tool = ToolObservation.of(record)
        if self._hold_s <= 0:
            return [record]
        if self._repeats_a_sent_one(tool):
            return []
        while (other := self._held.counterpart(tool)) is not None:
            self._held.remove(other)
            both = joined(tool, other)
            dropped = other if both.record.span_id == tool.record.span_id else tool
            self._tell(dropped.record, both.record)
            tool = both
        wait_s = self._hold_s if tool.has_content else max(self._hold_s, _EMPTY_HOLD_S)
        self._held.add(tool, self._clock() + wait_s - min(wait_s, self._age_s(record)))
        return self._ship([self._held.oldest()] if len(self._held) > _MOST_HELD else [])

    def _repeats_a_sent_one(self, tool: ToolObservation) -> bool:
        """Return whether its counterpart was sent, with values: the service takes no other."""
        sent = self._shipped.counterpart(tool)
        if sent is None or (tool.has_content and not sent.has_content):
            return False
        self._shipped.remove(sent)
        self._tell(tool.record, sent.record)
        both = joined(sent, tool)
        record = updated(both.record, trace_id=sent.record.trace_id, span_id=sent.record.span_id)
        self._remember(updated(both, record=record).without_content())
        return True

    def _tell(self, dropped: Record, kept: Record) -> None:
        self.duplicates += 1
        self._merged(dropped, kept)

    def due(self) -> list[Record]:
        """Return the records whose hold has ended."""
        now = self._clock()
        return self._ship([tool for tool, until in self._held if until <= now])

    def flush(self) -> list[Record]:
        """Return all records that are held back."""
        return self._ship([tool for tool, _ in self._held])

    def next_due(self) -> float | None:
        """Return the time (by the clock) of the next record of `due`; None if nothing is held."""
        return min((until for _, until in self._held), default=None)

    def _ship(self, tools: list[ToolObservation]) -> list[Record]:
        for tool in tools:
            self._held.remove(tool)
            self._remember(tool.without_content())
        return [tool.record for tool in tools]

    def _remember(self, tool: ToolObservation) -> None:
        self._shipped.add(tool)
        if len(self._shipped) > _MOST_REMEMBERED:
            self._shipped.remove(self._shipped.oldest())
