"""What an answer says of its bill, in the places and names of its host, whole and streamed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from pulse_otel.instrumentation.openai.bill import read_bill
from tests.instrumentation.billing import (
    WAYS,
    chat_answers,
    chunk,
    completion,
    events,
    message_answers,
    recorded,
    whole,
    with_header,
)

PLAIN = {"prompt_tokens": 37, "completion_tokens": 530, "total_tokens": 567}
EVERY_WAY = pytest.mark.parametrize("way", WAYS)

IN, OUT, READ, WRITTEN, REASONING = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.reasoning.output_tokens",
)
CITED, COST = "pulse.usage.citation_tokens", "pulse.cost_cents"


def details(**counts: int) -> dict[str, Any]:
    return {"completion_tokens_details": counts}


@EVERY_WAY
@pytest.mark.parametrize(
    ("host", "more", "expected"),
    [
        # docs.x.ai: reasoning is counted beside the completion, and in the total.
        ("api.x.ai", {"total_tokens": 800, **details(reasoning_tokens=233)}, (763, 233)),
        # discuss.ai.google.dev/t/98760: thinking is in the total alone.
        ("generativelanguage.googleapis.com", {"total_tokens": 800}, (763, None)),
        # platform.openai.com: reasoning is part of the completion.
        ("api.openai.com", details(reasoning_tokens=233), (530, 233)),
        # Perplexity: reasoning and citations are beside all, and never in the total.
        ("api.perplexity.ai", {"total_tokens": 800, "reasoning_tokens": 90}, (530, 90)),
    ],
    ids=["xai", "gemini", "openai", "perplexity"],
)
def test_reasoning_beside_the_completion_is_output(
    way: str, host: str, more: Any, expected: Any, provider: Any, spans: Any
) -> None:
    found = recorded(provider, spans, chat_answers({**PLAIN, **more}), way, host)

    assert (found[OUT], found.get(REASONING)) == expected
    assert found[IN] == 37


@pytest.mark.parametrize("way", ["create", "stream"])
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"cached_tokens": 30}, {READ: 30}),  # Moonshot
        ({"cached_tokens": 30, "prompt_tokens_details": {"cached_tokens": 30}}, {READ: 30}),
        ({"prompt_cache_hit_tokens": 30, "prompt_cache_miss_tokens": 7}, {READ: 30}),  # DeepSeek
        (
            {"prompt_cache_hit_tokens": 30, "prompt_tokens_details": {"cached_tokens": 0}},
            {READ: 30},
        ),
        (
            {"cache_read_input_tokens": 20, "cache_creation_input_tokens": 9},
            {READ: 20, WRITTEN: 9},
        ),
        (
            {"prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 4}},
            {READ: 8, WRITTEN: 4},
        ),
        ({"citation_tokens": 11}, {CITED: 11}),  # Perplexity
    ],
)
def test_cached_tokens_have_many_names(
    way: str, more: Any, expected: dict[str, int], provider: Any, spans: Any
) -> None:
    found = recorded(provider, spans, chat_answers({**PLAIN, **more}), way)

    counts = {name: found.get(name) for name in (READ, WRITTEN, CITED) if name in found}
    assert counts == expected


START = chunk({"role": "assistant", "content": "Hello"})
LAST = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": PLAIN}
PLACES = {
    "x_groq": [START, chunk({}, "stop", x_groq={"id": "r", "usage": PLAIN})],
    "choice": [START, {**chunk(), "choices": [LAST]}],
    "with a choice": [START, chunk({}, "stop", usage=PLAIN)],
    "cumulative": [
        {**START, "usage": {**PLAIN, "completion_tokens": 1, "total_tokens": 38}},
        chunk({"content": "!"}, usage={**PLAIN, "completion_tokens": 2, "total_tokens": 39}),
        chunk({}, "stop", usage=PLAIN),
    ],
    "twice": [START, chunk({}, "stop", usage=PLAIN, x_groq={"usage": PLAIN})],
    "null after it": [START, chunk({}, "stop", usage=PLAIN), chunk({}, None, usage=None)],
}  # fmt: skip


@pytest.mark.parametrize("way", ["stream", "raw stream", "bytes", "helper", "async stream"])
@pytest.mark.parametrize("place", PLACES)
def test_the_usage_of_a_stream_may_be_anywhere(
    place: str, way: str, provider: Any, spans: Any
) -> None:
    answer = events(*PLACES[place], "[DONE]")

    found = recorded(provider, spans, (whole(completion(PLAIN)), answer), way)

    assert (found[IN], found[OUT]) == (37, 530)


def test_choices_with_different_usages_have_none(provider: Any, spans: Any) -> None:
    """Whether they are to be added up is not known, and no number is better than a wrong one."""
    choices = [
        {"index": n, "delta": {"content": "a"}, "finish_reason": "stop", "usage": PLAIN}
        for n in (0, 1)
    ]
    answer = events({**chunk(), "choices": choices}, "[DONE]")

    found = recorded(provider, spans, (whole(completion(PLAIN)), answer), "stream")

    assert OUT not in found


@pytest.mark.parametrize("way", ["create", "stream", "raw stream", "async"])
@pytest.mark.parametrize(
    ("host", "more", "cents"),
    [
        ("openrouter.ai", {"cost": 0.0123}, 1.23),
        ("openrouter.ai", {"cost": 0, "is_byok": False}, 0),
        (
            "openrouter.ai",
            {"cost": 0.001, "cost_details": {"upstream_inference_cost": 0.036}},
            0.1,
        ),
        (
            "openrouter.ai",
            {"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.036}},
            3.7,
        ),
        ("openrouter.ai", {"cost": 0.001, "is_byok": True}, None),
        ("api.x.ai", {"cost_in_usd_ticks": 37756000}, 0.37756),
        ("api.x.ai", {"cost": 0.5}, None),
        ("api.perplexity.ai", {"cost": {"total_cost": 0.006, "request_cost": 0.005}}, 0.6),
        ("api.perplexity.ai", {"cost": {"total_cost": 0.006, "currency": "EUR"}}, None),
        ("gateway.example", {"cost": 0.02}, 2),
        ("api.deepseek.com", {"cost": 0.02}, None),
        ("api.deepseek.com", {"cost_in_usd_ticks": 37756000}, None),
    ],
)
def test_a_stated_cost_is_read_in_its_own_unit(
    way: str, host: str, more: Any, cents: float | None, provider: Any, spans: Any
) -> None:
    found = recorded(provider, spans, chat_answers({**PLAIN, **more}), way, host)

    assert found.get(COST) == (None if cents is None else pytest.approx(cents))
    assert ("pulse.cost_unknown" in found) is (cents is None and "is_byok" in more)


@pytest.mark.parametrize("cost", ["NaN", "-1", "Infinity", "true", '"0.5"', "1e999", "[1]"])
@pytest.mark.parametrize("way", ["create", "stream"])
def test_what_is_no_amount_is_no_cost(cost: str, way: str, provider: Any, spans: Any) -> None:
    answers = chat_answers({**PLAIN, "cost": "COST"})
    body, stream = answers
    body = dataclasses.replace(body, body=body.body.replace(b'"COST"', cost.encode()))
    pieces = tuple(piece.replace(b'"COST"', cost.encode()) for piece in stream.chunks or ())

    answers = body, dataclasses.replace(stream, chunks=pieces)
    found = recorded(provider, spans, answers, way, "openrouter.ai")

    assert COST not in found
    assert json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("way", ["stream", "create", "helper", "raw", "raw stream"])
def test_openrouter_states_the_cost_to_the_anthropic_sdk_too(
    way: str, provider: Any, spans: Any
) -> None:
    answers = message_answers({"input_tokens": 9, "output_tokens": 5, "cost": 0.0042}, ["cost"])

    found = recorded(provider, spans, answers, way, "openrouter.ai")

    assert found[COST] == pytest.approx(0.42)


@EVERY_WAY
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_litellm_states_the_cost_of_a_whole_answer_in_a_header(
    way: str, dialect: str, provider: Any, spans: Any
) -> None:
    """It sends the headers of a stream before the cost is known."""
    plain = chat_answers(PLAIN)
    if dialect == "anthropic":
        plain = message_answers({"input_tokens": 9, "output_tokens": 5})
    answers = with_header(plain, x_litellm_response_cost="0.0173")

    found = recorded(provider, spans, answers, way)

    streams = way not in ("create", "raw", "async")
    assert found.get(COST) == (None if streams else pytest.approx(1.73))


@pytest.mark.parametrize("value", ["nan", "-1", "None", "", "inf"])
def test_a_header_that_is_no_amount_is_no_cost(value: str, provider: Any, spans: Any) -> None:
    answers = with_header(chat_answers(PLAIN), x_litellm_response_cost=value)

    assert COST not in recorded(provider, spans, answers, "create")


def test_of_two_reasons_for_no_cost_the_cache_writes_are_named() -> None:
    writes = {"cached_tokens": 0, "cache_write_tokens_details": {"ttl_12h_tokens": 5}}
    usage = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 30}
    answer = {"output": [], "usage": {**usage, "input_tokens_details": writes}}

    found = read_bill(answer, "openai", {})

    assert found["pulse.cost_unknown"] == "no price of cache writes for 12 hours"
