"""The spans that started lately in this process: from each one, the way to its parent.

A span may end, and be sent, long before the spans around it. Whether those are sent as well can
only be told of spans that were seen when they started.
"""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanContext

from pulse_otel.guard import guarded

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

    def started(self, span: ReadableSpan) -> None:
        """Note a span that starts. Runs in the caller's thread."""
        context = span.get_span_context()
        if context is not None:
            self._note(context.span_id, weakref.ref(span))

    def not_sent(self, span: ReadableSpan) -> None:
        """Note that `span`, which ended, is no GenAI operation. Runs in the caller's thread."""
        context = span.get_span_context()
        if context is not None:
            self._note(context.span_id, NotSent(context.trace_id, span.parent))

    def _note(self, span_id: int, entry: weakref.ref[ReadableSpan] | NotSent) -> None:
        young = self._young
        young[span_id] = entry
        if len(young) > self._limit and young is self._young:
            # Another thread may do the same: then a few spans are forgotten, no more.
            self._old, self._young = young, {}

    def find(self, trace_id: str, span_id: str) -> ReadableSpan | NotSent | None:
        """Return the span of these ids in hex, or that it is not sent; None if it is unknown.

        A span is unknown, too, once it has ended and the program has let go of it.
        """
        try:
            key, trace = int(span_id, 16), int(trace_id, 16)
        except ValueError:
            return None
        entry = self._young.get(key) or self._old.get(key)
        if entry is None or isinstance(entry, NotSent):
            return entry if entry and entry.trace_id == trace else None
        span = entry()
        context = span.get_span_context() if span is not None else None
        return span if context is not None and context.trace_id == trace else None


STARTED = StartedSpans()
"""Of this process: span ids are random, and a span is a GenAI operation for every exporter."""


class StartWatch(SpanProcessor):
    """Notes each span that starts at a provider."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note `span`. Never raises."""
        guarded(STARTED.started, span)


_watched: weakref.WeakSet[Any] = weakref.WeakSet()


def watch_starts(provider: Any) -> None:
    """Note the spans that start at `provider` from now on; one of the API alone has none."""
    if provider not in _watched and hasattr(provider, "add_span_processor"):
        _watched.add(provider)
        provider.add_span_processor(StartWatch())
