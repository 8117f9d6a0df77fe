"""The spans that started lately in this process: from each one, the way to its parent.

A span may end, and be sent, long before the spans around it. Whether those are sent as well can
only be told of spans that were seen when they started.
"""

from __future__ import annotations

import weakref
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

LIMIT = 8192
"""So many spans are remembered, and once more as many older ones."""


class NotSent(NamedTuple):
    """A span that is no GenAI operation."""

    trace_id: int
    parent: SpanContext | None


class StartedSpans:
    """Remembers spans, each by a weak reference, and the parents of those that are not sent.

    Without a lock, as a signal handler or a finalizer may start or end a span at any time: each
    step is one operation of a dict.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._young: dict[int, weakref.ref[ReadableSpan] | NotSent] = {}
        self._old = self._young

    def __len__(self) -> int:
        """Return how many spans are remembered."""
        return len(self._young.keys() | self._old.keys())

    def started(self, span: ReadableSpan, parent_context: Context | None = None) -> None:
        """Note a span that starts. Runs in the caller's thread, for each span of the program."""
        context = span.get_span_context()
        if context is not None:
            self._young[context.span_id] = weakref.ref(span)
            if len(self._young) > self._limit:
                self._begin_anew(self._young)

    def not_sent(self, span: ReadableSpan) -> None:
        """Note that `span`, which ended, is no GenAI operation. Runs in the caller's thread."""
        context = span.get_span_context()
        if context is not None:
            self._young[context.span_id] = NotSent(context.trace_id, span.parent)
            if len(self._young) > self._limit:
                self._begin_anew(self._young)

    def _begin_anew(self, full: dict[int, weakref.ref[ReadableSpan] | NotSent]) -> None:
        if full is self._young:  # another thread may come as far: a few spans are forgotten then
            self._old, self._young = full, {}

    def find(self, trace_id: str, span_id: str) -> ReadableSpan | NotSent | None:
        """Return the span of these ids in hex, or that it is not sent; None if it is unknown.

        A span is unknown, too, once it has ended and the program holds it no more.
        """
        try:
            key, trace = int(span_id, 16), int(trace_id, 16)
        except ValueError:
            return None
        entry = self._young.get(key)
        if entry is None and (entry := self._old.get(key)) is not None:
            self._young[key] = entry  # it is still looked for
        if entry is None or isinstance(entry, NotSent):
            return entry if entry and entry.trace_id == trace else None
        span = entry()
        context = span.get_span_context() if span is not None else None
        return span if context is not None and context.trace_id == trace else None


STARTED = StartedSpans()
"""Of this process: span ids are random, and a span is a GenAI operation for every exporter."""
