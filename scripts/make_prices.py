"""Turns the price data of the `genai-prices` package into `pulse_otel/export/pricing/prices.json`.

Run it from the checkout, with the development group installed:

    python scripts/make_prices.py            # writes the table
    python scripts/make_prices.py --check    # exits 1 when the table is stale

The table holds, for each provider and in the order in which the package tries them, one row per
model: `[match, prices]`.

* `match` is a string whose first character names the test (`=` equals, `^` starts with, `$` ends
  with, `*` contains, `~` regular expression), or a list `["or", ...]` / `["and", ...]`.
* `prices` maps a unit to its price in US dollars: per million tokens, per thousand requests or
  uses of a tool, per hour of audio. A price is a number, or, when it depends on the size of the
  prompt, `[[0, base], [start, price], ...]`. It is null when a model is billed by something that
  is not in `UNITS`, and a list `[[when, prices], ...]` when its prices changed. `when` is null, a
  UTC start date, or a daily UTC interval, which may hold on `"weekdays"` only.

A row may have a third element, `[[name, when, prices], ...]`: prices that replace the others where
a service tier (`flex`, `priority`, `batch`, ...) or a speed (`speed fast`) served the call.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date, datetime, time, timezone
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

from genai_prices import types
from genai_prices.data import providers

TABLE = Path(__file__).resolve().parent.parent / "pulse_otel" / "export" / "pricing" / "prices.json"

# OpenTelemetry's `gen_ai.provider.name` -> the package's provider id.
PROVIDER_IDS = {
    "anthropic": "anthropic",
    "aws.bedrock": "aws",
    "azure.ai.openai": "azure",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "groq": "groq",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together_ai": "together",
    "x_ai": "x-ai",
}

# The package's price key -> our unit. Prices of anything a span does not count are left out.
UNITS = {
    "audio_hours": "audio_hours",
    "cache_audio_read_mtok": "cache_read_audio",
    "cache_image_read_mtok": "cache_read_image",
    "cache_read_mtok": "cache_read",
    "cache_write_1h_mtok": "cache_write_1h",
    "cache_write_mtok": "cache_write",
    "code_executions_kcount": "code_executions",
    "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image",
    "input_mtok": "input",
    "output_audio_mtok": "output_audio",
    "output_citation_mtok": "citation",
    "output_image_mtok": "output_image",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "requests_kcount": "requests",
    "social_searches_kcount": "social_searches",
    "storage_searches_kcount": "storage_searches",
    "web_searches_kcount": "web_searches",
}

# What makes up the bill where it is priced, and what no span counts.
UNCOUNTED = {"input_mchars", "input_text_messages_kcount", "input_document_kpages"}

# Daily intervals that the package gives for all days, and that hold on weekdays only:
# https://api-docs.deepseek.com/quick_start/pricing, for the V4 models (those of V3 were daily).
# Chinese public holidays, which are days without them too, are not in the table.
WEEKDAYS = {"deepseek": [["01:00:00", "04:00:00"], ["06:00:00", "10:00:00"]]}

# How the package says under what condition a price replaces another -> the start of our name.
VARIANTS = {"processing": "", "service_tier": "", "speed": "speed "}


def number(value: Decimal) -> int | float:
    """The value as the shortest JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)


def match_rule(clause: object) -> object:
    """A model matching clause in the table's notation."""
    match clause:
        case types.ClauseEquals(equals=text):
            return "=" + text.lower()
        case types.ClauseStartsWith(starts_with=text):
            return "^" + text.lower()
        case types.ClauseEndsWith(ends_with=text):
            return "$" + text.lower()
        case types.ClauseContains(contains=text):
            return "*" + text.lower()
        case types.ClauseRegex(regex=text):
            return "~" + text
        case _:
            return compound_rule(clause)


def compound_rule(clause: object) -> list[object]:
    """An `or` or `and` clause in the table's notation."""
    match clause:
        case types.ClauseOr(or_=parts):
            return ["or", *map(match_rule, parts)]
        case types.ClauseAnd(and_=parts):
            return ["and", *map(match_rule, parts)]
        case _:
            raise ValueError(f"unknown matching clause: {clause!r}")


def price(value: Decimal | types.TieredPrices) -> object:
    """One price: a number, or its steps by prompt size."""
    if isinstance(value, types.TieredPrices):
        steps = [[0, number(value.base)]]
        return steps + [[tier.start, number(tier.price)] for tier in value.tiers]
    return number(value)


def price_set(prices: types.ModelPrice) -> dict[str, object] | None:
    """All prices of a model at one time, or None when it is billed by what no span counts."""
    given = {key: value for key, value in vars(prices).items() if value is not None}
    kept = {unit: price(given[key]) for key, unit in UNITS.items() if key in given}
    if UNCOUNTED & given.keys() or (given and not kept):
        return None
    return kept


def clock(value: time) -> str:
    """A time of day in UTC."""
    if value.tzinfo is not None:
        moment = datetime.combine(date(2000, 1, 1), value)
        value = moment.astimezone(timezone.utc).time()
    return value.strftime("%H:%M:%S")


def condition(constraint: object, provider: str) -> object:
    """When a set of prices applies."""
    match constraint:
        case None:
            return None
        case types.StartDateConstraint(start_date=start):
            return start.isoformat()
        case types.TimeOfDateConstraint(start_time=start, end_time=end):
            interval = [clock(start), clock(end)]
            return interval + ["weekdays"] * (interval in WEEKDAYS.get(provider, []))
        case _:
            raise ValueError(f"unknown price constraint: {constraint!r}")


def schedule(prices: types.ModelPrice | list[types.ConditionalPrice], provider: str) -> object:
    """The prices of a model over time."""
    if isinstance(prices, types.ModelPrice):
        return price_set(prices)
    if len(prices) == 1:
        return price_set(prices[0].prices)  # the package uses the first set when no other applies
    return [[condition(entry.constraint, provider), price_set(entry.prices)] for entry in prices]


def variants(model: types.ModelInfo, provider: str) -> list[object]:
    """The prices that a tier or a speed has instead of the listed ones."""
    found: list[object] = []
    for variant in model.price_variants or []:
        (key, value), *more = variant.when.items()
        prices = price_set(variant.prices)
        if key in VARIANTS and not more and prices:
            found.append([VARIANTS[key] + value, condition(variant.constraint, provider), prices])
    return found


def row(model: types.ModelInfo, provider: str) -> list[object]:
    """A model's row of the table."""
    others = variants(model, provider)
    return [
        match_rule(model.match),
        schedule(model.prices, provider),
        *([others] if others else []),
    ]


def provider_text(provider: types.Provider) -> str:
    """A provider as JSON, one model per line so that an update shows what changed."""
    rows = [compact(row(model, provider.id)) for model in provider.models]
    fallback = [name for name in provider.fallback_model_providers or [] if name in known_ids()]
    models = ",\n".join(rows)
    return f'{compact(provider.id)}:{{"fallback":{compact(fallback)},"models":[\n{models}\n]}}'


def known_ids() -> set[str]:
    """The ids of the providers that the table covers."""
    return set(PROVIDER_IDS.values())


def compact(value: object) -> str:
    """JSON without spaces, keys sorted."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def table_text() -> str:
    """The whole table."""
    chosen = sorted((p for p in providers if p.id in known_ids()), key=lambda p: p.id)
    missing = known_ids() - {provider.id for provider in chosen}
    if missing:
        raise ValueError(f"genai-prices has no provider {sorted(missing)}")
    return (
        f'{{"source":{compact("genai-prices " + version("genai-prices"))},\n'
        f'"names":{compact(PROVIDER_IDS)},\n'
        f'"providers":{{\n' + ",\n".join(map(provider_text, chosen)) + "\n}}\n"
    )


def main() -> int:
    """Writes the table, or checks that it is current."""
    parser = argparse.ArgumentParser(description="Make the price table from genai-prices.")
    parser.add_argument("--check", action="store_true", help="exit 1 when the table is stale")
    check = parser.parse_args().check
    text = table_text()
    json.loads(text)  # hand-assembled lines: fail here, not in a user's process
    if not check:
        TABLE.write_text(text, encoding="utf-8")
        print(f"{TABLE.name}: {len(text.encode())} bytes")
        return 0
    if TABLE.exists() and TABLE.read_text(encoding="utf-8") == text:
        print(f"{TABLE.name} is current")
        return 0
    print(f"{TABLE.name} is stale: run python scripts/make_prices.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
