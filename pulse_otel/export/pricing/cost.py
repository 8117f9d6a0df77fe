"""The cost of a record: what the provider stated, else counts times the user's or listed prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.pricing.calendar import is_workday
from pulse_otel.export.pricing.charge import CostUnknown, charge, scaled
from pulse_otel.export.pricing.names import name
from pulse_otel.export.pricing.own import own_prices_of
from pulse_otel.export.pricing.places import factor_of
from pulse_otel.export.pricing.refusals import (
    is_long,
    refuse_unlisted_audio,
    refuse_unlisted_fees,
    refuse_unsplit,
)
from pulse_otel.export.pricing.rules import (
    DEPLOYMENTS,
    FREE,
    MINIMUM_SECONDS,
    PEAK_HOURS,
    PLACES,
    STANDARD,
    TIERS,
    TOOLS,
    WITHOUT_LONG_PROMPTS,
)
from pulse_otel.export.pricing.table import Offer, offer_of
from pulse_otel.export.records.record import Record, Usage, updated
from pulse_otel.prices import USES, Prices

_SENSIBLE_CENTS = 1e12  # a negative or infinite cost makes the service refuse the span
_NOTHING: Prices = {}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FACTORS = {(tier.host, tier.name): tier.factor for tier in TIERS}
_UNITS = {(tool.host, tool.name): tool.unit for tool in TOOLS}
_PLACES = {(place.host, place.name): place.factor for place in PLACES}
_PLACED = frozenset(place.host for place in PLACES)


@dataclass(frozen=True, slots=True)
class Pricing:
    """Puts the cost on records. `own` are the user's prices, by the names of models."""

    own: Mapping[str, Prices] = field(default_factory=dict[str, Prices])

    def __call__(self, record: Record) -> Record:
        """`record` with its cost, or with the reason why that is not known."""
        others = {k: v for k, v in record.attributes.items() if k != semconv.PULSE_COST_UNKNOWN}
        stated = record.reported_cost_cents
        if stated is not None and 0 <= stated < _SENSIBLE_CENTS:
            return updated(record, cost_cents=stated, attributes=others)
        if record.usage.input is None and record.usage.audio_seconds is None:
            return record
        try:
            return updated(record, cost_cents=self._computed(record))
        except CostUnknown as unknown:
            attributes = {semconv.PULSE_COST_UNKNOWN: str(unknown), **record.attributes}
            return updated(record, attributes=attributes)

    def _computed(self, record: Record) -> float:
        """Cents by prices. Raises CostUnknown."""
        if semconv.PULSE_COST_UNKNOWN in record.attributes:
            raise CostUnknown(record.attributes[semconv.PULSE_COST_UNKNOWN])
        named = [model for model in (record.response_model, record.model) if model]
        cents = self._model_cents(record, named, record.usage)
        for other in record.usage.other_models or ():
            counts: dict[str, Any] = {k: v for k, v in other.items() if k != "model"}
            cents += self._model_cents(record, [other["model"]], Usage(**counts))
        return cents

    def _model_cents(self, record: Record, models: list[str], usage: Usage) -> float:
        """Cents for the tokens of one model, and for the tools whose uses `usage` counts."""
        provider = name(record.provider)
        prices = self._prices(record, models, usage)
        if usage.input is None and "audio_hours" not in prices:
            raise CostUnknown("the tokens are not known")
        refuse_unsplit(record, prices, usage)
        prices = scaled(prices, _place_factor(provider, record.inference_geo))
        prices = scaled(prices, _region_factor(provider, record.server, models))
        shortest = MINIMUM_SECONDS.get(provider, 0)
        if usage.audio_seconds and usage.audio_seconds < shortest:
            usage = updated(usage, audio_seconds=shortest)
        return charge(prices, usage, _uses(provider, usage.tool_uses or {}))

    def _prices(self, record: Record, models: list[str], usage: Usage) -> Prices:
        """The user's prices of the first of `models` that has some, else the listed ones."""
        provider, mode = name(record.provider), _mode(record)
        own = own_prices_of(self.own, provider, models)
        if provider in DEPLOYMENTS:  # what was asked for is no model
            models = models[:1] if record.response_model else []
        if own is None:
            return _listed(record, models, mode, usage)
        _, _, listed = next(_offers(record, models), ("", None, _NOTHING))
        uses = {unit: rate for unit, rate in listed.items() if unit in USES}
        return scaled({**uses, **own}, _factor(provider, mode))


def _offers(record: Record, models: list[str]) -> Iterator[tuple[str, Offer, Prices]]:
    """Those of `models` that the table has, with the prices at the time of the call."""
    provider, moment = name(record.provider), _moment(record.start_ns)
    for model in models:
        offer = offer_of(provider, model)
        prices = _prices_at(provider, offer, moment) if offer else None
        if offer is not None and prices is not None:
            yield model, offer, prices


def _prices_at(provider: str, offer: Offer, moment: datetime) -> Prices | None:
    """The listed prices of a moment; on the holidays of its host a weekday is none."""
    if provider not in PEAK_HOURS:
        return offer.prices(moment)
    workday = is_workday(moment.date())
    if workday is None and offer.prices(moment, True) != offer.prices(moment, False):
        raise CostUnknown("whether the day is a holiday")
    return offer.prices(moment, workday)


def _listed(record: Record, models: list[str], mode: str | None, usage: Usage) -> Prices:
    provider = name(record.provider)
    model, offer, prices = next(_offers(record, models), ("", None, _NOTHING))
    if offer is None:
        what = f"no price of model {models[0][:256]}" if models else "the model is not known"
        raise CostUnknown(what)
    refuse_unlisted_fees(provider, model, prices)
    refuse_unlisted_audio(provider, prices, usage)
    variant = offer.variant(mode, _moment(record.start_ns)) if mode else None
    if variant is None:
        return scaled(prices, _factor(provider, mode))
    if mode in WITHOUT_LONG_PROMPTS and is_long(prices, variant, usage):
        raise CostUnknown(f"no price of service tier {mode} for a prompt of this length")
    return {**prices, **variant}


def _mode(record: Record) -> str | None:
    """How the call was served, as the table calls it; None for what the listed price is for."""
    tier, speed = name(record.service_tier), name(record.speed)
    found = [tier] if tier not in STANDARD else []
    if speed not in STANDARD:
        found.append(f"speed {speed}")
    if len(found) > 1:
        raise CostUnknown(f"no price of service tier {tier} at speed {speed}")
    return found[0] if found else None


def _factor(provider: str, mode: str | None) -> float:
    if mode is None:
        return 1.0
    factor = _FACTORS.get((provider, mode))
    if factor is None:
        what = mode if mode.startswith("speed ") else f"service tier {mode}"
        raise CostUnknown(f"no price of {what}")
    return factor


def _place_factor(provider: str, place: str | None) -> float:
    if provider not in _PLACED or not place:
        return 1.0
    factor = _PLACES.get((provider, name(place)))
    if factor is None:
        raise CostUnknown(f"no price of inference in {place[:64]}")
    return factor


def _region_factor(provider: str, server: str | None, models: list[str]) -> float:
    asked, model = name(server).rstrip("."), name(models[0]) if models else ""
    factor = factor_of(provider, asked, model)
    if factor is None:
        raise CostUnknown(f"no price of {model} at {asked or 'an unknown host'}")
    return factor


def _uses(provider: str, tools: Mapping[str, int]) -> dict[str, int]:
    """The uses of tools by the units of the table."""
    counts: dict[str, int] = {}
    for tool, count in tools.items():
        unit = _UNITS.get((provider, tool))
        if count > 0 and unit is None:
            raise CostUnknown(f"no price of tool {tool[:64]}")
        if count > 0 and unit is not None and unit != FREE:
            counts[unit] = counts.get(unit, 0) + count
    return counts


def _moment(time_ns: int) -> datetime:
    """The time of a call in UTC; the start of the epoch for one beyond the calendar."""
    try:
        return _EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return _EPOCH
