"""The last recorded calls of each thread and task, known after they returned."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

# When the latest two began, in ns, and their ids; the latest first
_latest: ContextVar[tuple[tuple[int, SpanContext], ...]] = ContextVar(
    "pulse-otel-latest-calls", default=()
)


def note_call(span: Any) -> None:
    """Note that `span`, of a call of ours, began in this thread or task."""
    began = (getattr(span, "start_time", None) or 0, span.get_span_context())
    _latest.set((began, *_latest.get()[:1]))


def forget_calls() -> None:
    """Forget the calls of this thread or task, which no longer belong to what it does now."""
    _latest.set(())


def calls_since(start_ns: int) -> list[SpanContext]:
    """Return the ids of the latest calls, two at most, that began no earlier than `start_ns`."""
    return [ids for began, ids in _latest.get() if began >= start_ns]


def last_recorded() -> SpanContext | None:
    """Return the ids of the last call that began in this thread or task."""
    latest = _latest.get()
    return latest[0][1] if latest else None


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
