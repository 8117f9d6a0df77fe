"""The cost of a record as the bill has it: by time, tier, place and use, or by own prices."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from pulse_otel import semconv
from pulse_otel.export.pricing.cost import Pricing
from pulse_otel.export.records.record import Record, Usage
from pulse_otel.prices import read_prices

MILLION = Usage(input=1_000_000, output=1_000_000)
SATURDAY, TUESDAY = "2026-11-28", "2026-11-24"


def call(provider: str, response_model: str | None, usage: Usage = MILLION, **known: Any) -> Record:
    return Record(
        kind="llm_call",
        trace_id="1",
        span_id="2",
        parent_span_id=None,
        start_ns=at(TUESDAY, known.pop("hour", 12)),
        end_ns=0,
        name="chat",
        provider=provider,
        response_model=response_model,
        usage=usage,
        **known,
    )


def at(day: str, hour: int) -> int:
    moment = datetime.fromisoformat(day).replace(hour=hour, tzinfo=timezone.utc)
    return int(moment.timestamp()) * 10**9


def cents(record: Record, own: dict[str, Any] | None = None) -> float | None:
    return Pricing(read_prices(own or {}))(record).cost_cents


def unknown(record: Record, own: dict[str, Any] | None = None) -> str:
    """Why a record has no cost, as its metadata say."""
    priced = Pricing(read_prices(own or {}))(record)
    assert priced.cost_cents is None
    return str(priced.attributes[semconv.PULSE_COST_UNKNOWN])


# Prices in US dollars per million tokens, from each provider's list.
CASES = {
    # https://api-docs.deepseek.com/quick_start/pricing: 0.27 and 1.10, half of it from 16:30 UTC
    "DeepSeek by day": (call("deepseek", "deepseek-chat", hour=2), 137.0),
    "DeepSeek by night": (call("deepseek", "deepseek-chat", hour=20), 68.5),
    # The same page: the V4 models' peak hours are those of weekdays
    "DeepSeek V4 on Tuesday": (call("deepseek", "deepseek-flash", hour=2), 150.0),
    "DeepSeek V4 on Saturday": (
        replace(call("deepseek", "deepseek-flash"), start_ns=at(SATURDAY, 2)),
        75.0,
    ),
    # https://platform.claude.com/docs/en/about-claude/pricing: 1 h twice the input, 5 min 1.25
    "Anthropic's one-hour cache writes": (
        call(
            "anthropic",
            "claude-sonnet-4-5",
            Usage(
                input=39_019, output=100, cache_read=30_000, cache_write=9_000, cache_write_1h=8_000
            ),
            service_tier="standard",
        ),
        (19 * 3 + 30_000 * 0.3 + 1_000 * 3.75 + 8_000 * 6 + 100 * 15) / 1e4,  # 6.2307
    ),
    # https://platform.claude.com/docs/en/api/service-tiers: US-only is 1.1 times
    "Anthropic in the US": (call("anthropic", "claude-opus-5", inference_geo="us"), 3300.0),
    "Anthropic anywhere": (call("anthropic", "claude-opus-5", inference_geo="global"), 3000.0),
    # https://platform.claude.com/docs/en/build-with-claude/fast-mode: 10 and 50
    "Anthropic fast": (call("anthropic", "claude-opus-5", speed="fast"), 6000.0),
    "Anthropic fast in the US": (
        call("anthropic", "claude-opus-5", speed="fast", inference_geo="us"),
        6600.0,
    ),
    "Anthropic's batch": (call("anthropic", "claude-opus-5", service_tier="batch"), 1500.0),
    # the same price list: 10 dollars for a thousand searches, a fetch has no fee
    "Anthropic's tools": (
        call(
            "anthropic",
            "claude-opus-5",
            Usage(input=1000, output=0, tool_uses={"web_search": 3, "web_fetch": 9}),
            inference_geo="us",  # the place makes tokens dearer, not searches
        ),
        0.55 + 3.0,
    ),
    # https://developers.openai.com/api/docs/pricing: searches 10 and 2.50 dollars a thousand
    "OpenAI's tools": (
        call(
            "openai",
            "gpt-4o",
            Usage(input=0, output=0, tool_uses={"web_search": 2, "file_search": 4}),
        ),
        2.0 + 1.0,
    ),
    # https://openai.com/api-priority-processing: 4.25 and 17
    "OpenAI's priority": (call("openai", "gpt-4o", service_tier="priority"), 2125.0),
    "OpenAI's priority of a short prompt": (
        call("openai", "gpt-5.4", Usage(input=1000, output=1000), service_tier="priority"),
        3.5,
    ),
    # https://developers.openai.com/api/docs/guides/flex-processing: 1.25 and 7.50
    "OpenAI's flex": (
        call("openai", "gpt-5.4", Usage(input=1000, output=1000), service_tier="flex"),
        0.875,
    ),
    # https://developers.openai.com/api/docs/pricing: the image tool's own model, 5 and 40
    "a second model": (
        call(
            "openai",
            "gpt-4o",
            Usage(
                input=1000,
                output=0,
                other_models=[{"model": "gpt-image-1", "input": 1000, "output": 1000}],
            ),
        ),
        0.25 + 0.5 + 4.0,
    ),
    # https://console.groq.com/docs/service-tiers and .../flex-processing: one price
    **{
        f"Groq's {tier}": (
            call("groq", "openai/gpt-oss-120b", Usage(input=10, output=5), service_tier=tier),
            (10 * 0.15 + 5 * 0.6) / 1e4,
        )
        for tier in ("on_demand", "flex", "auto", None)
    },
    # https://console.groq.com/docs/speech-to-text: 0.111 dollars an hour, 10 s at least
    "Groq's short audio": (
        call("groq", "whisper-large-v3", Usage(audio_seconds=3.0)),
        10 * 11.1 / 3600,
    ),
    "OpenAI's audio": (call("openai", "whisper-1", Usage(audio_seconds=60.0)), 0.6),
    # https://ai.google.dev/gemini-api/docs/optimization: 50 % off 0.30 and 2.50
    "Gemini's flex": (call("gcp.gemini", "gemini-2.5-flash", service_tier="flex"), 140.0),
    # https://learn.microsoft.com/azure/foundry/openai/how-to/flex-processing: 50 % off
    "Azure's flex": (call("azure.ai.openai", "gpt-4o", service_tier="flex"), 625.0),
    "Azure's model, whatever the deployment is called": (
        call("azure.ai.openai", "gpt-4.1-mini", Usage(input=100_000, output=2_500), model="gpt-4"),
        4.4,
    ),
    # https://developers.openai.com/api/docs/pricing, fine-tuned: 3.75
    "a fine-tuned model that is listed": (
        call("openai", "ft:gpt-4o-2024-08-06:me::1", Usage(input=1_000_000, output=0)),
        375.0,
    ),
    "a stated cost": (call("groq", "no-such-model", reported_cost_cents=1.5), 1.5),
    "a stated cost of nothing": (call("openrouter", "openai/gpt-4o", reported_cost_cents=0.0), 0),
}


@pytest.mark.parametrize("case", CASES)
def test_a_call_costs_what_the_bill_says(case: str) -> None:
    record, expected = CASES[case]

    assert cents(record) == pytest.approx(expected)
    assert semconv.PULSE_COST_UNKNOWN not in Pricing()(record).attributes


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [
        ("gcp.vertex_ai", "google/gemini-2.5-pro", 1.25),
        ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", 1.25),
        ("gcp.gemini", "models/gemini-2.5-pro", 1.25),
        ("openai", "openai/gpt-4o", 2.5),
        ("groq", "openai/gpt-oss-120b", 0.15),
        ("openrouter", "openai/gpt-4o", 2.5),
        ("aws.bedrock", "openai.gpt-oss-120b", 0.15),
        ("aws.bedrock", "openai.gpt-oss-120b-1:0", 0.15),
    ],
)
def test_a_prefix_is_no_obstacle(provider: str, model: str, dollars: float) -> None:
    prompt = Usage(input=100_000, output=0)  # below the step of Gemini's price

    host = "aiplatform.googleapis.com" if provider == "gcp.vertex_ai" else None
    assert cents(call(provider, model, prompt, server=host)) == pytest.approx(dollars * 10)


UNKNOWN = {
    "Groq's performance": (call("groq", "openai/gpt-oss-120b", service_tier="performance"), "tier"),
    "an unheard-of tier": (call("openai", "gpt-4o", service_tier="ultrafast"), "ultrafast"),
    "a tier that the model lacks": (call("openai", "gpt-4o", service_tier="flex"), "flex"),
    "priority of a long prompt": (call("openai", "gpt-5.4", service_tier="priority"), "length"),
    "Azure's priority": (call("azure.ai.openai", "gpt-4o", service_tier="priority"), "priority"),
    "Anthropic's priority": (
        call("anthropic", "claude-opus-5", service_tier="priority"),
        "priority",
    ),
    "a speed that the model lacks": (call("anthropic", "claude-sonnet-4-5", speed="fast"), "fast"),
    "an unheard-of place": (call("anthropic", "claude-opus-5", inference_geo="moon"), "moon"),
    "a deployment": (call("azure.ai.openai", None, model="gpt-4"), "model"),
    "a deployment of an unlisted model": (call("azure.ai.openai", "x", model="gpt-4"), "model x"),
    "OpenRouter's routes": (call("openrouter", "openai/gpt-4o:nitro"), "nitro"),
    "a publisher whom Groq does not have": (call("groq", "meta/openai/gpt-oss-120b"), "model"),
    "a fine-tuned model": (call("openai", "ft:gpt-4.1-2025-04-14:me::1"), "ft:"),
    "a fine-tuned model of Mistral": (call("mistral_ai", "ft:open-mistral-7b:me:1"), "ft:"),
    "a model that searches": (call("openai", "gpt-4o-search-preview"), "search"),
    "a fee that varies": (call("perplexity", "sonar"), "fee"),
    "a tool without a price": (
        call("openai", "gpt-4o", replace(MILLION, tool_uses={"code_interpreter": 1})),
        "code_interpreter",
    ),
    "a length that is not known": (call("openai", "whisper-1"), "length"),
    "tokens that are not known": (
        call("openai", "gpt-4o-transcribe", Usage(audio_seconds=3.0)),
        "tokens",
    ),
    "a second model that is not listed": (
        call("openai", "gpt-4o", replace(MILLION, other_models=[{"model": "x", "input": 1}])),
        "model x",
    ),
    "what the recording says": (
        call("openai", "gpt-4o", attributes={semconv.PULSE_COST_UNKNOWN: "containers"}),
        "containers",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_cannot_be_known_has_no_cost_and_says_why(case: str) -> None:
    record, why = UNKNOWN[case]

    assert why in unknown(record)


def test_a_stated_cost_needs_no_reason_why_it_is_unknown() -> None:
    attributes = {semconv.PULSE_COST_UNKNOWN: "containers"}
    priced = Pricing()(call("openai", "gpt-4o", reported_cost_cents=2.0, attributes=attributes))

    assert (priced.cost_cents, priced.attributes) == (2.0, {})


@pytest.mark.parametrize("stated", [-1.0, float("nan"), float("inf")])
def test_a_stated_cost_that_is_none_is_left_out(stated: float) -> None:
    record = call("openai", "gpt-4o", reported_cost_cents=stated)

    assert cents(record) == pytest.approx(1250.0)


def test_a_call_without_usage_has_neither_cost_nor_reason() -> None:
    record = call("openai", "gpt-4o", Usage())

    assert Pricing()(record) == record


@pytest.mark.parametrize("start_ns", [-(10**30), 0, 10**30])
def test_a_time_beyond_the_calendar_costs_no_record(start_ns: int) -> None:
    assert cents(replace(call("deepseek", "deepseek-chat"), start_ns=start_ns))


OWN = {
    "gpt-4o": {"input": 2, "output": 8, "cache_read": 1},
    "ft:gpt-4.1-*": {"input": 3, "output": 12},
    "ft:gpt-4.1-mini*": {"input": 0.8, "output": 3.2},
    "azure.ai.openai:prod": {"input": [[0, 1], [500_000, 2]], "output": 4},
    "groq:openai/gpt-oss-120b": {"input": 1, "output": 1},
}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (call("openai", "gpt-4o"), 1000.0),
        (call("openai", "GPT-4o", replace(MILLION, cache_read=1_000_000)), 900.0),
        (call("openai", "ft:gpt-4.1-2025-04-14:me::1"), 1500.0),
        (call("openai", "ft:gpt-4.1-mini-2025-04-14:me::1"), 400.0),
        (call("azure.ai.openai", None, model="prod"), 600.0),
        (call("groq", "openai/gpt-oss-120b", service_tier="flex"), 200.0),
        (call("together_ai", "openai/gpt-oss-120b"), 75.0),  # listed: 0.15 and 0.60
        (call("openai", "gpt-4o", replace(MILLION, tool_uses={"web_search": 1})), 1001.0),
        (call("openai", "gpt-4o", reported_cost_cents=3.0), 3.0),
    ],
)
def test_own_prices_precede_the_listed_ones(record: Record, expected: float) -> None:
    assert cents(record, OWN) == pytest.approx(expected)


def test_own_prices_are_those_of_the_standard_tier() -> None:
    assert "priority" in unknown(call("openai", "gpt-4o", service_tier="priority"), OWN)


def test_calls_that_are_served_alike_share_a_look_at_the_table() -> None:
    pricing = Pricing()
    for second in range(60):
        start = at(TUESDAY, 12) + second * 10**9
        assert pricing(replace(call("openai", "gpt-4o"), start_ns=start)).cost_cents == 1250.0

    assert pricing._remembered.cache_info().misses == 1


def test_no_call_gets_the_prices_of_another() -> None:
    """One object prices all calls of a program: here, each case after all others."""
    pricing = Pricing()
    for _ in range(2):
        for record, expected in CASES.values():
            assert pricing(replace(record)).cost_cents == pytest.approx(expected)


def test_names_are_remembered_up_to_a_length() -> None:
    pricing = Pricing()
    for name in ("gpt-4o", "m" * 20_000):
        pricing(call("openai", name, model="gpt-4o-mini"))

    assert pricing._remembered.cache_info().currsize == 1


@pytest.mark.parametrize("seconds", [-1.0, 0.0])
def test_audio_of_no_length_is_charged_as_none(seconds: float) -> None:
    usage = Usage(input=1_000_000, audio_seconds=seconds)

    assert cents(call("openai", "gpt-4o", usage)) == 250.0
