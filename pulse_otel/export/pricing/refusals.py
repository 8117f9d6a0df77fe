"""Parts of a bill that prices cannot tell: each function raises CostUnknown for one.

No cost is better than a wrong one.
"""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.export.pricing.charge import CostUnknown
from pulse_otel.export.pricing.names import name
from pulse_otel.export.pricing.rules import (
    AUDIO_APART,
    FEE_IN_STATED_COST_ONLY,
    SEARCH_MODELS,
    WITHOUT_LONG_PROMPTS,
)
from pulse_otel.export.records.record import Record, Usage
from pulse_otel.prices import TOKENS, Prices


def refuse_unlisted_fees(provider: str, model: str, prices: Prices) -> None:
    """Refuse models with a fee for each request that the table lacks."""
    asked = name(model)
    searches = any(part in asked for part in SEARCH_MODELS)
    if searches and "requests" not in prices:
        raise CostUnknown("no price of the search that the model does in each call")
    if provider in FEE_IN_STATED_COST_ONLY and not prices.keys() <= TOKENS - {"citation"}:
        raise CostUnknown("the fee of each request varies")


def refuse_unlisted_audio(provider: str, prices: Prices, usage: Usage) -> None:
    """Refuse audio whose price is not listed and is not that of text."""
    if provider in AUDIO_APART and (
        (usage.input_audio and "input_audio" not in prices)
        or (usage.output_audio and "output_audio" not in prices)
    ):
        raise CostUnknown("no price of audio tokens")


def refuse_long(listed: Prices, variant: str | None, prices: Prices, usage: Usage) -> None:
    """Refuse prompts beyond a step of the listed prices that those of `variant` do not have."""
    if variant not in WITHOUT_LONG_PROMPTS:
        return
    stepped = (
        steps
        for unit, steps in listed.items()
        if isinstance(steps, list) and not isinstance(prices[unit], list)
    )
    none: list[tuple[int, float]] = []
    steps = next(stepped, none)  # a model's units have the same steps
    if len(steps) > 1 and (usage.input or 0) > steps[1][0]:
        raise CostUnknown(f"no price of service tier {variant} for a prompt of this length")


def refuse_unsplit(record: Record, prices: Prices, usage: Usage) -> None:
    """Refuse counts that do not tell audio or images, which have prices of their own, from text.

    Gemini's usage by OpenAI's API does not say how much of the prompt is audio, and that of images
    may not say how much of the output is text.
    """
    heard = usage is record.usage and record.attributes.get(semconv.PULSE_REQUEST_AUDIO) is True
    if heard and "input_audio" in prices and not usage.input_audio:
        raise CostUnknown("how much of the prompt is audio")
    if "output_image" in prices and usage.output and not usage.output_image:
        raise CostUnknown("how much of the output is images")
