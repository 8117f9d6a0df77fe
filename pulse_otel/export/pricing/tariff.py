"""The prices of a call: who served what, how, where and when decides them; its counts do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from pulse_otel.export.pricing.calendar import is_workday
from pulse_otel.export.pricing.charge import CostUnknown, scaled
from pulse_otel.export.pricing.names import name
from pulse_otel.export.pricing.own import own_prices_of
from pulse_otel.export.pricing.places import factor_of
from pulse_otel.export.pricing.refusals import refuse_unlisted_fees
from pulse_otel.export.pricing.rules import DEPLOYMENTS, PEAK_HOURS, PLACES, STANDARD, TIERS
from pulse_otel.export.pricing.table import Offer, offer_of
from pulse_otel.export.records.record import Record
from pulse_otel.prices import USES, Prices

_NOTHING: Prices = {}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FACTORS = {(tier.host, tier.name): tier.factor for tier in TIERS}
_PLACES = {(place.host, place.name): place.factor for place in PLACES}
_PLACED = frozenset(place.host for place in PLACES)


class Served(NamedTuple):
    """What decides the prices of a call."""

    provider: str | None
    models: tuple[str | None, ...]  # names of the one that answered, the best first
    has_answered: bool  # whether the answer names its model
    tier: str | None
    speed: str | None
    place: str | None  # of inference
    server: str | None
    minute: int  # since the epoch: no schedule of the table is finer

    def length(self) -> int:
        """Return the characters of all names."""
        place = (self.provider, self.tier, self.speed, self.place, self.server)
        return len("".join(filter(None, (*self.models, *place))))


def served_by(record: Record, models: tuple[str | None, ...]) -> Served:
    """Return what decides the prices of `models` in the call of `record`."""
    return Served(
        record.provider,
        models,
        bool(record.response_model),
        record.service_tier,
        record.speed,
        record.inference_geo,
        record.server,
        record.start_ns // 60_000_000_000,
    )


class Tariff(NamedTuple):
    """The prices of a call."""

    provider: str  # as price tables spell it
    prices: Prices
    listed: Prices | None  # those of the standard tier, anywhere; None where the user has some
    variant: str | None = None  # the tier or the speed that has prices of its own


def tariff_of(own: Mapping[str, Prices], served: Served) -> Tariff:
    """Return the user's prices of the first model that has some, else the listed ones.

    Raises CostUnknown.
    """
    provider, models = name(served.provider), tuple(filter(None, served.models))
    named, mode = models, _mode(served)
    theirs = own_prices_of(own, provider, models)
    if provider in DEPLOYMENTS:  # what was asked for is no model
        models = models[:1] if served.has_answered else ()
    if theirs is None:
        tariff = _listed(provider, models, mode, served.minute)
    else:
        _, _, listed = next(_offers(provider, models, served.minute), ("", None, _NOTHING))
        uses = {unit: rate for unit, rate in listed.items() if unit in USES}
        tariff = Tariff(provider, scaled({**uses, **theirs}, _factor(provider, mode)), None)
    prices = scaled(tariff.prices, _place_factor(provider, served.place))
    prices = scaled(prices, _region_factor(provider, served.server, named))
    return tariff._replace(prices=prices)


def _offers(
    provider: str, models: tuple[str, ...], minute: int
) -> Iterator[tuple[str, Offer, Prices]]:
    """Those of `models` that the table has, with the prices at the time of the call."""
    moment = _moment(minute)
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


def _listed(provider: str, models: tuple[str, ...], mode: str | None, minute: int) -> Tariff:
    model, offer, prices = next(_offers(provider, models, minute), ("", None, _NOTHING))
    if offer is None:
        what = f"no price of model {models[0][:256]}" if models else "the model is not known"
        raise CostUnknown(what)
    refuse_unlisted_fees(provider, model, prices)
    variant = offer.variant(mode, _moment(minute)) if mode else None
    if variant is None:
        return Tariff(provider, scaled(prices, _factor(provider, mode)), prices)
    return Tariff(provider, {**prices, **variant}, prices, mode)


def _mode(served: Served) -> str | None:
    """How the call was served, as the table calls it; None for what the listed price is for."""
    tier, speed = name(served.tier), name(served.speed)
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


def _region_factor(provider: str, server: str | None, models: tuple[str, ...]) -> float:
    asked, model = name(server).rstrip("."), name(models[0]) if models else ""
    factor = factor_of(provider, asked, model)
    if factor is None:
        raise CostUnknown(f"no price of {model} at {asked or 'an unknown host'}")
    return factor


def _moment(minute: int) -> datetime:
    """A time in UTC; the start of the epoch for one beyond the calendar."""
    try:
        return _EPOCH + timedelta(minutes=minute)
    except OverflowError:
        return _EPOCH
