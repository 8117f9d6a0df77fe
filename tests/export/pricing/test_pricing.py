"""Costs, held against the package that the price table is made from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pulse_otel.export.pricing import table as pricing
from pulse_otel.prices import PRICED_PER, TOKENS, USES
from tests.export.pricing.listed import listed_cents

ROOT = Path(__file__).resolve().parents[3]
TABLE: dict[str, Any] = json.loads(
    (ROOT / "pulse_otel" / "export" / "pricing" / "prices.json").read_text(encoding="utf-8")
)
MAY_2026 = datetime(2026, 5, 4, 12, 0, tzinfo=timezone.utc)
TIMES = [
    datetime(2024, 1, 1, 3, 0, tzinfo=timezone.utc),
    datetime(2025, 8, 20, 20, 15, tzinfo=timezone.utc),
    datetime(2026, 5, 4, 23, 59, 59, tzinfo=timezone(timedelta(hours=-7))),
    datetime(2026, 12, 31, 2, 30),
]
USAGES = [
    {"input_tokens": 0, "output_tokens": 0},
    {"input_tokens": 1_234, "output_tokens": 567},
    {"input_tokens": 5_000, "output_tokens": 10, "cache_read_tokens": 4_000},
    {"input_tokens": 5_000, "output_tokens": 10, "cache_write_tokens": 3_000},
    {
        "input_tokens": 950_001,
        "output_tokens": 4_321,
        "cache_read_tokens": 300_000,
        "cache_write_tokens": 250_000,
    },
    {
        "input_tokens": 9_000,
        "output_tokens": 800,
        "cache_read_tokens": 1_000,
        "input_audio_tokens": 700,
        "output_audio_tokens": 600,
    },
    {"input_tokens": 128_000, "output_tokens": 1},
    {"input_tokens": 200_000, "output_tokens": 1},
    {"input_tokens": 200_001, "output_tokens": 1},
]


def expected_cents(
    provider: str,
    model: str,
    usage: dict[str, int],
    at: datetime,
    context: dict[str, str] | None = None,
) -> float | None:
    """What genai-prices says, None for a model that it does not know."""
    library = pytest.importorskip("genai_prices")
    # Cached audio is not something that we are told: the package wants that said.
    counts = dict.fromkeys(("cache_audio_read_tokens", "cache_audio_write_tokens"), 0) | usage
    try:
        price = library.calc_price(
            library.Usage(**counts),
            model,
            provider_id=TABLE["names"][provider],
            genai_request_timestamp=at,
            price_context=context,
        )
    except LookupError:
        return None
    return float(price.total_price) * 100


def names_in(rule: Any) -> Iterator[str]:
    """Model names that a matching rule speaks of."""
    if isinstance(rule, list):
        for part in rule[1:]:
            yield from names_in(part)
    elif rule[0] != "~":
        yield rule[1:]


def token_billed(offer: pricing.Offer | None) -> bool:
    schedule: Any = offer.schedule if offer else None
    sets = [prices for _, prices in schedule] if isinstance(schedule, list) else [schedule]
    return all(prices is not None and "input" in prices for prices in sets)


@cache
def models_of(provider: str) -> list[str]:
    """Every name in the table, as it is, dated, and as gateways spell it."""
    rows = TABLE["providers"][TABLE["names"][provider]]["models"]
    names = {name for row in rows for name in names_in(row[0])}
    others = {f"{name}-2025-04-14" for name in names} | {f"{name}-20250414" for name in names}
    return sorted(names | (others if len(names) < 400 else set()))


@cache
def unbilled_models(provider: str) -> set[str]:
    """Names that lead to a model which is billed by the hour, the page, the character."""
    return {
        name for name in models_of(provider) if not token_billed(pricing.offer_of(provider, name))
    }


@pytest.mark.parametrize("provider", sorted(TABLE["names"]))
def test_every_model_costs_what_the_package_says(provider: str) -> None:
    skipped = unbilled_models(provider)
    compared = 0
    for number, model in enumerate(models_of(provider)):
        if model in skipped:
            continue
        for step in range(3):  # neighbours are spellings of one model: together they see all
            usage = USAGES[(number * 3 + step) % len(USAGES)]
            at = TIMES[(number + step) % len(TIMES)]
            expected = expected_cents(provider, model, usage, at)
            assert expected is not None, model
            cost = listed_cents(provider, model, **usage, at=at)
            assert cost == pytest.approx(expected, rel=1e-9, abs=1e-12), (model, usage, at)
            compared += 1
    assert compared >= 50


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("usage", USAGES)
def test_every_model_and_usage(provider: str, usage: dict[str, int]) -> None:
    for model in models_of(provider):
        if model not in unbilled_models(provider) and not model.endswith("0414"):
            expected = expected_cents(provider, model, usage, MAY_2026)
            cost = listed_cents(provider, model, **usage, at=MAY_2026)
            assert cost == pytest.approx(expected, rel=1e-9, abs=1e-12), model


@pytest.mark.parametrize("provider", sorted(TABLE["names"]))
def test_prices_change_when_the_package_says(provider: str) -> None:
    rows = TABLE["providers"][TABLE["names"][provider]]["models"]
    models = [next(names_in(row[0]), "") for row in rows if isinstance(row[1], list)]
    for model in models:
        if model in unbilled_models(provider):
            continue
        for at in TIMES:
            expected = expected_cents(provider, model, USAGES[4], at)
            cost = listed_cents(provider, model, **USAGES[4], at=at)
            assert cost == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("hour", range(24))
def test_daily_prices(hour: int) -> None:
    for model in ("deepseek-chat", "deepseek-reasoner"):
        for at in (datetime(2025, 5, 1, hour, 30), datetime(2025, 5, 1, hour, 29, 59)):
            expected = expected_cents("deepseek", model, USAGES[1], at)
            assert listed_cents("deepseek", model, **USAGES[1], at=at) == pytest.approx(expected)


# Unit -> what the package calls it, with what it is a part of, and what that is called.
PARTS = {
    "cache_write_1h": {"cache_write_tokens": 900, "cache_write_1h_tokens": 700},
    "cache_read_audio": {
        "cache_read_tokens": 900,
        "input_audio_tokens": 800,
        "cache_audio_read_tokens": 700,
    },
    "cache_read_image": {
        "cache_read_tokens": 900,
        "input_image_tokens": 800,
        "cache_image_read_tokens": 700,
    },
    "input_image": {"input_image_tokens": 800},
    "output_image": {"output_image_tokens": 300},
    "reasoning": {"output_reasoning_tokens": 300},
    "web_searches": {"web_searches": 3},
    "storage_searches": {"storage_searches": 5},
    "audio_hours": {"audio_seconds": 90},
}
OURS = {
    "cache_audio_read_tokens": "cache_read_audio",
    "cache_image_read_tokens": "cache_read_image",
    "output_reasoning_tokens": "reasoning",
}


def rows_of(provider: str) -> Iterator[tuple[str, list[Any]]]:
    """A name of each model, with its row of the table."""
    for row in TABLE["providers"][TABLE["names"][provider]]["models"]:
        model = next(names_in(row[0]), "")
        found = pricing.offer_of(provider, model)
        if found is not None and found.schedule == row[1]:
            yield model, row


@pytest.mark.parametrize("unit", PARTS)
def test_every_unit_costs_what_the_package_says(unit: str) -> None:
    compared = 0
    for provider in ("anthropic", "openai", "gcp.gemini", "openrouter", "mistral_ai", "perplexity"):
        for model, (_, prices, *_others) in rows_of(provider):
            if not isinstance(prices, dict) or unit not in prices or "citation" in prices:
                continue
            usage = {"input_tokens": 2_000, "output_tokens": 500, **PARTS[unit]}
            ours = {OURS.get(name, name): count for name, count in usage.items()}
            expected = expected_cents(provider, model, usage, MAY_2026)
            assert listed_cents(provider, model, at=MAY_2026, **ours) == pytest.approx(expected)
            compared += 1
    assert compared


@pytest.mark.parametrize("at", [*TIMES, datetime(2026, 11, 27, 12), datetime(2027, 2, 1, 2)])
def test_tiers_and_speeds_cost_what_the_package_says(at: datetime) -> None:
    compared = 0
    usage = {**USAGES[2], "cache_write_tokens": 700}
    for provider in ("anthropic", "openai", "gcp.gemini", "groq", "mistral_ai", "x_ai"):
        for model, row in rows_of(provider):
            for variant in {each[0] for others in row[2:] for each in others}:
                key = "speed" if variant.startswith("speed ") else "service_tier"
                key = "processing" if variant == "batch" else key
                context = {key: variant.removeprefix("speed ")}
                if token_billed(pricing.offer_of(provider, model)):
                    expected = expected_cents(provider, model, usage, at, context)
                    cost = listed_cents(provider, model, at=at, variant=variant, **usage)
                    assert cost == pytest.approx(expected, rel=1e-9), (model, variant)
                    compared += 1
    assert compared > 100


def test_the_names_unknown_to_the_package_are_unknown_here() -> None:
    for provider in TABLE["names"]:
        for model in unbilled_models(provider):
            if pricing.offer_of(provider, model) is None:
                # 0 is what the package says of a model that it bills by the hour or the page.
                assert not expected_cents(provider, model, USAGES[1], MAY_2026)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "my-own-model"),
        ("openai", "gpt-4o-minim"),
        ("openai", ""),
        ("openai", "x" * 100_000),
        ("nobody", "gpt-4o"),
        ("", "gpt-4o"),
        ("anthropic", "gpt-4o"),
    ],
)
def test_no_price_no_guess(provider: str, model: str) -> None:
    assert listed_cents(provider, model, input_tokens=10, output_tokens=10) is None


def test_a_known_cost() -> None:
    cost = listed_cents("openai", "gpt-4o-mini", input_tokens=1_000_000, output_tokens=1_000_000)
    assert cost == pytest.approx(15 + 60)


def test_cached_tokens_have_their_own_price() -> None:
    def cost(**cached: int) -> float:
        cents = listed_cents(
            "anthropic", "claude-3-opus-20240229", input_tokens=1_000, output_tokens=0, **cached
        )
        assert cents is not None
        return cents

    assert cost() == pytest.approx(1.5)
    assert cost(cache_read_tokens=1_000) == pytest.approx(0.15)
    assert cost(cache_write_tokens=1_000) == pytest.approx(1.875)
    assert cost(cache_read_tokens=400, cache_write_tokens=100) == pytest.approx(
        0.4 * 0.15 + 0.1 * 1.875 + 0.5 * 1.5
    )


def test_a_missing_cache_price_is_the_input_price() -> None:
    plain = listed_cents("openai", "gpt-4", input_tokens=100, output_tokens=5)
    cached = listed_cents(
        "openai", "gpt-4", input_tokens=100, output_tokens=5, cache_read_tokens=60
    )
    assert plain == cached != 0


def test_a_free_model_costs_nothing() -> None:
    model = "deepseek/deepseek-chat:free"
    assert listed_cents("openrouter", model, input_tokens=100, output_tokens=5) == 0


def test_names_are_matched_whatever_their_case() -> None:
    one = listed_cents("openai", "gpt-4o", input_tokens=100, output_tokens=5)
    assert listed_cents(" OpenAI ", "GPT-4o", input_tokens=100, output_tokens=5) == one is not None


def test_parts_larger_than_the_total_are_charged_as_parts() -> None:
    name = "claude-3-opus-20240229"
    odd = listed_cents("anthropic", name, input_tokens=0, output_tokens=0, cache_read_tokens=1_000)
    assert odd == pytest.approx(0.15)
    loud = listed_cents(
        "openai", "gpt-4o-audio-preview", input_tokens=10, output_tokens=5, input_audio_tokens=99
    )
    most = listed_cents(
        "openai", "gpt-4o-audio-preview", input_tokens=10, output_tokens=5, input_audio_tokens=10
    )
    assert loud == most is not None


@pytest.mark.parametrize(
    "odd", [-1, None, "7", float("nan"), float("inf"), 10**400, -(10**400), [], object()]
)
def test_an_odd_count_is_none_at_all(odd: Any) -> None:
    counts = dict.fromkeys(
        (
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "input_audio_tokens",
            "output_audio_tokens",
        ),
        odd,
    )
    assert listed_cents("openai", "gpt-4o", **counts) == 0


@pytest.mark.parametrize("odd", [None, 3, [], {}, b"gpt-4o", object()])
def test_an_odd_name_has_no_price(odd: Any) -> None:
    assert listed_cents(odd, "gpt-4o", input_tokens=1, output_tokens=1) is None
    assert listed_cents("openai", odd, input_tokens=1, output_tokens=1) is None


def test_an_unreadable_table_means_no_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(package: str) -> Path:
        return Path("/nonexistent")

    monkeypatch.setattr(pricing, "files", gone)
    pricing._table.cache_clear()
    pricing._offer.cache_clear()
    try:
        assert listed_cents("openai", "gpt-4o", input_tokens=1, output_tokens=1) is None
    finally:
        pricing._table.cache_clear()
        pricing._offer.cache_clear()


def test_look_ups_are_remembered_within_bounds() -> None:
    pricing._offer.cache_clear()
    for number in range(3_000):
        listed_cents("anthropic", f"model-{number}", input_tokens=1, output_tokens=1)
    assert pricing._offer.cache_info().currsize <= 1_024
    before = pricing._offer.cache_info().hits
    listed_cents("anthropic", "model-2999", input_tokens=1, output_tokens=1)
    assert pricing._offer.cache_info().hits == before + 1


def test_the_table_is_small_and_has_no_unit_that_is_not_charged() -> None:
    assert (ROOT / "pulse_otel" / "export" / "pricing" / "prices.json").stat().st_size < 300_000
    units: set[str] = set()
    for provider in TABLE["providers"].values():
        for _, schedule, *variants in provider["models"]:
            sets = [s for _, s in schedule] if isinstance(schedule, list) else [schedule]
            sets += [prices for others in variants for _, _, prices in others]
            units.update(*(prices or {} for prices in sets))
    assert units <= PRICED_PER.keys()
    assert units >= TOKENS | (USES - {"social_searches", "code_executions"})


def test_the_module_does_without_the_package() -> None:
    code = (
        "import sys, pulse_otel.export.pricing.cost\n"
        "from pulse_otel.export.pricing.table import offer_of\n"
        "assert offer_of('openai', 'gpt-4o')\n"
        "assert 'genai_prices' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_table_is_current() -> None:
    pytest.importorskip("genai_prices")
    script = [sys.executable, str(ROOT / "scripts" / "make_prices.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_schedules_change_at_whole_minutes() -> None:
    """Tariffs are remembered by the minute."""
    clocks = re.findall(r'"(\d\d:\d\d:\d\d)"', json.dumps(TABLE))

    assert clocks
    assert {clock[-2:] for clock in clocks} == {"00"}
