"""Name the trace in which the program is."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.trace import format_trace_id


def current_trace_id() -> str | None:
    """Return the id of the current trace, 32 hex digits; None outside of any span."""
    span = trace.get_current_span().get_span_context()
    return format_trace_id(span.trace_id) if span.is_valid else None
