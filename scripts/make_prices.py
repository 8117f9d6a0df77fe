"""Turns the price data of the `genai-prices` package into `pulse_otel/export/pricing/prices.json`.

Run it from the checkout, with the development group installed:

    python scripts/make_prices.py            # writes the table
    python scripts/make_prices.py --check    # exits 1 when the table is stale

The table holds, for each provider and in the order in which the package tries them, one row per
model: `[match, prices]`.

* `match` is a string whose first character names the test (`=` equals, `^` starts with, `$` ends
  with, `*` contains, `~` regular expression), or a list `["or", ...]` / `["and", ...]`.
* `prices` maps a unit to its price in US dollars: per million tokens, or per thousand requests. A
  price is a number, or, when it depends on the size of the prompt, `[[0, base], [start, price],
  ...]`. It is null when a model is not billed by the token, and a list `[[when, prices], ...]`
  when its prices changed (`when` is null, a UTC start date, or a daily UTC interval).
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
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "input_audio_mtok": "input_audio",
    "input_mtok": "input",
    "output_audio_mtok": "output_audio",
    "output_mtok": "output",
    "requests_kcount": "requests",
}


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
    """All prices of a model at one time, or None when none of them is for tokens or requests."""
    given = {key: value for key, value in vars(prices).items() if value is not None}
    kept = {unit: price(given[key]) for key, unit in UNITS.items() if key in given}
    if given and not kept:
        return None
    return kept


def clock(value: time) -> str:
    """A time of day in UTC."""
    if value.tzinfo is not None:
        moment = datetime.combine(date(2000, 1, 1), value)
        value = moment.astimezone(timezone.utc).time()
    return value.strftime("%H:%M:%S")


def condition(constraint: object) -> object:
    """When a set of prices applies."""
    match constraint:
        case None:
            return None
        case types.StartDateConstraint(start_date=start):
            return start.isoformat()
        case types.TimeOfDateConstraint(start_time=start, end_time=end):
            return [clock(start), clock(end)]
        case _:
            raise ValueError(f"unknown price constraint: {constraint!r}")


def schedule(prices: types.ModelPrice | list[types.ConditionalPrice]) -> object:
    """The prices of a model over time."""
    if isinstance(prices, types.ModelPrice):
        return price_set(prices)
    if len(prices) == 1:
        return price_set(prices[0].prices)  # the package uses the first set when no other applies
    return [[condition(entry.constraint), price_set(entry.prices)] for entry in prices]


def provider_text(provider: types.Provider) -> str:
    """A provider as JSON, one model per line so that an update shows what changed."""
    rows = [compact([match_rule(model.match), schedule(model.prices)]) for model in provider.models]
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
