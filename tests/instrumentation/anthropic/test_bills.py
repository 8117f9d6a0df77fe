"""What a message says of its bill, where it stands in whole answers and in streams."""

from __future__ import annotations

from typing import Any

import pytest

from tests.instrumentation.billing import WAYS, loaded, message_answers, recorded

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
CACHED = {
    "input_tokens": 19,
    "cache_read_input_tokens": 30000,
    "cache_creation_input_tokens": 9000,
    "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 8000},
    "output_tokens": 100,
    "service_tier": "standard",
    "speed": "fast",
    "inference_geo": "us",
}
PLAIN = {"input_tokens": 10, "output_tokens": 100}
NOTHING = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation": None}
TURN = {"type": "message", **PLAIN, **NOTHING}
COMPACTION = {
    "type": "compaction",
    "input_tokens": 3,
    "cache_read_input_tokens": 500,
    "cache_creation_input_tokens": 40,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 40},
    "output_tokens": 7,
}
ADVICE = {
    "type": "advisor_message",
    "model": "claude-opus-5",
    "input_tokens": 8,
    "output_tokens": 9,
    **NOTHING,
}
UNKNOWN = "pulse.cost_unknown"


@EVERY_WAY
def test_cache_writes_of_one_hour_and_how_the_call_was_served(
    way: str, provider: Any, spans: Any
) -> None:
    """A stream states them in `message_start` alone."""
    found = recorded(provider, spans, message_answers(CACHED), way)

    assert found["gen_ai.usage.input_tokens"] == 39019
    assert found["gen_ai.usage.output_tokens"] == 100
    assert found["gen_ai.usage.cache_write.input_tokens"] == 9000
    assert found["pulse.usage.cache_write_1h_tokens"] == 8000
    assert found["pulse.speed"] == "fast"
    assert found["pulse.inference_geo"] == "us"
    assert found["pulse.service_tier"] == "standard"


def test_what_is_empty_is_none(provider: Any, spans: Any) -> None:
    usage = {**PLAIN, "inference_geo": "", "speed": None, "cache_creation": None}

    found = recorded(provider, spans, message_answers(usage), "create")

    names = {"pulse.inference_geo", "pulse.speed", "pulse.usage.cache_write_1h_tokens"}
    assert not names & set(found)


@EVERY_WAY
def test_uses_of_server_tools(way: str, provider: Any, spans: Any) -> None:
    """A stream states them at its end."""
    uses = {"web_search_requests": 2, "web_fetch_requests": 0}
    usage = {**PLAIN, "server_tool_use": uses}

    found = recorded(provider, spans, message_answers(usage, ["server_tool_use"]), way)

    assert loaded(found, "pulse.usage.tool_uses") == {"web_search": 2}


@EVERY_WAY
def test_a_compaction_is_billed_beside_the_totals(way: str, provider: Any, spans: Any) -> None:
    usage = {**PLAIN, "iterations": [COMPACTION, TURN]}

    found = recorded(provider, spans, message_answers(usage, ["iterations"]), way)

    assert found["gen_ai.usage.input_tokens"] == 10 + 543
    assert found["gen_ai.usage.output_tokens"] == 107
    assert found["gen_ai.usage.cache_read.input_tokens"] == 500
    assert found["gen_ai.usage.cache_write.input_tokens"] == 40
    assert found["pulse.usage.cache_write_1h_tokens"] == 40
    assert UNKNOWN not in found


def test_an_advisor_is_another_model(provider: Any, spans: Any) -> None:
    usage = {**PLAIN, "iterations": [TURN, ADVICE]}

    found = recorded(provider, spans, message_answers(usage), "create")

    (other,) = loaded(found, "pulse.usage.other_models")
    assert other["model"] == "claude-opus-5"
    assert (other["gen_ai.usage.input_tokens"], other["gen_ai.usage.output_tokens"]) == (8, 9)
    assert found["gen_ai.usage.output_tokens"] == 100


@pytest.mark.parametrize(
    "more",
    [
        {"output_tokens": 109, "iterations": [TURN, ADVICE]},  # in the totals, or not: unknown
        {"iterations": [TURN, {**TURN, "type": "fallback_message", "model": "claude-haiku-4-5"}]},
        {"fallback_credit": {"status": {"type": "redeemed"}}, "iterations": [TURN]},
    ],
    ids=["advisor", "fallback", "credit"],
)
def test_what_the_totals_leave_open_has_no_cost(more: Any, provider: Any, spans: Any) -> None:
    found = recorded(provider, spans, message_answers({**PLAIN, **more}), "create")

    assert found[UNKNOWN]
