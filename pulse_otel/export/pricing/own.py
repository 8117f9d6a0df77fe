"""The user's own prices: negotiated ones, those of fine-tuned models, of models not listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulse_otel.export.pricing.names import name
from pulse_otel.prices import Prices


def own_prices_of(own: Mapping[str, Prices], provider: str, models: Sequence[str]) -> Prices | None:
    """The prices of the first of `models` that has some.

    `provider:model` precedes `model`, and an exact name precedes the longest start of it, which
    is written with a `*` at its end.
    """
    for model in models if own else ():
        for key in (f"{provider}:{name(model)}", name(model)):
            starts = (each for each in own if each.endswith("*") and key.startswith(each[:-1]))
            found = key if key in own else max(starts, key=len, default=None)
            if found is not None:
                return own[found]
    return None
