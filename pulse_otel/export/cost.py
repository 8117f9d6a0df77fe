"""The cost of a record: what the provider reported, else tokens times list price."""

from __future__ import annotations

from typing import Any

from pulse_otel.export.pricing import cost_cents
from pulse_otel.export.record import Record

_SENSIBLE_CENTS = 1e12  # a negative or infinite cost makes the service refuse the span


def record_cost_cents(record: Record) -> float | None:
    """US cents, or None where the usage or the price of the model is unknown."""
    reported = record.reported_cost_cents
    if reported is not None and 0 <= reported < _SENSIBLE_CENTS:
        return reported
    usage, model = record.usage, record.response_model or record.model
    if usage.input is None or not model or not record.provider:
        return None
    tokens: dict[str, Any] = {
        "input_tokens": usage.input,
        "output_tokens": usage.output or 0,
        "cache_read_tokens": usage.cache_read or 0,
        "cache_write_tokens": usage.cache_write or 0,
        "input_audio_tokens": usage.input_audio or 0,
        "output_audio_tokens": usage.output_audio or 0,
    }
    cost = cost_cents(record.provider, model, **tokens)
    if cost is None and record.model and record.model != model:
        cost = cost_cents(record.provider, record.model, **tokens)
    return cost
