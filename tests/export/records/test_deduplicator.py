"""Two instrumentations that record one call: Pulse gets one record of it, and the tokens once."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from pulse_otel.export.dialects import read
from pulse_otel.export.records.duplicates.deduplicator import CallDeduplicator
from pulse_otel.export.records.record import Record, Usage
from tests.export.spans import recorded

USAGE = Usage(input=120, output=45, cache_read=64)
MS = 1_000_000


def call(span_id: str, parent: str | None = None, **more: Any) -> Record:
    start, end = more.pop("ms", (0, 100))
    fields: dict[str, Any] = {
        "kind": "llm_call",
        "trace_id": "t",
        "start_ns": start * MS,
        "end_ns": end * MS,
        "name": span_id,
        "scope": f"scope.{span_id}",
        "provider": "openai",
        "model": "gpt-4o",
        "usage": USAGE,
        **more,
    }
    return Record(span_id=span_id, parent_span_id=parent, **fields)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def settle(*records: Record, hold_s: float = 5.0) -> list[Record]:
    deduplicator = CallDeduplicator(hold_s, age_s=lambda record: 0.0)
    out = [shipped for record in records for shipped in deduplicator.add(record)]
    out += deduplicator.flush()
    assert len(out) + deduplicator.duplicates == len(records)
    return out


@pytest.mark.parametrize("case", ["anthropic_messages", "anthropic_stream_helper"])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_sdks_own_span_beneath_the_official_one(case: str, reverse: bool) -> None:
    """Recorded: genai-anthropic and the Anthropic SDK's own tracing, both on."""
    records = [
        record for span in recorded("official-genai-with-native")[case] if (record := read(span))
    ]
    assert len(records) == 2

    shipped = settle(*(records[::-1] if reverse else records))

    assert len(shipped) == 1
    assert shipped[0].usage == Usage(
        input=120, output=45, cache_read=80, cache_write=10, reasoning=20
    )
    assert shipped[0].output_text == "Hello! Paris is sunny."
    assert shipped[0].parent_span_id is None
    if not reverse:  # what only the SDK's own span knows
        assert shipped[0].attributes["pulse.request_id"] == "req_ant_1"
        assert shipped[0].service_tier == "standard"


@pytest.mark.parametrize("dialect", ["official-genai", "traceloop", "openinference", "langfuse"])
def test_recorded_calls_without_a_duplicate_stay(dialect: str) -> None:
    records = [r for spans in recorded(dialect).values() for span in spans if (r := read(span))]

    assert sorted(r.span_id for r in settle(*records)) == sorted(r.span_id for r in records)


def test_the_richer_one_wins_and_is_completed() -> None:
    child = call(
        "c", "p", response_id="r", ms=(5, 95), usage=Usage(input=120, output=45, reasoning=20)
    )
    parent = call("p", output_text="hi", request={"messages": []}, session_id="s")

    (shipped,) = settle(child, parent)

    assert (shipped.span_id, shipped.output_text, shipped.session_id) == ("p", "hi", "s")
    assert shipped.response_id == "r"
    assert shipped.usage == replace(USAGE, reasoning=20)


def test_a_richer_child_takes_its_parents_place() -> None:
    child = call("c", "p", output_text="hi", request={"messages": []}, ms=(5, 95))
    parent = call("p", "root", usage=Usage())

    (shipped,) = settle(child, parent)

    assert (shipped.span_id, shipped.parent_span_id) == ("p", "root")
    assert (shipped.name, shipped.output_text) == ("c", "hi")


def test_three_layers() -> None:
    layers = [call("c", "b", ms=(10, 90)), call("b", "a", ms=(5, 95)), call("a", output_text="hi")]

    (shipped,) = settle(*layers)

    assert shipped.output_text == "hi"
    assert shipped.usage == USAGE


def test_a_child_that_names_a_merged_span_as_its_parent() -> None:
    """The middle one was merged into another id before its own child came."""
    deduplicator = CallDeduplicator(5.0, age_s=lambda record: 0.0)
    out = deduplicator.add(call("b", "a", ms=(5, 95)))
    out += deduplicator.add(call("a", "root", output_text="hi"))
    out += deduplicator.add(call("c", "b", ms=(10, 90)))
    out += deduplicator.flush()

    assert [record.span_id for record in out] == ["a"]


@pytest.mark.parametrize(
    "parent",
    [
        call("p", model="claude-haiku", provider="anthropic"),
        call("p", response_model="gpt-4o-mini-1"),
        call("p", ms=(0, 20)),
        call("p", trace_id="other"),
        call("p", response_id="another"),
        call("p", kind="agent_run"),
        call("elsewhere"),
    ],
    ids=["provider", "model", "time", "trace", "response id", "agent", "no relation"],
)
def test_different_calls_are_not_merged(parent: Record) -> None:
    child = call("c", "p", response_id="r", response_model="gpt-4o-9", ms=(5, 95))

    assert len(settle(child, parent)) == 2


@pytest.mark.parametrize("model", ["openai/gpt-4o", "gpt-4o-2024-08-06", "GPT-4o", None])
def test_names_of_one_model(model: str | None) -> None:
    assert len(settle(call("c", "p", ms=(5, 95)), call("p", model=model))) == 1


def test_siblings_of_two_instrumentations() -> None:
    deduplicator = (
        call("a", "root", response_id="r", output_text="hi"),
        call("b", "root", response_id="r", ms=(1, 99)),
    )
    silent = (  # Langfuse knows no response id
        call("a", "root", response_id="r", output_text="hi"),
        call("b", "root", output_text="hi", ms=(1, 99)),
    )

    assert len(settle(*deduplicator)) == 1
    assert len(settle(*silent)) == 1


def test_concurrent_calls_are_not_siblings() -> None:
    """The same prompt ten times at once, answered alike: ten calls."""
    same = [call(f"c{n}", "root", scope="one", output_text="hi") for n in range(10)]
    different = [
        call(f"c{n}", "root", output_text="hi", response_id=f"r{n}", scope=f"s{n}")
        for n in range(10)
    ]

    assert len(settle(*same)) == 10
    assert len(settle(*different)) == 10


def test_concurrent_calls_recorded_twice_each() -> None:
    pairs = [
        call(f"{n}{scope}", "root", scope=scope, output_text="hi")
        for n in range(10)
        for scope in "ab"
    ]
    random.Random(7).shuffle(pairs)

    assert len(settle(*pairs)) == 10


def test_a_parent_of_several_calls_is_no_call() -> None:
    children = [call("1", "p", ms=(1, 40)), call("2", "p", ms=(41, 90))]
    parent = call("p", usage=Usage(input=240, output=90), output_text="hi")

    shipped = settle(*children, parent)

    assert [record.span_id for record in shipped] == ["1", "2"]
    assert len(settle(*children, parent, hold_s=0)) == 2


def test_agents_keep_their_calls_and_have_no_tokens() -> None:
    agent = call("p", kind="agent_run", usage=Usage())

    shipped = settle(call("c", "p", ms=(5, 95)), agent)

    assert sum(record.usage.input or 0 for record in shipped) == 120
    assert len(shipped) == 2


def test_a_call_is_held_back_for_a_bounded_time() -> None:
    clock = Clock()
    deduplicator = CallDeduplicator(5.0, clock, age_s=lambda record: 0.0)

    assert deduplicator.add(call("c", "p", ms=(5, 95))) == []
    assert deduplicator.next_due() == 5.0
    clock.now = 4.9
    assert deduplicator.due() == []
    clock.now = 5.0
    assert [record.span_id for record in deduplicator.due()] == ["c"]
    assert deduplicator.next_due() is None
    assert len(deduplicator) == 0


def test_parent_and_child_in_different_batches() -> None:
    clock = Clock()
    deduplicator = CallDeduplicator(5.0, clock, age_s=lambda record: 0.0)
    deduplicator.add(call("c", "p", ms=(5, 95)))
    clock.now = 3.0

    assert deduplicator.add(call("p", output_text="hi")) == []
    clock.now = 8.0
    (shipped,) = deduplicator.due()

    assert shipped.output_text == "hi"
    assert (deduplicator.duplicates, len(deduplicator)) == (1, 0)


def test_a_counterpart_that_comes_too_late_is_not_counted_again() -> None:
    clock = Clock()
    deduplicator = CallDeduplicator(5.0, clock, age_s=lambda record: 0.0)
    deduplicator.add(call("c", "p", ms=(5, 95)))
    clock.now = 6.0
    assert len(deduplicator.due()) == 1

    assert deduplicator.add(call("p")) == []
    assert deduplicator.duplicates == 1


def test_a_late_counterpart_that_alone_has_the_tokens_is_shipped() -> None:
    deduplicator = CallDeduplicator(0.0, age_s=lambda record: 0.0)

    assert len(deduplicator.add(call("c", "p", usage=Usage(), ms=(5, 95)))) == 1
    assert len(deduplicator.add(call("p"))) == 1


def test_calls_without_a_parent_wait_only_where_two_instrumentations_are_seen() -> None:
    deduplicator = CallDeduplicator(60.0, age_s=lambda record: 0.0)

    assert deduplicator.add(call("one", scope="a")) == []
    assert deduplicator.next_due() is None
    assert len(deduplicator.add(call("agent", "one", kind="agent_run", scope="a"))) == 1
    assert [record.span_id for record in deduplicator.due()] == ["one"]
    assert len(deduplicator) == 0

    deduplicator.add(call("run", kind="agent_run", scope="b"))
    deduplicator.add(call("two", scope="a"))
    assert deduplicator.due() == []
    assert len(deduplicator) == 1


def test_what_is_held_and_remembered_is_bounded() -> None:
    deduplicator = CallDeduplicator(60.0, most_held=100, age_s=lambda record: 0.0)
    shipped = 0
    for number in range(12_000):
        record = call(str(number), "root", scope="one", response_id=f"r{number}")
        shipped += len(deduplicator.add(record))

    assert len(deduplicator) == 100
    assert shipped == 11_900
    assert len(deduplicator.flush()) == 100


def test_nothing_that_was_said_is_remembered() -> None:
    said = "z" * 100_000
    texts = dict.fromkeys(("name", "output_text", "finish_reason", "agent_name", "user_id"), said)
    objects = ("request", "response", "tool_input", "error", "metadata", "attributes")
    record = replace(call("only", "p"), **texts, **{key: {"a": said} for key in objects})
    deduplicator = CallDeduplicator(0.0, age_s=lambda record: 0.0)

    (shipped,) = deduplicator.add(record)

    assert shipped.output_text == said
    remembered = [call.record for call in deduplicator._shipped._calls.values()]
    assert len(remembered) == 1
    assert len(str(remembered)) < 2_000


def test_an_inner_failure_that_the_outer_call_recovered_from() -> None:
    child = call("c", "p", is_error=True, error={"status": 429}, usage=Usage(), ms=(5, 95))

    (shipped,) = settle(child, call("p", output_text="hi"))

    assert (shipped.is_error, shipped.error) == (False, None)


@pytest.mark.parametrize(("one", "other"), [("openai", "openai"), ("openai", "anthropic")])
@pytest.mark.parametrize("ids", [("r", "r"), ("", ""), (None, None)])
def test_two_spans_of_our_own_are_two_calls(one: str, other: str, ids: Any) -> None:
    """The second call of a quick tool loop, beneath the first one, whose ids repeat."""
    outer = call("p", scope=f"pulse_otel.{one}", response_id=ids[0], ms=(0, 40))
    inner = call("c", "p", scope=f"pulse_otel.{other}", response_id=ids[1], ms=(1, 39))

    assert len(settle(inner, outer)) == 2
    assert len(settle(outer, inner)) == 2
