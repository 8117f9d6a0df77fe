"""Large parameters, and texts made of what looks like secrets, do not hold up the caller."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from pulse_otel.masking import without_secrets
from tests.conftest import MESSAGES, Clients
from tests.growth import ratio

_TIMES = 3  # as long as `json.dumps` of the same value
HOSTILE: dict[str, Any] = {
    "secrets in many texts": [{"a": "sk-abcdefgh ijkl " * 20} for _ in range(4000)],
    "keys": "sk-abcdefgh_" * 100_000,
    "spaced keys": "pk_abcdefgh " * 100_000,
    "tokens": "eyJ" * 400_000,
    "tokens in a word": "-eyJabc" * 160_000 + ".",
    "addresses": "://a:" * 200_000,
    "addresses with users": "://a:b " * 200_000,
    "spaces after a name": "api-key=" + " " * 1_500_000,
    "spaces after a scheme": "Bearer" + " " * 1_500_000,
    "schemes": "Bearer \t" * 150_000,
    "letters of other scripts": "\u0131\u017f\u212a-" * 200_000,
    "words": "the task of an ordinary, rapid plan at https://x.example/a_b " * 20_000,
    "numbers by name": {str(number): 1 for number in range(30_000)},
    "texts by name": {f"k{number}": "v" * 100 for number in range(10_000)},
    "small objects": [{"a": number} for number in range(30_000)],
    "small texts": ["a" * 10] * 100_000,
    "long names": {"k" * 100_000 + str(number): "x" for number in range(12)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_parameters_are_masked_in_a_few_times_what_json_dumps_takes(name: str) -> None:
    value = {"parameter": HOSTILE[name]}

    took = ratio(lambda: without_secrets(value), lambda: json.dumps(value), _TIMES)

    assert took < _TIMES


@pytest.mark.parametrize("name", HOSTILE)
def test_a_call_with_large_parameters_takes_little_longer_than_without_us(
    name: str, clients: Clients, spans: InMemorySpanExporter
) -> None:
    bare = clients.openai()
    observed = observe(clients.openai(), provider="openai")
    value = HOSTILE[name]

    def call(client: openai.OpenAI) -> None:
        client.chat.completions.create(
            model="m", messages=MESSAGES, extra_body={"parameter": [value, value]}
        )

    def allowed() -> None:
        call(bare)
        for _ in range(_TIMES):
            json.dumps([value, value])

    assert ratio(lambda: call(observed), allowed, 1) < 1


def test_of_many_stop_sequences_the_first_are_shown_and_the_others_counted(
    clients: Clients, spans: InMemorySpanExporter
) -> None:
    client = observe(clients.openai(), provider="openai")

    client.chat.completions.create(model="m", messages=MESSAGES, stop=["a"] * 50_000)

    (span,) = spans.get_finished_spans()
    shown: Any = (span.attributes or {})["gen_ai.request.stop_sequences"]
    assert shown[-2:] == ("a", "… [49000 items left out]")
    assert len(shown) == 1001


def test_large_parameters_keep_what_fits_and_say_what_is_left_out() -> None:
    shown = without_secrets({"long": "b " * 100_000, "token": "hidden", "small": {"a": [1, None]}})

    assert shown["small"] == {"a": [1, None]}
    assert shown["token"] == "[masked]"
    assert shown["long"].endswith(" bytes cut]")
    assert 0.9 * 32_768 < len(json.dumps(shown)) < 1.1 * 32_768


@pytest.mark.parametrize("text", ["nul \x00 sk-abcdefgh", "surrogate \ud800 sk-abcdefgh"])
def test_a_text_that_no_database_takes_is_masked_too(text: str) -> None:
    assert without_secrets({"a": [text, "b"]})["a"][1] == "b"
    assert "abcdefgh" not in without_secrets([text, "b"])[0]
