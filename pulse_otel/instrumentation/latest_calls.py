"""The latest recorded calls of each thread and task, known after they returned."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from opentelemetry.trace import SpanContext

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
