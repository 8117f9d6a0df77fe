"""`last_call`: the ids of the call that a thread or task recorded last."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.trace import format_span_id, format_trace_id

from pulse_otel.instrumentation.latest_calls import last_recorded


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """The ids of a recorded call's span: 32 and 16 hex digits."""

    trace_id: str
    span_id: str


def last_call() -> RecordedCall | None:
    """Return the last recorded call that this thread or task began, also after it returned.

    A task starts with that of the code that made it. None if no call was recorded. Before Python
    3.12, `asyncio.wait_for` makes a task: a call made in it is known only there.
    """
    span = last_recorded()
    if span is None:
        return None
    return RecordedCall(format_trace_id(span.trace_id), format_span_id(span.span_id))
