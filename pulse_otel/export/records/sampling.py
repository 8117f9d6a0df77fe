"""Decides whether a record is sent, by the id of its trace: a trace is sent whole or not at all.

Every process and every service comes to the same decision, without asking another. The comparison
is that of OpenTelemetry's `TraceIdRatioBased` sampler (opentelemetry-python,
`opentelemetry/sdk/trace/sampling.py`, 1.37 to 1.45): the lower 64 bits of the trace id, below the
rate's part of 2**64. So a `traceidratio` sampler of the same rate takes the same traces, and one of
a higher rate takes these and more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulse_otel import semconv

if TYPE_CHECKING:
    from pulse_otel.export.records.record import Record

_LIMIT = 1 << 64


class TraceSampling:
    """Takes `rate` of the traces, 0 to 1; with `keep_errors` every failed call as well."""

    def __init__(self, rate: float, keep_errors: bool) -> None:
        self._bound = round(rate * _LIMIT)
        self._keep_errors = keep_errors

    def __call__(self, record: Record) -> Record | None:
        """Return the record to send; None if it is left out."""
        if self._bound == _LIMIT or int(record.trace_id, 16) % _LIMIT < self._bound:
            return record
        if self._keep_errors and record.is_error and record.kind == "llm_call":
            from pulse_otel.export.records.record import updated

            kept = {semconv.PULSE_KEPT_ERROR: True}
            return updated(record, attributes={**record.attributes, **kept})
        return None
