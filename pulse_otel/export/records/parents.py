"""Places each record in the tree that is sent: its parent is the nearest ancestor that is sent.

Spans between two GenAI spans stay behind (a framework's own, an HTTP server's), and of two spans
of one call only one is sent. What was sent cannot be changed, and a span ends before its parent.
So a parent is chosen by what is known when its child is sent:

| the ancestor | is taken as the parent |
|---|---|
| was read as a record | yes |
| tells its kind only as it ends | yes, where that is known, as of OpenInference |
| is no GenAI span, ended or still open | no: the one above it |
| was merged into another record | that record |
| is still open, and of the same call | no: this record takes its place, above it |
| is still open, and another LLM call | not of a call: until it ends, it may prove to be the same |
| has this record above it, as sent | no: the tree never has a circle |
| is not known | yes: another process may send it, or it ends later; if never, its child is a root |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

from pulse_otel.export.records.duplicates.observation import CallObservation
from pulse_otel.export.records.duplicates.same_call import Relation, relation
from pulse_otel.export.records.latest import Latest
from pulse_otel.export.records.record import Kind, Record, updated
from pulse_otel.export.records.started_spans import STARTED, NotSent, StartedSpans
from pulse_otel.guard import tried

LIMIT = 5_000
"""So many spans are remembered of each sort, without content."""
_MOST_STEPS = 256  # from a span to its ancestor

Key = tuple[str, str]
"""Trace id and span id, in hex."""


class Place(NamedTuple):
    """The ids of a record in the tree that is sent."""

    trace_id: str
    span_id: str
    parent_span_id: str | None


class Parents:
    """Knows what was sent, merged and left out. Used by one thread.

    `read` makes a record of a span, also of one that is still open.
    """

    def __init__(
        self,
        read: Callable[[ReadableSpan], Record | None],
        started: StartedSpans = STARTED,
        limit: int = LIMIT,
    ) -> None:
        self._read = read
        self._started = started
        self._known: Latest[Key, Key | None] = Latest(limit)  # record -> its span's parent
        self._left_out: Latest[Key, Key | None] = Latest(limit)  # the same, for what is not sent
        self._open: Latest[Key, Kind] = Latest(limit)  # spans that will be records
        self._moved: Latest[Key, Key] = Latest(limit)  # merged -> the one that is sent
        self._ahead: Latest[Key, Key] = Latest(limit)  # open -> what was sent in its place
        self._named: Latest[Key, None] = Latest(limit)  # parents of what was sent
        self._sent: Latest[Key, Key | None] = Latest(limit)  # with its parent
        self._across_traces = False

    def seen(self, record: Record) -> None:
        """Note a record that was read, and is sent unless it is merged or left out."""
        self._known.put(key_of(record), _parent_key(record))

    def ignored(self, span: object) -> None:
        """Note a span that is no record."""
        if isinstance(span, ReadableSpan):
            self._started.not_sent(span)
            if (context := span.get_span_context()) is not None:
                self._open.pop(_key_in_hex(context), None)

    def left_out(self, record: Record) -> None:
        """Note that `record`, which was read, is not sent."""
        key = key_of(record)
        self._known.pop(key, None)
        self._left_out.put(key, _parent_key(record))

    def stand_in(self, record: Record) -> Record | None:
        """Leave out `record`, which repeats what was sent; return what keeps its place, or None.

        That is an `agent_run` without content, where a child that was sent names it as its parent.
        """
        key = key_of(record)
        if key in self._named and key not in self._moved and key not in self._ahead:
            return _without_content(record)
        self.left_out(record)
        return None

    def merged(self, dropped: Key, kept: Key) -> None:
        """Note that the record of `dropped` is part of that of `kept`; their children are one's.

        The record is sent as `kept`, but as `dropped` where a child that was sent names that.
        """
        if dropped in self._ahead and self._moved.get(dropped) == self._ahead.pop(dropped):
            del self._moved[dropped]
        dropped, kept = self._resolved(dropped), self._resolved(kept)
        if dropped == kept:
            return
        self._across_traces |= dropped[0] != kept[0]
        if (
            dropped[0] == kept[0]
            and dropped in self._named
            and kept not in self._named
            and dropped not in self._sent
        ):
            dropped, kept = kept, dropped
        self._moved.put(dropped, kept)

    def place(self, record: Record) -> Place:
        """Return the ids with which `record` is sent; it is sent next."""
        key, parent = key_of(record), _parent_key(record)
        is_call = record.kind == "llm_call"
        if is_call and parent is not None:
            self._take_place_of_open_call(record, key, parent)
        own = self._own_key(record, key)
        nearest = self._nearest(parent, key, own, is_call)
        self._sent.put(own, nearest)
        if nearest is not None:
            self._named.put(nearest, None)
        return Place(self._trace_id(own, parent), own[1], nearest and nearest[1])

    def _own_key(self, record: Record, key: Key) -> Key:
        """Return the ids under which the record of `key` is sent."""
        if record.is_shared:  # another process sends it under this id
            return key
        other = self._ahead.pop(key, None)
        if other is not None:  # it is another call than the one that was sent in its place
            if self._moved.get(key) != other:
                return other  # which has taken its id
            del self._moved[key]
        own = self._resolved(key)
        return key if own in self._sent else own

    def _resolved(self, key: Key) -> Key:
        """Return the key under which the record of `key` is sent."""
        while (kept := self._moved.get(key)) is not None:
            key = kept
        return key

    def _nearest(self, key: Key | None, below: Key, own: Key, is_call: bool) -> Key | None:
        """Return the nearest of `key` and its ancestors under which `below` may stand as `own`."""
        for ancestor in self._ancestors(key):
            if is_call and self._is_open_call(ancestor, below):
                continue
            resolved = self._resolved(ancestor)
            if resolved in (own, below) or not self._is_sent(resolved):
                continue
            if not self._is_above(own, resolved):
                return resolved
        return None

    def around(self, record: Record) -> Key | None:
        """Return the nearest span above `record` that is sent, as far as that is known."""
        above = self._ancestors(_parent_key(record))
        return next((key for key in above if self._is_sent(key)), None)

    def is_beneath_record(self, record: Record) -> bool:
        """Return whether a record that is known stands above, such as an agent's or a unit's."""
        above = (self._resolved(key) for key in self._ancestors(_parent_key(record)))
        return any(self._is_sent(key) and self._is_known(key) for key in above)

    def _is_known(self, key: Key) -> bool:
        return key in self._sent or key in self._known or key in self._open

    def _is_open_call(self, key: Key, below: Key) -> bool:
        """Return whether the span of `key` is an LLM call that has not ended.

        Also if another call inside of it took its place: a second one stands beside that.
        """
        if self._ahead.get(key, below) != below:
            return True
        is_open = self._is_sent(key) and key not in self._known and key not in self._sent
        return is_open and self._open.get(key) == "llm_call"

    def _is_above(self, key: Key, other: Key) -> bool:
        """Return whether `key` is `other` or above it in the tree that was sent."""
        above: Key | None = other
        while above is not None and above != key:
            above = self._sent.get(above)
        return above is not None

    def _ancestors(self, key: Key | None) -> Iterator[Key]:
        """Yield `key` and its ancestors."""
        for _ in range(_MOST_STEPS):
            if key is None:
                return
            yield key
            key = self._parent(key)

    def _parent(self, key: Key) -> Key | None:
        for parents in (self._known, self._left_out):
            if key in parents:
                return parents[key]
        span = self._started.find(*key)
        parent = span.parent if span is not None else None
        return None if parent is None else _key_in_hex(parent)

    def _is_sent(self, key: Key) -> bool:
        """Return whether the span is sent, now or later, as far as that is known."""
        if self._is_known(key):
            return True
        if key in self._left_out:
            return False
        span = self._started.find(*key)
        if span is None:
            return True
        record = None if isinstance(span, NotSent) else tried(self._read, span, otherwise=None)
        if record is not None:  # it is not read again until it ends
            self._open.put(key, record.kind)
        return record is not None

    def _take_place_of_open_call(self, record: Record, key: Key, parent: Key) -> None:
        """Note that `record` is sent for its parent, if that is open and of the same call.

        The record of that will repeat this one, and be dropped.
        """
        if (
            self._resolved(parent) == parent
            and self._is_open_call(parent, key)
            and self._is_same_call(record, parent)
        ):
            self.merged(dropped=parent, kept=key)
            self._ahead.put(parent, key)

    def _is_same_call(self, record: Record, parent: Key) -> bool:
        span = self._started.find(*parent)
        if span is None or isinstance(span, NotSent):
            return False
        outer = tried(self._read, span, otherwise=None)
        if outer is None:
            return False
        if span.end_time is None:
            outer = updated(outer, end_ns=max(outer.end_ns, record.end_ns))
        both = CallObservation.of(record), CallObservation.of(outer)
        return relation(*both) is Relation.CERTAIN

    def _trace_id(self, own: Key, above: Key | None) -> str:
        """Return the trace of a record: it moves with an ancestor that moved."""
        if self._across_traces:
            for ancestor in self._ancestors(above):
                resolved = self._resolved(ancestor)
                if resolved[0] != ancestor[0]:
                    return resolved[0]
        return own[0]


def key_of(record: Record) -> Key:
    """Return the ids of a record."""
    return record.trace_id, record.span_id


def _parent_key(record: Record) -> Key | None:
    return (record.trace_id, record.parent_span_id) if record.parent_span_id else None


def _key_in_hex(context: SpanContext) -> Key:
    return format_trace_id(context.trace_id), format_span_id(context.span_id)


def _without_content(record: Record) -> Record:
    return Record(
        kind="agent_run",
        trace_id=record.trace_id,
        span_id=record.span_id,
        parent_span_id=record.parent_span_id,
        start_ns=record.start_ns,
        end_ns=record.end_ns,
        name=record.name,
        scope=record.scope,
        session_id=record.session_id,
        user_id=record.user_id,
        agent_name=f"around a call: {record.name}",
        service_name=record.service_name,
    )
