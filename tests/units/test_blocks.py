"""`with trace(...)`: nesting, sessions inside and outside, titles, and other contexts."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.trace import StatusCode

import pulse_otel
from pulse_otel import observe, session, tool, trace
from tests.conftest import MESSAGES
from tests.units.reading import io, is_child, named

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}


def _metadata(span: Any) -> Any:
    return json.loads(span.attributes.get("pulse.metadata", "{}"))


def test_a_block_records_what_is_assigned_to_it(spans: Any) -> None:
    with trace("work") as unit:
        unit.input = {"ticket": 7}
        unit.output = "solved"
        assert (unit.input, unit.output) == ({"ticket": 7}, "solved")
        assert unit.trace_id == pulse_otel.current_trace_id()

    (span,) = spans.get_finished_spans()
    assert io(span) == ('{"ticket":7}', "solved")
    assert (unit.trace_id, unit.span_id) == (
        f"{span.context.trace_id:032x}",
        f"{span.context.span_id:016x}",
    )


def test_what_is_assigned_after_the_end_is_only_kept(spans: Any, caplog: Any) -> None:
    with trace("work") as unit:
        pass
    unit.output = "late"

    assert io(spans.get_finished_spans()[0]) == (None, None)
    assert unit.output == "late"
    assert caplog.records == []


def test_a_block_object_may_be_used_again_and_inside_of_itself(spans: Any) -> None:
    block = trace("work")
    with block:
        with block as inner:
            inner.output = "inner"
        with block:
            pass

    first, second, outer = spans.get_finished_spans()
    assert is_child(first, outer)
    assert is_child(second, outer)
    assert io(first) == (None, "inner")


def test_one_block_object_serves_many_tasks_at_once(spans: Any) -> None:
    block = trace("work")

    async def use(name: str) -> None:
        async with block as unit:
            await asyncio.sleep(0)
            with trace(name):
                unit.output = name

    async def main() -> None:
        await asyncio.gather(*[use(name) for name in "abc"])

    asyncio.run(main())

    works = {io(span)[1]: span for span in spans.get_finished_spans() if "work" in span.name}
    for name in "abc":
        (inner,) = [span for span in spans.get_finished_spans() if span.name.endswith(f" {name}")]
        assert is_child(inner, works[name])


def test_a_block_restores_the_context_even_if_the_body_left_something_in_it(spans: Any) -> None:
    before = otel_context.get_current()
    with trace("work"):
        otel_context.attach(otel_context.set_value("left", "behind"))

    assert otel_context.get_current() is before


def test_a_session_outside_labels_the_unit_and_all_in_it(spans: Any, openai_client: Any) -> None:
    observe(openai_client, "openai")

    with session("s", user_id="u"), trace("work"), tool("t"):
        openai_client.chat.completions.create(**GPT)

    for span in spans.get_finished_spans():
        assert (span.attributes["session.id"], span.attributes["user.id"]) == ("s", "u")


def test_a_session_inside_labels_the_units_around_it(spans: Any, openai_client: Any) -> None:
    """Without it, the service would show the trace in two sessions."""
    observe(openai_client, "openai")

    with trace("outer"), trace("inner"):
        with session("first"):
            openai_client.chat.completions.create(**GPT)
        with session("second"):
            pass

    assert len(named(spans)) == 3
    for span in spans.get_finished_spans():
        assert span.attributes["session.id"] == "first"


def test_a_session_inside_does_not_replace_the_one_outside(spans: Any) -> None:
    with session("outside"), trace("outer"), session("inside"), trace("inner"):
        pass

    found = named(spans)
    assert found["outer"].attributes["session.id"] == "outside"
    assert found["inner"].attributes["session.id"] == "inside"


def test_the_outermost_unit_titles_the_trace(spans: Any, openai_client: Any) -> None:
    observe(openai_client, "openai")

    with trace("outer"), trace("inner"):
        openai_client.chat.completions.create(**GPT)

    assert [_metadata(span) for span in spans.get_finished_spans()] == [{"summary": "outer"}] * 3


def test_a_summary_wins_over_the_name_and_the_innermost_over_others(spans: Any) -> None:
    with trace("a", summary="title"), trace("b"):
        pass
    with (
        session(summary="session's", metadata={"team": "t"}),
        trace("c"),
        trace("d", summary="d's"),
    ):
        pass
    with trace("e"), session(summary="late"), trace("f"):
        pass

    found = {name: _metadata(span) for name, span in named(spans).items()}
    assert found["a"] == found["b"] == {"summary": "title"}
    assert found["c"] == {"summary": "session's", "team": "t"}
    assert found["d"] == {"summary": "d's", "team": "t"}
    assert found["f"] == {"summary": "late"}


def test_errors_of_nested_blocks_mark_each_that_they_end(spans: Any) -> None:
    with trace("outer"):
        try:
            with trace("inner"):
                raise LookupError
        except LookupError:
            pass

    found = named(spans)
    assert found["inner"].attributes["error.type"] == "LookupError"
    assert found["outer"].status.status_code is StatusCode.UNSET
