"""Span -> Record, one file per vocabulary of span attributes.

`recognition` says whose vocabulary a span speaks. The dialects themselves are imported by the first
that is read, which happens in a worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.export.dialects.recognition import is_genai_span

if TYPE_CHECKING:
    from pulse_otel.export.records.record import Record

__all__ = ["degraded", "is_genai_span", "read"]


def read(span: ReadableSpan) -> Record | None:
    """The record of `span`; None for a span that is no GenAI operation. Never raises."""
    from pulse_otel.export.dialects import registry

    return registry.read(span)


def degraded(span: ReadableSpan) -> Record | None:
    """What is left of a span that could not be read: when it was, and in which trace."""
    from pulse_otel.export.dialects import registry

    return registry.degraded(span)
