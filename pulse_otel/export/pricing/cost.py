"""The cost of a record: what the provider stated, else counts times the user's or listed prices."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.pricing.charge import CostUnknown, charge
from pulse_otel.export.pricing.refusals import refuse_long, refuse_unlisted_audio, refuse_unsplit
from pulse_otel.export.pricing.rules import FREE, MINIMUM_SECONDS, TOOLS
from pulse_otel.export.pricing.tariff import served_by, tariff_of
from pulse_otel.export.records.record import Record, Usage, updated
from pulse_otel.prices import Prices

_SENSIBLE_CENTS = 1e12  # a negative or infinite cost makes the service refuse the span
_MOST_TARIFFS = 1024  # that are remembered: most calls are served as others before
_LONGEST = 1024  # characters of all that a remembered one is found by
_NO_PRICES: Mapping[str, Prices] = {}
_UNITS = {(tool.host, tool.name): tool.unit for tool in TOOLS}


class Pricing:
    """Puts the cost on records, which nobody else may hold any more.

    `own` are the user's prices, by the names of models.
    """

    def __init__(self, own: Mapping[str, Prices] = _NO_PRICES) -> None:
        self._tariff = partial(tariff_of, own)
        self._remembered = lru_cache(_MOST_TARIFFS)(self._tariff)

    def __call__(self, record: Record) -> Record:
        """`record` with its cost, or with the reason why that is not known."""
        stated = record.reported_cost_cents
        if stated is not None and 0 <= stated < _SENSIBLE_CENTS:
            known = {k: v for k, v in record.attributes.items() if k != semconv.PULSE_COST_UNKNOWN}
            record.cost_cents, record.attributes = stated, known
        elif record.usage.input is not None or record.usage.audio_seconds is not None:
            try:
                record.cost_cents = self._computed(record)
            except CostUnknown as unknown:
                reason = {semconv.PULSE_COST_UNKNOWN: str(unknown)}
                record.attributes = {**reason, **record.attributes}
        return record

    def _computed(self, record: Record) -> float:
        """Cents by prices. Raises CostUnknown."""
        if semconv.PULSE_COST_UNKNOWN in record.attributes:
            raise CostUnknown(record.attributes[semconv.PULSE_COST_UNKNOWN])
        named = (record.response_model, record.model)
        cents = self._model_cents(record, named, record.usage)
        for other in record.usage.other_models or ():
            counts: dict[str, Any] = {k: v for k, v in other.items() if k != "model"}
            cents += self._model_cents(record, (other["model"],), Usage(**counts))
        return cents

    def _model_cents(self, record: Record, models: tuple[str | None, ...], usage: Usage) -> float:
        """Cents for the tokens of one model, and for the tools whose uses `usage` counts."""
        served = served_by(record, models)
        tariff = (self._remembered if served.length() <= _LONGEST else self._tariff)(served)
        provider, prices = tariff.provider, tariff.prices
        if tariff.listed is not None:
            refuse_unlisted_audio(provider, tariff.listed, usage)
            refuse_long(tariff.listed, tariff.variant, prices, usage)
        if usage.input is None and "audio_hours" not in prices:
            raise CostUnknown("the tokens are not known")
        refuse_unsplit(record, prices, usage)
        shortest = MINIMUM_SECONDS.get(provider, 0)
        if usage.audio_seconds and usage.audio_seconds < shortest:
            usage = updated(usage, audio_seconds=shortest)
        return charge(prices, usage, _uses(provider, usage.tool_uses))


def _uses(provider: str, tools: Mapping[str, int] | None) -> dict[str, int]:
    """The uses of tools by the units of the table."""
    counts: dict[str, int] = {}
    for tool, count in tools.items() if tools else ():
        unit = _UNITS.get((provider, tool))
        if count > 0 and unit is None:
            raise CostUnknown(f"no price of tool {tool[:64]}")
        if count > 0 and unit is not None and unit != FREE:
            counts[unit] = counts.get(unit, 0) + count
    return counts
