"""The content of units: what is recorded, left out, masked and cut."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

import pulse_otel
from pulse_otel import tool, trace
from tests.units.reading import io, named


def test_content_is_left_out_where_a_unit_or_the_settings_say_so(spans: Any) -> None:
    @trace("no input", capture_input=False)
    def first(question: str) -> str:
        return "answer"

    @trace("no output", capture_output=False)
    def second(question: str) -> str:
        return "answer"

    assert (first("q"), second("q")) == ("answer", "answer")

    found = named(spans)
    assert (io(found["no input"]), io(found["no output"])) == ((None, "answer"), ("q", None))


def test_without_content_names_and_times_are_all_that_is_recorded(
    pulse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_CAPTURE_CONTENT", "false")
    pulse_otel.init_pulse({"api_key": "pulse_sk_test", "api_url": pulse.url})

    @tool
    def search(query: str) -> str:
        return "a private answer"

    with trace("work") as unit:
        unit.input = "a private question"
        search("a private query")
        unit.output = "a private answer"
    assert pulse_otel.flush_buffer(10)

    (found,) = pulse.traces(1)
    assert {span["kind"] for span in found["spans"]} == {"agent_run", "tool_use"}
    assert "private" not in json.dumps(found)


def test_credentials_among_the_arguments_are_masked(spans: Any) -> None:
    @trace
    def ask(question: str, api_key: str, **more: Any) -> dict[str, str]:
        return {"password": "hunter22", "answer": "sk-abcdefghijklmnop"}

    ask("q", "abcdef", headers={"x": "y"})

    (span,) = spans.get_finished_spans()
    assert io(span) == (
        '{"question":"q","api_key":"[masked]","headers":{"x":"[masked]"}}',
        '{"password":"[masked]","answer":"[masked]"}',
    )


def test_large_values_are_cut_and_hostile_ones_are_not_asked(spans: Any) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError

        __str__ = __len__ = __iter__ = __eq__ = __bool__ = __repr__  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]

    @trace
    def work(first: Any, second: str) -> Any:
        return [first, second]

    given = Hostile()
    assert work(given, "x" * 3_000_000)[0] is given

    (span,) = spans.get_finished_spans()
    question, answer = io(span)
    assert question is not None
    assert answer is not None
    assert question.startswith('{"first":"[Hostile]","second":"xxx')
    assert all(len(value) <= 262_144 for value in span.attributes.values())


def test_fields_that_a_dataclass_does_not_show_are_left_out(spans: Any) -> None:
    @dataclasses.dataclass
    class Order:
        number: str
        note: str = dataclasses.field(default="private", repr=False)

    @trace
    def work(order: Order) -> Order:
        return order

    work(Order("3"))

    (span,) = spans.get_finished_spans()
    assert io(span) == ('{"order":{"number":"3"}}', '{"number":"3"}')
