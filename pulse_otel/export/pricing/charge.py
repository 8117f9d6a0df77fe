"""From counts and the prices of their units to cents."""

from __future__ import annotations

from collections.abc import Mapping

from pulse_otel.export.records.record import Usage
from pulse_otel.prices import PRICED_PER, TOKENS, Prices, Rate

_MAX_COUNT = 10**15  # keeps arithmetic on a nonsense count finite
_CACHED = {"cache_read_audio": "input_audio", "cache_read_image": "input_image"}


class CostUnknown(Exception):
    """The cost of a call cannot be known; the text says why."""


def charge(prices: Prices, usage: Usage, uses: Mapping[str, int] | None = None) -> float:
    """Cents for a call: its tokens, its audio, `uses` of the provider's tools by their unit.

    Counts follow the OpenTelemetry GenAI conventions: `input` and `output` are totals. A part that
    has no price of its own is charged as what it is a part of. A count that is not a positive
    number is 0. Raises CostUnknown for a use without a price, and where a part can be charged as
    nothing else.
    """
    size = _size(usage)
    cents = 0.0
    for part in _samplings(prices, usage, size):
        prompt = size if part is usage else _size(part)
        cents += _cents(prices, _prompt(prices, part, prompt) | _answer(prices, part), prompt)
    return cents + _cents(prices, _others(prices, usage, uses or {}), size)


def _cents(prices: Prices, counts: Mapping[str, float], prompt: int) -> float:
    cents = 0.0
    for unit, count in counts.items():
        rate = prices[unit]
        if isinstance(rate, list):
            rate = _step(rate, prompt)
        cents += rate * count * 100 / PRICED_PER[unit]
    return cents


def _size(usage: Usage) -> int:
    """The size of a prompt. A total smaller than its parts can only be wrong."""
    total, cached = _count(usage.input), _count(usage.cache_read) + _count(usage.cache_write)
    return total if total > cached else cached


def _samplings(prices: Prices, usage: Usage, size: int) -> list[Usage]:
    """The parts of `usage` that are charged each for itself, by the size of its own prompt.

    Raises CostUnknown where a step of the prices lies below a sum of prompts that are not known.
    """
    if not usage.samplings and not usage.tool_uses:
        return [usage]
    steps = [rate[1][0] for rate in prices.values() if isinstance(rate, list) and len(rate) > 1]
    if not steps or size <= min(steps):
        return [usage]
    parts = [Usage(**counts) for counts in usage.samplings or ()]
    if parts and all(
        sum(_count(getattr(part, side)) for part in parts) == _count(getattr(usage, side))
        for side in ("input", "output")
    ):
        return parts
    if parts or any(map(_count, (usage.tool_uses or {}).values())):  # tools mean several prompts
        raise CostUnknown("the sizes of the prompts, which the usage sums up")
    return [usage]


def scaled(prices: Prices, factor: float) -> Prices:
    """`prices` with those of tokens multiplied."""
    if factor == 1:
        return prices
    return {
        unit: _scaled(rate, factor) if unit in TOKENS else rate for unit, rate in prices.items()
    }


def _scaled(rate: Rate, factor: float) -> Rate:
    if isinstance(rate, list):
        return [(start, price * factor) for start, price in rate]
    return rate * factor


def _prompt(prices: Prices, usage: Usage, size: int) -> dict[str, int]:
    if not (usage.cache_read or usage.cache_write or usage.input_audio or usage.input_image):
        return _divided(prices, {}, "input", size)
    parts = {
        "cache_read": _count(usage.cache_read),
        "cache_write": _count(usage.cache_write),
        "input_audio": _count(usage.input_audio),
        "input_image": _count(usage.input_image),
    }
    long_lived = min(_count(usage.cache_write_1h), parts["cache_write"])
    if long_lived and "cache_write_1h" in prices:
        parts["cache_write"] -= long_lived
        parts = {"cache_write_1h": long_lived, **parts}
    elif long_lived and "cache_write" in prices:
        raise CostUnknown("no price of one-hour cache writes")
    for unit, modality in _CACHED.items() if parts["cache_read"] else ():
        cached = min(_count(getattr(usage, unit)), parts["cache_read"])
        if unit in prices:
            parts["cache_read"] -= cached
            parts = {unit: cached, **parts}
        if unit in prices or "cache_read" in prices:
            parts[modality] = max(0, parts[modality] - cached)
    return _divided(prices, parts, "input", size)


def _answer(prices: Prices, usage: Usage) -> dict[str, int]:
    total = _count(usage.output)
    if not (usage.output_audio or usage.output_image or usage.reasoning):
        return _divided(prices, {}, "output", total)
    parts = {
        "output_audio": _count(usage.output_audio),
        "output_image": _count(usage.output_image),
        "reasoning": _count(usage.reasoning),
    }
    return _divided(prices, parts, "output", total)


def _divided(prices: Prices, parts: dict[str, int], whole: str, total: int) -> dict[str, int]:
    """How many tokens are charged at each price that the model has for one side of the call.

    A part without a price stays in the whole. What is not cached comes last, and is taken from the
    rest: tokens beyond that are cached ones, which were counted as such.
    """
    counts: dict[str, int] = {}
    for unit, count in parts.items():
        if unit in prices:
            counts[unit] = min(count, total)
            total -= counts[unit]
    if whole in prices:
        counts[whole] = total
    return counts


def _others(prices: Prices, usage: Usage, uses: Mapping[str, int]) -> dict[str, float]:
    """What is not a part of the prompt or the answer."""
    counts: dict[str, float] = {"requests": 1} if "requests" in prices else {}
    beside = {"citation": _count(usage.citation), **uses} if usage.citation or uses else {}
    for unit, count in beside.items():
        if count and unit not in prices:
            raise CostUnknown(f"no price of {unit.replace('_', ' ')}")
        if count:
            counts[unit] = count
    if "audio_hours" in prices:
        if usage.audio_seconds is None and "input" not in prices:
            raise CostUnknown("the length of the audio is not known")
        counts["audio_hours"] = _seconds(usage.audio_seconds)
    return counts


def _step(steps: list[tuple[int, float]], prompt: int) -> float:
    """The price per unit: the highest step that the prompt exceeds holds for the whole call."""
    return next((rate for start, rate in reversed(steps) if prompt > start), steps[0][1])


def _count(value: object) -> int:
    """A count: 0 for anything that is not a positive number."""
    if type(value) is int:
        return value if 0 < value < _MAX_COUNT else 0
    return 0 if value is None else int(_seconds(value))


def _seconds(value: object) -> float:
    if not isinstance(value, (int, float)) or not 0 < value < _MAX_COUNT:
        return 0
    return value
