"""A tool that a framework records, and that the messages tell of, is one record in Pulse."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pulse_otel.export.records.duplicates.deduplicator import CallDeduplicator
from pulse_otel.export.records.record import Record

MS = 1_000_000
OURS, THEIRS = "pulse_otel.openai", "openinference.instrumentation.some"
PARIS = {"city": "Paris"}


def tool(span_id: str, scope: str, **more: Any) -> Record:
    start, end = more.pop("ms", (0, 100))
    fields: dict[str, Any] = {
        "trace_id": "t",
        "parent_span_id": "agent",
        "tool_name": "get_weather",
        "tool_input": PARIS,
        "tool_output": "Sunny.",
        **more,
    }
    return Record(
        kind="tool_use",
        operation="execute_tool",
        span_id=span_id,
        name=span_id,
        scope=scope,
        start_ns=start * MS,
        end_ns=end * MS,
        **fields,
    )


def said(span_id: str, call_id: str, **more: Any) -> Record:
    """A tool that the messages tell of, from the answer to the request with the result."""
    return tool(span_id, OURS, tool_id=call_id, **{"ms": (0, 100), **more})


def run(span_id: str, **more: Any) -> Record:
    """A tool that a framework records as it runs."""
    return tool(span_id, THEIRS, **{"ms": (10, 90), **more})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def settle(*records: Record) -> list[Record]:
    deduplicator = CallDeduplicator(5.0, age_s=lambda record: 0.0)
    out = [sent for record in records for sent in deduplicator.add(record)]
    out += deduplicator.flush()
    assert len(out) + deduplicator.duplicates == len(records)
    assert len(deduplicator) == 0
    return out


def ids(records: Sequence[Record]) -> list[str]:
    return sorted(record.span_id for record in records)


def test_the_run_remains_with_the_id_of_the_messages() -> None:
    [kept] = settle(run("r", ms=(10, 90)), said("s", "call_1", session_id="s1"))

    assert (kept.span_id, kept.tool_id, kept.session_id) == ("r", "call_1", "s1")
    assert (kept.start_ns, kept.end_ns) == (10 * MS, 90 * MS)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_run_without_values_gets_those_of_the_messages(reverse: bool) -> None:
    pair = [run("r", tool_id="c", tool_input=None, tool_output=None), said("s", "c")]
    [kept] = settle(*(reversed(pair) if reverse else pair))

    assert (kept.span_id, kept.tool_input, kept.tool_output) == ("r", PARIS, "Sunny.")


def test_a_programs_own_span_may_have_the_id_alone() -> None:
    own = replace(run("r", tool_id="c", tool_input=None, tool_output=None), operation=None)
    [kept] = settle(replace(own, tool_name=None), said("s", "c"))

    assert (kept.span_id, kept.tool_name, kept.tool_output) == ("r", "get_weather", "Sunny.")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Sunny.", [{"text": "Sunny."}]),
        ([{"type": "text", "text": "Sunny."}], "Sunny."),
        ({"sky": 1, "t": 2}, '{"t": 2, "sky": 1}'),
        (json.dumps(json.dumps({"t": 2})), {"t": 2}),
        (21, "21"),
        ("Sunny.\n", "Sunny."),
        ({"blocks": [{"text": "Sunny."}], "tool_name": "w", "raw_output": "Sunny."}, "Sunny."),
    ],
)
def test_a_result_is_the_same_in_whatever_form(theirs: Any, ours: Any) -> None:
    assert len(settle(run("r", tool_output=theirs), said("s", "c", tool_output=ours))) == 1


TWO = {"city": "Paris", "unit": "C"}


@pytest.mark.parametrize(
    ("theirs", "is_same"),
    [
        ({"args": ["Paris", "C"], "kwargs": {}}, True),
        ({"args": ["Paris"], "kwargs": {"unit": "C"}}, True),
        ({"args": [], "kwargs": TWO}, True),
        ('{"kwargs": {"city": "Paris", "unit": "C"}}', True),
        ({"args": ["Rome", "C"], "kwargs": {}}, False),
        ({"args": ["Paris"], "kwargs": {}}, False),
        ({"kwargs": {"town": "Paris", "unit": "C"}}, False),
        ({"args": "Paris", "kwargs": {}}, False),
    ],
)
def test_arguments_as_a_decorator_sees_them_are_those_of_the_messages(
    theirs: Any, is_same: bool
) -> None:
    """Langfuse and LlamaIndex record them so; the record has their names."""
    kept = settle(run("r", tool_input=theirs), said("s", "c", tool_input=TWO))

    assert ids(kept) == (["r"] if is_same else ["r", "s"])
    assert not is_same or kept[0].tool_input == TWO


def test_equal_parallel_runs_stay_apart_each_with_an_id_of_its_own() -> None:
    runs = [run("r1", ms=(10, 90)), run("r2", ms=(11, 91)), run("r3", ms=(12, 92))]
    out = settle(*runs, said("s1", "call_1"), said("s2", "call_2"), said("s3", "call_3"))

    assert [(r.span_id, r.tool_id) for r in out] == [
        ("r1", "call_1"), ("r2", "call_2"), ("r3", "call_3"),
    ]  # fmt: skip


def test_more_runs_than_calls_leave_runs_and_the_other_way_round() -> None:
    assert ids(settle(run("r1"), run("r2"), said("s", "c"))) == ["r1", "r2"]
    assert ids(settle(run("r"), said("s1", "c1"), said("s2", "c2"))) == ["r", "s2"]


DIFFERENCES: dict[str, dict[str, Any]] = {
    "arguments": {"tool_input": {"city": "Rome"}},
    "result": {"tool_output": "Rain."},
    "name": {"tool_name": "get_time"},
    "trace": {"trace_id": "u"},
    "after the request": {"ms": (10, 400)},
    "before the answer": {"ms": (-400, -200)},
    "no result": {"tool_output": None},
}


@pytest.mark.parametrize("difference", DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_difference_keeps_two_tools_apart(difference: dict[str, Any]) -> None:
    assert len(settle(run("r", **difference), said("s", "call_1"))) == 2


@pytest.mark.parametrize(
    "difference",
    [{"tool_id": "call_2"}, {"tool_id": "call_1", "tool_input": {"city": "Rome"}}],
    ids=["id", "the same id, other arguments"],
)
def test_ids_tell_tools_apart(difference: dict[str, Any]) -> None:
    assert len(settle(run("r", **difference), said("s", "call_1"))) == 2


def test_an_id_joins_two_traces_if_it_is_there_once() -> None:
    """A framework whose spans are never current has a trace of its own."""
    there = run("r", trace_id="u", tool_id="call_1", tool_input="Paris")
    [kept] = settle(there, said("s", "call_1"))
    assert (kept.trace_id, kept.span_id, kept.tool_input) == ("u", "r", PARIS)

    numbered = [run(f"r{t}", trace_id=t, tool_id="call_1") for t in ("u", "v")]
    assert len(settle(*numbered, said("s", "call_1"))) == 3
    assert len(settle(replace(there, session_id="x"), said("s", "call_1", session_id="y"))) == 2


def test_a_counterpart_that_comes_late_is_not_sent() -> None:
    """Unless the one that was sent had no values."""
    clock = Clock()
    deduplicator = CallDeduplicator(1.0, clock=clock, age_s=lambda record: 0.0)
    empty = run("e", tool_name="empty", tool_id="c2", tool_input=None, tool_output=None)
    assert deduplicator.add(run("r")) == deduplicator.add(empty) == []
    clock.now = 2.0
    assert ids(deduplicator.due()) == ["r"]  # the other one waits for its values
    late = said("late", "c2", tool_name="empty", tool_input={}, tool_output="done")
    assert deduplicator.add(said("s", "c1")) == deduplicator.add(late) == []
    [kept] = deduplicator.flush()

    assert (kept.span_id, kept.tool_input, kept.tool_output) == ("e", {}, "done")
    assert deduplicator.add(said("s2", "c3")) == []  # of another run: the first has its id
    assert ids(deduplicator.flush()) == ["s2"]
    assert deduplicator.next_due() is None


def test_an_error_that_either_tells_remains() -> None:
    [kept] = settle(run("r"), said("s", "c", is_error=True, error={"name": "tool_error"}))
    assert kept.is_error
    assert kept.error == {"name": "tool_error"}


@pytest.mark.parametrize("seed", range(200))
def test_hostile_neighbours_never_become_one(seed: int) -> None:
    """Generated: runs and tellings of tools that share names, values, times and ids.

    Each true run has a number. A record that remains has one at most: the runs that were recorded
    are all there, and each telling is with a run that it cannot be told from.
    """
    chance = random.Random(seed)
    records: list[tuple[int, Record]] = []
    truth: dict[str, tuple[Any, ...]] = {}
    for number in range(chance.randint(2, 10)):
        trace, name = chance.choice("tu"), chance.choice(["a", "b"])
        given, result = {"x": chance.randint(1, 2)}, chance.choice(["yes", "no"])
        start = chance.choice([0, 0, 1000])
        same: dict[str, Any] = {
            "trace_id": trace, "tool_name": name, "tool_input": given, "tool_output": result,
        }  # fmt: skip
        call_id = f"call_{trace}_{number}"
        if chance.random() < 0.8:
            known = call_id if chance.random() < 0.3 else None
            span = run(f"r{number}", tool_id=known, ms=(start + 10, start + 90), **same)
            records.append((start + 90, span))
            truth[span.span_id] = (trace, name, given, result, start)
        if chance.random() < 0.8:
            span = said(f"s{number}", call_id, ms=(start, start + 100), **same)
            records.append((start + 100, span))
            truth[span.span_id] = (trace, name, given, result, start)
    shuffled = seed % 2
    if shuffled:  # as no program's are: a telling ends after its run
        chance.shuffle(records)
    else:
        records.sort(key=lambda pair: pair[0])

    out = settle(*(record for _, record in records))

    runs = [record.span_id for _, record in records if record.scope == THEIRS]
    assert sorted(runs) == ids([record for record in out if record.scope == THEIRS])
    told = {record.tool_id: record for _, record in records if record.scope == OURS}
    found = [record.tool_id for record in out if record.tool_id in told]
    assert set(found) == set(told)  # none is lost
    if not shuffled:
        assert len(found) == len(told)  # none is there twice
    for record in out:
        if record.tool_id in told:
            assert truth[record.span_id] == truth[told[record.tool_id].span_id]
