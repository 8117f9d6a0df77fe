"""The last recorded call of each thread and task, which outlives the call."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

last_recorded: ContextVar[SpanContext | None] = ContextVar("pulse-otel-last-call", default=None)


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """Name a recorded call by the ids of its span: 32 and 16 hex digits."""

    trace_id: str
    span_id: str


def last_call() -> RecordedCall | None:
    """Return the last recorded call that this thread or task has begun, also after it returned.

    A task starts with that of the code that made it. None if no call was recorded. Before Python
    3.12, `asyncio.wait_for` makes a task: a call in it is the last one there alone.
    """
    span = last_recorded.get()
    if span is None:
        return None
    return RecordedCall(format_trace_id(span.trace_id), format_span_id(span.span_id))
