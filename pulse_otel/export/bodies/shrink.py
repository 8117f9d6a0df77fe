"""A record with less content, for a service that finds it too large, or if encoding it fails.

Cuts are marked in the texts, and the record is marked as truncated.
"""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.export.bodies import trim
from pulse_otel.export.records.record import Record, updated
from pulse_otel.texts import clip

LIMITS = (16_384, 4_096, 1_024, 0)
"""Bytes of each content of a record, one try after the other; 0: no content."""


def shrunk(record: Record, limit: int) -> Record:
    """Return `record` with each content at most `limit` bytes long, marked as truncated."""
    if not limit:
        return bare(record)
    return updated(
        record,
        name=clip(record.name, limit),
        output_text=record.output_text and clip(record.output_text, limit),
        request=_fit(record.request, limit),
        response=_fit(record.response, limit),
        tool_input=_fit(record.tool_input, limit),
        tool_output=_fit(record.tool_output, limit),
        error=_fit(record.error, limit),
        metadata=_fit(record.metadata, limit) or {},
        attributes={**(_fit(record.attributes, limit) or {}), semconv.PULSE_TRUNCATED: True},
    )


def bare(record: Record) -> Record:
    """Return `record` without its content: the call and its usage remain."""
    return updated(
        record,
        name=clip(str(record.name), 256),
        output_text=None,
        request={"model": clip(str(record.model), 256)} if record.model else None,
        response=None,
        tool_input=None,
        tool_output=None,
        error={"message": "[cut]"} if record.error else None,
        metadata={},
        attributes={semconv.PULSE_TRUNCATED: True},
    )


def _fit(value: Any, limit: int) -> Any:
    return trim.fit(value, limit) if value else value
