"""The cost of plain counts by the price table alone, for tests."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from pulse_otel.export.pricing.charge import charge
from pulse_otel.export.pricing.table import offer_of
from pulse_otel.export.records.record import Usage
from pulse_otel.prices import USES


def listed_cents(
    provider: Any,
    model: Any,
    *,
    at: datetime | None = None,
    variant: str | None = None,
    **counts: Any,
) -> float | None:
    """Cents at the listed prices, or at those of a tier; None for a model without prices.

    The counts have the names of `Usage`, whose tokens may end with `_tokens`, and those of uses.
    """
    moment = at or datetime.now(timezone.utc)
    moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    offer = offer_of(provider, model)
    prices = offer.prices(moment) if offer else None
    if offer is None or prices is None:
        return None
    if variant is not None:
        prices = {**prices, **(offer.variant(variant, moment) or {})}
    usage = {name.removesuffix("_tokens"): n for name, n in counts.items() if name not in USES}
    return charge(prices, Usage(**usage), {name: n for name, n in counts.items() if name in USES})
