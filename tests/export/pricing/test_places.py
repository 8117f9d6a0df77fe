"""What depends on where a host is, on its calendar, and on what its usage does not split."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from pulse_otel import semconv
from pulse_otel.export.pricing.cost import Pricing
from pulse_otel.export.records.record import Record, Usage
from tests.export.pricing.test_cost import at, call, cents, unknown

THOUSANDS = Usage(input=100_000, output=1_000)
REGIONAL = ("us-east5-aiplatform.googleapis.com", "aiplatform.eu.rep.googleapis.com")


# https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai: Sonnet 4.5 and all
# later models cost 10 % more at regional and multi-region endpoints; 3 and 15 at the global one.
@pytest.mark.parametrize(
    ("server", "model", "expected"),
    [
        ("aiplatform.googleapis.com", "claude-sonnet-4-5@20250929", 31.5),
        *((server, "claude-sonnet-4-5-20250929", 34.65) for server in REGIONAL),
        *((server, "claude-sonnet-4@20250514", 31.5) for server in REGIONAL),
        *((server, "anthropic/claude-opus-4-1@20250805", 157.5) for server in REGIONAL),
        (None, "claude-3-7-sonnet@20250219", 31.5),
    ],
)
def test_claude_on_vertex_costs_by_its_endpoint(
    server: str | None, model: str, expected: float
) -> None:
    record = call("gcp.vertex_ai", model, THOUSANDS, server=server)

    assert cents(record) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("provider", "model", "server"),
    [
        ("gcp.vertex_ai", "claude-sonnet-4-5", "gateway.example"),
        ("gcp.vertex_ai", "claude-sonnet-4-5", None),
        ("gcp.vertex_ai", "gemini-2.5-pro", "us-central1-aiplatform.googleapis.com"),
        ("openai", "gpt-chat-latest", "eu.api.openai.com"),
        ("x_ai", "grok-4", "eu-west-1.api.x.ai"),
    ],
)
def test_a_place_whose_price_is_not_known_has_no_cost(
    provider: str, model: str, server: str | None
) -> None:
    assert model in unknown(call(provider, model, THOUSANDS, server=server))


@pytest.mark.parametrize(
    ("model", "factor"),
    [
        ("gpt-5.4-mini", 1.1),
        ("gpt-5.5-2026-04-23", 1.1),
        ("gpt-6-sol", 1.1),
        ("gpt-6.1-terra", 1.1),
        ("gpt-realtime-2.1", 1.1),
        ("gpt-5", 1.0),
        ("gpt-5-mini-2025-08-07", 1.0),
        ("gpt-5.3-codex", 1.0),
        ("gpt-realtime-2025-08-28", 1.0),
        ("ft:gpt-4o-2024-08-06:me::1", 1.0),
        ("o3", 1.0),
    ],
)
def test_openais_data_residency_costs_more_since_march_2026(model: str, factor: float) -> None:
    """https://developers.openai.com/api/docs/guides/data-residency: since 5 March 2026."""
    there = cents(call("openai", model, THOUSANDS, server="us.api.openai.com"))
    anywhere = cents(call("openai", model, THOUSANDS, server="api.openai.com"))

    assert anywhere
    assert there == pytest.approx(anywhere * factor)


def test_a_place_makes_tokens_dearer_and_not_tools() -> None:
    usage = Usage(input=1000, output=0, tool_uses={"web_search": 1})
    record = call("openai", "gpt-5.4", usage, server="eu.api.openai.com")

    assert cents(record) == pytest.approx(0.275 + 1)


# https://api-docs.deepseek.com/zh-cn/quick_start/pricing: weekends and the statutory holidays of
# China are off-peak. https://politics.gmw.cn/2025-11/04/content_38391083.htm: those of 2026.
@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-09-24", 150.0), ("2026-09-25", 75.0), ("2026-10-07", 75.0), ("2026-10-08", 150.0)],
)
def test_holidays_are_off_peak(day: str, expected: float) -> None:
    assert cents(_deepseek(day, 2)) == pytest.approx(expected)


def test_a_day_of_which_the_calendar_is_not_known_has_a_cost_off_peak_only() -> None:
    assert "holiday" in unknown(_deepseek("2027-10-05", 2))
    assert cents(_deepseek("2027-10-05", 12)) == pytest.approx(75.0)
    assert cents(_deepseek("2027-10-09", 2)) == pytest.approx(75.0)  # a Saturday


def _deepseek(day: str, hour: int) -> Record:
    usage = Usage(input=1_000_000, output=1_000_000)
    record = call("deepseek", "deepseek-flash", usage)
    return Record(**{**_fields(record), "start_ns": at(day, hour)})


def _fields(record: Record) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


# https://developers.openai.com/api/docs/pricing: text 10, images 32
@pytest.mark.parametrize(
    ("images", "expected"), [(4000, 12.825), (3000, 3000 * 32e-4 + 1000 * 10e-4 + 0.025)]
)
def test_text_and_images_of_an_image_model_have_prices_of_their_own(
    images: int, expected: float
) -> None:
    usage = Usage(input=50, output=4000, output_image=images)

    assert cents(call("openai", "gpt-image-1.5", usage)) == pytest.approx(expected)


def test_an_output_that_does_not_tell_images_from_text_has_no_cost() -> None:
    assert "images" in unknown(call("openai", "gpt-image-1.5", Usage(input=50, output=4000)))


def test_audio_that_the_usage_does_not_tell_from_text_has_no_cost() -> None:
    heard = {semconv.PULSE_REQUEST_AUDIO: True}
    record = call("gcp.gemini", "gemini-2.5-flash", THOUSANDS, attributes=heard)

    assert "audio" in unknown(record)
    assert Pricing()(record).attributes[semconv.PULSE_REQUEST_AUDIO] is True
