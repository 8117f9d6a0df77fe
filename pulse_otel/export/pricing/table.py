"""The price table that is shipped with the package: what a model costs, and when.

The table (`prices.json`, written by `scripts/make_prices.py`, which documents its notation) is
read on the first question and kept. Nothing here knows OpenTelemetry: names in, prices out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypeAlias, TypedDict

from pulse_otel.export.pricing import names
from pulse_otel.log import logger
from pulse_otel.prices import Prices

_Rule: TypeAlias = "str | list[_Rule]"
_When: TypeAlias = "str | list[str] | None"
_Schedule: TypeAlias = "Prices | list[tuple[_When, Prices | None]] | None"
_Variants: TypeAlias = "list[tuple[str, _When, Prices]]"
_Row: TypeAlias = "tuple[_Rule, _Schedule] | tuple[_Rule, _Schedule, _Variants]"


_SATURDAY = 5


class _Provider(TypedDict):
    """The models of a provider, and the providers to ask when none of them matches."""

    fallback: list[str]
    models: list[_Row]


class _Table(TypedDict):
    """The price table."""

    source: str
    names: dict[str, str]
    providers: dict[str, _Provider]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a provider charges for a model: ordinarily, and by tier or speed."""

    schedule: _Schedule
    variants: _Variants

    def prices(self, at: datetime, workday: bool | None = None) -> Prices | None:
        """The listed prices at a time in UTC; None where they are by nothing that we count.

        `workday` says whether prices of weekdays hold; without it, the day of the week does.
        """
        if workday is None:
            workday = at.weekday() < _SATURDAY
        if not isinstance(self.schedule, list):
            return self.schedule
        for when, prices in reversed(self.schedule):
            if _applies(when, at, workday):
                return prices
        return self.schedule[0][1]

    def variant(self, name: str, at: datetime) -> Prices | None:
        """The prices that a tier or a speed has instead of listed ones; None where it has none.

        Of several that hold for a unit the first one counts.
        """
        found = [
            prices for key, when, prices in self.variants if key == name and _applies(when, at)
        ]
        if not found:
            return None
        return {unit: rate for prices in reversed(found) for unit, rate in prices.items()}


def offer_of(provider: str, model: str) -> Offer | None:
    """What `provider`, a `gen_ai.provider.name`, charges for `model`; None for unknown ones."""
    return _offer(names.name(provider), names.name(model))


@lru_cache(maxsize=1024)
def _offer(provider: str, model: str) -> Offer | None:
    table = _table()
    provider_id = table["names"].get(provider)
    if provider_id is None or not model:
        return None
    entry = table["providers"][provider_id]
    others = [table["providers"][name] for name in entry["fallback"]]
    for spelling in names.spellings(provider, model):
        for seller in (entry, *others):
            for row in seller["models"]:
                if _matches(row[0], spelling):
                    return _read(row, tiers=seller is entry)
    return None


def _read(row: _Row, *, tiers: bool) -> Offer:
    """A row as an offer. Tiers are a matter of the host, not of the one whose prices it takes."""
    return Offer(row[1], row[2] if tiers and len(row) == 3 else [])


def _applies(when: _When, moment: datetime, workday: bool = True) -> bool:
    """Whether a set of prices holds at a time given in UTC."""
    if when is None:
        return True
    if isinstance(when, str):
        return moment.date() >= date.fromisoformat(when)
    start, end, *days = when
    clock = f"{moment:%H:%M:%S}"
    if not (clock >= start or clock < end if end < start else start <= clock < end):
        return False
    return workday or not days


@cache
def _table() -> _Table:
    """The table. Cost is an extra: without it spans are exported all the same."""
    try:
        text = (files("pulse_otel.export.pricing") / "prices.json").read_text(encoding="utf-8")
        table: _Table = json.loads(text)
    except (OSError, ValueError):
        logger.warning("The price table cannot be read: no costs are computed", exc_info=True)
        return {"source": "", "names": {}, "providers": {}}
    return table


def _matches(rule: _Rule, model: str) -> bool:
    """Whether a model name satisfies a matching rule.

    A fine-tuned model has prices of its own: only a rule that speaks of `ft:` holds for it.
    """
    if isinstance(rule, list):
        test = all if rule[0] == "and" else any
        return test(_matches(part, model) for part in rule[1:])
    kind, text = rule[0], rule[1:]
    if model.startswith("ft:") and not (kind in "=^" and text.startswith("ft:")):
        return False
    return _satisfies(kind, text, model)


def _satisfies(kind: str, text: str, model: str) -> bool:
    if kind == "=":
        return model == text
    if kind == "^":
        return model.startswith(text)
    if kind == "$":
        return model.endswith(text)
    if kind == "*":
        return text in model
    return re.search(text, model) is not None
