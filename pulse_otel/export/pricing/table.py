"""The cost of a call, by the price table in the package.

The table (`prices.json`, written by `scripts/make_prices.py`, which documents its notation) is
read at the first use and kept. This file knows nothing of OpenTelemetry: it turns names and counts
into cents.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timezone
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypeAlias, TypedDict

from pulse_otel.log import logger

_Rule: TypeAlias = "str | list[_Rule]"
_Rate: TypeAlias = "float | list[tuple[int, float]]"
_Prices: TypeAlias = "dict[str, _Rate] | None"
_When: TypeAlias = "str | list[str] | None"
_Schedule: TypeAlias = "_Prices | list[tuple[_When, _Prices]]"


class _Provider(TypedDict):
    """The models of a provider, and the providers to search if none of them matches."""

    fallback: list[str]
    models: list[tuple[_Rule, _Schedule]]


class _Table(TypedDict):
    """The price table."""

    source: str
    names: dict[str, str]
    providers: dict[str, _Provider]


_MAX_NAME = 256  # no model name is longer; it bounds the cache of look-ups
_MAX_COUNT = 10**15  # keeps arithmetic with a senseless count finite
_DOLLARS_PER_MTOK_TO_CENTS = 100 / 1_000_000
_DOLLARS_PER_THOUSAND_TO_CENTS = 100 / 1_000
_COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


def cost_cents(
    provider: str,
    model: str,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    input_audio_tokens: int = 0,
    output_audio_tokens: int = 0,
    at: datetime | None = None,
) -> float | None:
    """Return the cost of a call in cents, or None if the table has no price for the model.

    `provider` is a `gen_ai.provider.name`. The counts follow the OpenTelemetry GenAI conventions:
    `input_tokens` and `output_tokens` are totals, which include cached and audio tokens. Tokens
    without a price of their own are charged as ordinary ones. `at` is the time of the call: now by
    default, and UTC without a zone. Never raises: a count that is not a positive number is 0.
    """
    schedule = _schedule(_name(provider), _name(model))
    prices = _prices_at(schedule, at) if isinstance(schedule, list) else schedule
    if prices is None:
        return None
    read, write = _count(cache_read_tokens), _count(cache_write_tokens)
    # A total that is smaller than its parts is wrong: the parts count.
    total = max(_count(input_tokens), read + write)
    prompt = {
        "cache_read": read,
        "cache_write": write,
        "input_audio": _count(input_audio_tokens),
    }
    counts = _charged(prices, prompt, "input", total)
    answer = {"output_audio": _count(output_audio_tokens)}
    counts |= _charged(prices, answer, "output", _count(output_tokens))
    cents = sum(_rate(prices[unit], total) * count for unit, count in counts.items())
    cents *= _DOLLARS_PER_MTOK_TO_CENTS
    if "requests" in prices:
        cents += _rate(prices["requests"], total) * _DOLLARS_PER_THOUSAND_TO_CENTS
    return cents


def _charged(
    prices: dict[str, _Rate], parts: dict[str, int], whole: str, total: int
) -> dict[str, int]:
    """Return how many tokens are charged at each price of the model, for one side of the call.

    A part without a price stays in the whole. Audio comes last and is taken from the tokens that
    are not cached: more audio tokens than those are cached, and were counted as such.
    """
    counts: dict[str, int] = {}
    for unit, count in parts.items():
        if unit in prices:
            counts[unit] = min(count, total)
            total -= counts[unit]
    if whole in prices:
        counts[whole] = total
    return counts


def _rate(price: _Rate, total_input: int) -> float:
    """Return the price per unit: the highest step that the prompt exceeds applies to all of it."""
    if not isinstance(price, list):
        return price
    return next((rate for start, rate in reversed(price) if total_input > start), price[0][1])


def _prices_at(schedule: list[tuple[_When, _Prices]], at: datetime | None) -> _Prices:
    """Return the last set of prices whose condition holds; the first one if none does."""
    moment = _utc(at)
    for when, prices in reversed(schedule):
        if _applies(when, moment):
            return prices
    return schedule[0][1]


def _applies(when: _When, moment: datetime) -> bool:
    """Return whether a set of prices holds at a time given in UTC."""
    if when is None:
        return True
    if isinstance(when, str):
        return moment.date() >= date.fromisoformat(when)
    start, end = when
    clock = f"{moment:%H:%M:%S}"
    if end < start:  # over midnight
        return clock >= start or clock < end
    return start <= clock < end


def _utc(at: datetime | None) -> datetime:
    """Return the time in UTC; a time without a zone is UTC."""
    if not isinstance(at, datetime):
        return datetime.now(timezone.utc)
    if at.tzinfo is None:
        return at
    try:
        return at.astimezone(timezone.utc)
    except OverflowError:  # within a day of either end of the calendar
        return at


def _name(value: object) -> str:
    """Return a name as the table spells it, or an empty one if it cannot be a name."""
    if not isinstance(value, str) or len(value) > _MAX_NAME:
        return ""
    return value.lower()


def _count(value: object) -> int:
    """Return a token count: 0 for anything that is not a positive number."""
    if not isinstance(value, (int, float)) or not 0 < value < _MAX_COUNT:
        return 0
    return int(value)


@cache
def _table() -> _Table:
    """Return the table; without a readable table, spans are exported without a cost."""
    try:
        text = (files("pulse_otel.export.pricing") / "prices.json").read_text(encoding="utf-8")
        table: _Table = json.loads(text)
    except (OSError, ValueError):
        logger.warning("The price table cannot be read: no costs are computed", exc_info=True)
        return {"source": "", "names": {}, "providers": {}}
    return table


@lru_cache(maxsize=1024)
def _schedule(provider: str, model: str) -> _Schedule:
    """Return the prices of a model over time, or None if the table does not have it."""
    table = _table()
    provider_id = table["names"].get(provider.strip())
    if provider_id is None or not model:
        return None
    entry = table["providers"][provider_id]
    offers = [entry, *(table["providers"][name] for name in entry["fallback"])]
    spellings = dict.fromkeys((model, _COMPACT_DATE.sub(_dashed_date, model)))
    for spelling in spellings:
        for offer in offers:
            for rule, schedule in offer["models"]:
                if _matches(rule, spelling):
                    return schedule
    return None


def _dashed_date(found: re.Match[str]) -> str:
    """Turn `-20251211` into `-2025-12-11`: gateways write the date without dashes."""
    year, month, day = found.groups()
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return found.group(0)
    return f"-{year}-{month}-{day}"


def _matches(rule: _Rule, model: str) -> bool:
    """Return whether a model name satisfies a matching rule."""
    if isinstance(rule, list):
        test = all if rule[0] == "and" else any
        return test(_matches(part, model) for part in rule[1:])
    kind, text = rule[0], rule[1:]
    if kind == "=":
        return model == text
    if kind == "^":
        return model.startswith(text)
    if kind == "$":
        return model.endswith(text)
    if kind == "*":
        return text in model
    return re.search(text, model) is not None
