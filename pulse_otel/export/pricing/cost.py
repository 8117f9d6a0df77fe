"""The cost of a record: as the provider reported it, or else tokens times list price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel.export.pricing.table import cost_cents
from pulse_otel.export.records.record import Record

# Service tier -> its part of the list price. Batches cost half at both providers, and OpenAI's flex
# costs as much as its batches. A tier with prices of its own (priority) is not in the table: it has
# no cost instead of a guessed one.
_TIERS: Mapping[str | None, float] = {
    None: 1.0,
    "auto": 1.0,
    "default": 1.0,
    "standard": 1.0,
    "standard_only": 1.0,
    "batch": 0.5,
    "flex": 0.5,
}
_SENSIBLE_CENTS = 1e12  # a negative or infinite cost makes the service refuse the span


def record_cost_cents(record: Record) -> float | None:
    """Return US cents, or None if the usage or the price of the model is unknown."""
    reported = record.reported_cost_cents
    if reported is not None and 0 <= reported < _SENSIBLE_CENTS:
        return reported
    usage, model = record.usage, record.response_model or record.model
    part = _TIERS.get(record.service_tier)
    if usage.input is None or not model or not record.provider or part is None:
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
    return None if cost is None else cost * part
