"""Content costs what may be shown of it: what is beyond `max_content_bytes` is not read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from pulse_otel.units import content
from tests.units.reading import io

LIMIT = 262_144
WORDS = "some wörds and a text. "


def _seconds(function: Callable[[], Any]) -> float:
    def once() -> float:
        began = time.perf_counter()
        function()
        return time.perf_counter() - began

    return min(once() for _ in range(7))


SHAPES: list[Callable[[str], Any]] = [
    lambda text: text,
    lambda text: {"text": text},
    lambda text: [text] * 8,
    lambda text: {str(at): text for at in range(40)},
    lambda text: {"a": {"b": [text, {"c": text}]}},
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("write", [content.question, content.said, content.tool_result])
def test_a_text_of_20_mb_costs_little_more_than_one_of_1_mb(write: Any, shape: Any) -> None:
    small, large = (shape(WORDS * (count * 45_000)) for count in (1, 20))

    assert _seconds(lambda: write(large, LIMIT)) < 4 * _seconds(lambda: write(small, LIMIT))


def test_what_is_beyond_the_limit_costs_less_than_its_json() -> None:
    value = {"texts": [WORDS * 40] * 10_000}

    assert _seconds(lambda: content.question(value, LIMIT)) < 3 * _seconds(
        lambda: json.dumps(value)
    )


def test_structured_content_is_kept_up_to_the_limit(spans: Any) -> None:
    from pulse_otel import trace

    @trace
    def work(parts: list[str]) -> None: ...

    parts = ["0123456789" * 10] * 1500
    work(parts)

    (span,) = spans.get_finished_spans()
    assert json.loads(io(span)[0] or "") == {"parts": parts}


@pytest.mark.parametrize("name", ["password", "api_key", "text"])
def test_an_only_argument_that_is_named_like_a_credential_is_masked(name: str, spans: Any) -> None:
    from pulse_otel import trace

    trace(eval(f"lambda {name}: None"))("hunter22")

    (span,) = spans.get_finished_spans()
    shown = "hunter22" if name == "text" else f'{{"{name}":"[masked]"}}'
    assert io(span)[0] == shown


def test_the_note_says_over_where_the_size_is_not_known() -> None:
    for given in (WORDS * 500_000, {"text": WORDS * 500_000}):
        (shown,) = content.tool_arguments(given, LIMIT).values()
        assert "… [over " in shown
        assert " bytes cut]" in shown
        assert len(shown.encode()) <= LIMIT
