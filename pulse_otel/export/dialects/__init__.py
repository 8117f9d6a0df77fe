"""Span -> Record, one file for each vocabulary of span attributes.

`recognition` tells whose vocabulary a span uses. The dialects are imported when the first span is
read, by a worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.export.dialects.recognition import is_genai_span

if TYPE_CHECKING:
    from pulse_otel.export.records.record import Record

__all__ = ["degraded", "is_genai_span", "read"]


def read(span: ReadableSpan) -> Record | None:
    """Return the record of `span`; None for a span that is not a GenAI operation."""
    from pulse_otel.export.dialects import registry

    return registry.read(span)


def degraded(span: ReadableSpan) -> Record | None:
    """Return what is known of a span that cannot be read: its time and its place in the trace."""
    from pulse_otel.export.dialects import registry

    return registry.degraded(span)
