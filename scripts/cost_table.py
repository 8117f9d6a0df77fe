"""Writes `docs/costs.md` from the rules by which usage is read and priced.

Run it from the checkout:

    python scripts/cost_table.py            # writes the page
    python scripts/cost_table.py --check    # exits 1 when the page is stale
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulse_otel.export.pricing import calendar, places, rules
from pulse_otel.instrumentation import usage_rules
from pulse_otel.prices import PRICED_PER
from scripts.written import write

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "costs.md"
PRICES = ROOT / "pulse_otel" / "export" / "pricing" / "prices.json"

Row = tuple[str, str, str, str, str]

TEXT = """\
# What a call costs

Written by `scripts/cost_table.py` from the rules that the code uses.

The cost of a call comes from the first known source in this list:

1. the cost that the provider itself states, in its own unit;
2. your own prices (the setting `prices`, below);
3. the public prices that come with the package ({source}), for the time when the call began, the
   tier and the speed that served it, and the place where it ran.

If part of a bill is unknown, pulse-otel shows no cost instead of a wrong one. The call's metadata
then says why, under `pulse.cost_unknown`: `no price of model my-model`, `no price of service tier
priority`. A call without usage has neither.

Fine-tuned models (`ft:...`) have prices of their own; the base model's price is never used for
them.

## Your own prices

```python
from pulse_otel import init_pulse

init_pulse(
    {{
        "api_key": "pulse_sk_...",
        "prices": {{
            "gpt-4o": {{"input": 2.0, "cache_read": 1.0, "output": 8.0}},
            "ft:gpt-4.1-mini*": {{"input": 0.8, "output": 3.2}},
            "azure.ai.openai:my-deployment": {{"input": [[0, 1.25], [200000, 2.5]], "output": 10}},
        }},
    }}
)  # or the path of a JSON file with that object, also as PULSE_PRICES
```

A key is the name of a model, as in the answer or the request, in upper or lower case. A `*` at its
end stands for any ending. `provider:model` applies to that provider only and wins over `model`. An
exact name wins over one with `*`, and a longer name with `*` wins over a shorter one. On Azure the
name of a deployment works too.

A price is in US dollars. It is a number, or steps by the size of the prompt: `[[0, price], [more
tokens than, price], ...]`, where one step applies to the whole call. Your prices replace all public
prices of that model, except those of tools. Tokens of a kind without a price, such as `cache_read`,
cost as much as `input` or `output`. Give both `input` and `output`; both may be 0. They are prices
of the standard tier: tiers and places change them as the table below says. With a tier that has no
factor there, the call has no cost.

| unit | price per |
|---|---|
{units}

## What each host reports, and what pulse-otel does with it

{table}
"""


def _per(unit: str) -> str:
    count = PRICED_PER[unit]
    if unit == "audio_hours":
        return "hour of audio"
    what = "tokens" if count == 1_000_000 else unit.replace("_", " ")
    return f"{count:,} {what}"


def usage_rows() -> Iterator[Row]:
    """How usage is read: the rules of the instrumentation."""
    for place in usage_rules.PLACES:
        field = f"`{'.'.join(place.path)}`"
        yield place.hosts, field, f"the usage {place.meaning}", "the last that is set", place.source
    for count in usage_rules.COUNTS:
        field = f"`usage.{'.'.join(count.path)}`"
        yield count.hosts, field, "a count", f"`{count.attribute}`", count.source
    for count in usage_rules.MESSAGE_COUNTS:
        field = f"`usage.{'.'.join(count.path)}` of messages"
        yield count.hosts, field, "a count", f"`{count.attribute}`", count.source
    yield (
        "anthropic",
        "`usage.iterations`",
        "tokens by sampling; the totals leave out those of compactions",
        "compactions are added; each is priced by the size of its own prompt",
        usage_rules.ITERATIONS_SOURCE,
    )
    yield from _total_rows()
    for name, (tool, source) in usage_rules.USES.items():
        yield "x_ai", f"`usage.{name}`", f"uses of `{tool}`", "no cost where none is stated", source
    for host, source in usage_rules.EXECUTES_TOOLS.items():
        field = "`choices.message.executed_tools`"
        yield host, field, "uses of its own tools, billed apart", "see below", source
    yield (
        "openai",
        f"`usage.{'.'.join(usage_rules.UNPRICED_WRITES)}`",
        "cache writes that live for 12 hours, at a price that is not published",
        "no cost where there are some",
        usage_rules.UNPRICED_WRITES_SOURCE,
    )
    yield (
        "openrouter",
        f"`usage.{usage_rules.OWN_KEY}`",
        "the stated cost is the fee alone, as the upstream bills your own key",
        f"plus `usage.{'.'.join(usage_rules.UPSTREAM_COST)}`; without that, no cost",
        usage_rules.OWN_KEY_SOURCE,
    )
    for cost in usage_rules.STATED_COSTS:
        field = f"`usage.{'.'.join(cost.path)}`"
        yield cost.provider, field, f"the cost in {cost.unit}", "wins over any price", cost.source
    for cost in usage_rules.STATED_COST_HEADERS:
        field = f"header `{'.'.join(cost.path)}`"
        yield cost.provider, field, f"the cost in {cost.unit}", "wins over any price", cost.source


def _total_rows() -> Iterator[Row]:
    """What becomes of a total that exceeds input plus output."""
    field = f"`usage.{usage_rules.TOTAL}`"
    for host, source in usage_rules.GENERATES_REST.items():
        meaning = "what it has beside input and output was generated"
        yield host, field, meaning, "counted as output, also without a completion count", source
    for host, source in usage_rules.WITHOUT_SUM_TEST.items():
        meaning = "leaves out reasoning and citations, which are billed apart"
        yield host, field, meaning, "not used", source
    attribute, source = usage_rules.REST_IS_AUDIO
    yield "mistral_ai", field, "has the audio, too", f"that is billed by `{attribute}`", source
    _, source = usage_rules.REST_IS_CACHE
    meaning = "exceeds input plus output by the cached tokens"
    yield "any other", field, meaning, "these are added to the input", source
    source = usage_rules.REST_IS_REASONING_SOURCE
    meaning = "exceeds input plus output by the reasoning"
    yield "any other", field, meaning, "that is added to the output", source
    meaning = "exceeds input plus output otherwise, or there is no completion count"
    yield "any other", field, meaning, "no cost", source


def pricing_rows() -> Iterator[Row]:
    """How usage is priced."""
    for tier in rules.TIERS:
        yield tier.host, f"service tier `{tier.name}`", tier.meaning, _tier(tier), tier.source
    for mode, source in rules.WITHOUT_LONG_PROMPTS.items():
        action = "no cost beyond the first step of the standard price"
        yield "openai", f"service tier `{mode}`", "not for long prompts", action, source
    yield (
        "anthropic",
        "`usage.speed` `fast`",
        "a price of its own per model",
        "the model's own prices, else no cost",
        "https://platform.claude.com/docs/en/build-with-claude/fast-mode",
    )
    for place in rules.PLACES:
        field = f"`usage.inference_geo` `{place.name}`"
        action = f"token prices x {place.factor:g}; no cost in a place not listed here"
        yield place.host, field, "where the model ran", action, place.source
    for region in places.REGIONS:
        servers = ", ".join(f"`{server}`" for server in region.servers)
        action = "no cost" if region.factor is None else f"token prices x {region.factor:g}"
        yield region.host, f"host {servers}", region.meaning, action, region.source
    for tool in rules.TOOLS:
        yield tool.host, f"uses of `{tool.name}`", tool.meaning, _tool(tool), tool.source
    for host, field, source in rules.UNSPLIT:
        meaning = "parts have other prices"
        yield host, field, meaning, "no cost for models with a price for that part", source
    yield (
        "openai",
        "`output` items",
        "each `x_call` that OpenAI executes is a use of its tool x",
        "no cost for one without a row here, and for images whose tokens are not stated",
        "https://developers.openai.com/api/docs/pricing",
    )
    yield (
        "any",
        "uses of tools, prompts summed up",
        "prices with steps by the size of a prompt",
        "no cost beyond the first step, unless each sampling is stated",
        usage_rules.ITERATIONS_SOURCE,
    )
    yield from _name_rows()
    yield from _fee_rows()


def _tier(tier: rules.Tier) -> str:
    otherwise = "no cost" if tier.factor is None else f"token prices x {tier.factor:g}"
    return f"the model's own prices of it, else {otherwise}"


def _tool(tool: rules.Tool) -> str:
    if tool.unit is None:
        return "no cost where it was used"
    return "nothing" if tool.unit == rules.FREE else f"x `{tool.unit}`"


def _name_rows() -> Iterator[Row]:
    for host, source in rules.DEPLOYMENTS.items():
        action = "only the model that the answer names is priced"
        yield host, "`model` of the request", "the name of a deployment", action, source
    for publisher in rules.PUBLISHERS:
        shown = ", ".join(f"`{prefix}`" for prefix in publisher.prefixes)
        action = "left out where the table lacks the whole name"
        yield publisher.host, "`model`", f"may start with {shown}", action, publisher.source
    for host, ending in rules.ENDINGS.items():
        meaning = f"without the `{ending}` of the older endpoint"
        yield host, "`model`", meaning, "added", rules.ENDINGS_SOURCE
    for part in rules.SEARCH_MODELS:
        action = "no cost"
        meaning = "searches in each call, for a fee that is not listed"
        yield "any", f"`model` with `{part}`", meaning, action, rules.SEARCH_MODELS_SOURCE


def _fee_rows() -> Iterator[Row]:
    for host, source in rules.FEE_IN_STATED_COST_ONLY.items():
        meaning = "a fee for each request, which varies"
        yield host, "no stated cost", meaning, "no cost for models with such a fee", source
    for host, source in rules.AUDIO_APART.items():
        meaning = "has prices of its own"
        yield host, "tokens of audio", meaning, "no cost where the model has none listed", source
    for host, seconds in rules.MINIMUM_SECONDS.items():
        action = f"at least {seconds:g} s"
        source = rules.MINIMUM_SECONDS_SOURCE
        yield host, "length of the audio", "billed by the second", action, source
    for host, source in rules.PEAK_HOURS.items():
        meaning = "peak hours, of the V4 models on weekdays except Chinese holidays"
        years = ", ".join(map(str, calendar.YEARS))
        action = f"the price of the time; in years other than {years}, no cost at peak hours"
        yield host, "start of the call", meaning, action, f"{source}, {calendar.HOLIDAYS_SOURCE}"


def _line(row: Any) -> str:
    return f"| {' | '.join(row)} |"


def page() -> str:
    """The page as it should be."""
    rows = [*usage_rows(), *pricing_rows()]
    hosts = list(dict.fromkeys(row[0] for row in rows))
    ordered = sorted(rows, key=lambda row: hosts.index(row[0]))
    head = [("host", "field", "meaning", "what we do", "source"), ["---"] * 5]
    return TEXT.format(
        source=json.loads(PRICES.read_text(encoding="utf-8"))["source"],
        units="\n".join(f"| `{unit}` | {_per(unit)} |" for unit in sorted(PRICED_PER)),
        table="\n".join(map(_line, [*head, *ordered])),
    )


if __name__ == "__main__":
    sys.exit(write(PAGE, page()))
