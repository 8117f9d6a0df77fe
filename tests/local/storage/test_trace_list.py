"""The list of traces: what filters and orders find, page by page, and what a view costs."""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_otel.local.pages import texts
from pulse_otel.local.storage import trace_list
from pulse_otel.local.storage.spans import Store
from pulse_otel.local.storage.trace_list import ORDERS, Query, TraceList
from tests.local.storage.test_summaries import row, steps

ROWS = st.builds(
    row,
    st.integers(0, 99),
    trace_id=st.sampled_from([f"t{n}" for n in range(12)]),
    session_id=st.sampled_from("ab"),
    timestamp=st.integers(1000, 1009),
    kind=st.sampled_from(["llm_call", "llm_call", "tool_use"]),
    event_type=st.sampled_from(["provider_call", "provider_call", "session_start"]),
    status=st.sampled_from(["success", "error"]),
    provider=st.sampled_from([None, "openai"]),
    model=st.sampled_from(["m1", "m2"]),
    input_tokens=st.none() | st.integers(0, 3),
    cost_cents=st.none() | st.sampled_from([0.5, 2.0]),
    duration_ms=st.integers(0, 3),
    metadata=st.sampled_from([{}, {"pulse.user_id": "u"}]),
    output_text=st.sampled_from([None, "the red fox", "a blue bird"]),
)
FILTERS: dict[str, Any] = {
    "session": "a", "user": "u", "failed": 1, "succeeded": 1, "model": "m1", "provider": "openai",
    "calls": 1, "tools": 1, "agents": 1, "others": 1, "cost": "2", "date_from": 1003,
    "date_to": 1006, "text": '"red"*',
}  # fmt: skip


def stored(rows: list[Any]) -> tuple[Store, TraceList]:
    store = Store(":memory:", texts.of_span)
    store.insert(rows)
    return store, TraceList(store.select, "trace_summaries", "spans")


def all_pages(traces: TraceList, query: Query, limit: int) -> list[list[Any]]:
    """The rows of each page, from the first to an empty one."""
    pages = [traces.page(query, limit)]
    while pages[-1]:
        last = pages[-1][-1]
        pages.append(traces.page(dataclasses.replace(query, key=key(last)), limit))
    return pages


def key(found: Any) -> tuple[float, int]:
    return found["value"], found["seq"]


def matches(found: Any, name: str) -> bool:
    """The filters once more, in Python, on a row of the list."""
    value = FILTERS[name]
    kinds = {"calls": "calls", "tools": "tool_calls"}
    plain = {"session": "session_id", "user": "user_id", "model": "model", "provider": "provider"}
    if name in plain:
        return bool(found[plain[name]] == value)
    if name in kinds:
        return (found[kinds[name]] or 0) > 0
    return {
        "failed": found["errors"] > 0,
        "succeeded": found["errors"] == 0,
        "agents": False,
        "others": False,
        "cost": (found["cost_cents"] or 0) >= 2,
        "date_from": found["started"] >= 1003,
        "date_to": found["started"] <= 1006,
        "text": "red" in found["answer"],
    }[name]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ROWS, max_size=40),
    st.sets(st.sampled_from([*FILTERS]), max_size=3),
    st.sampled_from([*ORDERS]),
    st.integers(1, 5),
)
def test_pages_have_each_trace_that_matches_once_and_in_order_forwards_and_backwards(
    rows: list[Any], names: set[str], order: str, limit: int
) -> None:
    store, traces = stored(rows)
    everything = traces.page(Query(), 1000)
    query = Query(filters={name: FILTERS[name] for name in names}, order=order)
    pages = all_pages(traces, query, limit)
    found = [one for page in pages for one in page]
    expected = {one["trace_id"] for one in everything if all(matches(one, n) for n in names)}
    assert sorted(one["trace_id"] for one in found) == sorted(expected)
    assert [key(one) for one in found] == sorted(map(key, found), reverse=order != "oldest")
    if len(pages) > 2:
        back = dataclasses.replace(query, key=key(pages[1][0]), reverse=True)
        assert traces.page(back, limit) == pages[0]
    totals = traces.totals(query)
    assert totals["traces"] == len(found)
    assert totals["errors"] == sum(one["errors"] > 0 for one in found)
    assert (totals["cost_cents"] or 0) == sum(one["cost_cents"] or 0 for one in found)
    store._connection.close()


def test_the_question_is_the_first_one_the_answer_the_last_one_and_calls_go_before_tools() -> None:
    def call(number: int, question: str, answer: str) -> Any:
        said = {"messages": [{"role": "user", "content": question}]}
        return row(number, timestamp=number, output_text=answer, metadata={"pulse.request": said})

    tool = {"kind": "tool_use", "tool_input": {"a": 1}, "tool_response": "out"}
    rows = [call(5, "first?", "early"), row(1, timestamp=1, **tool), row(9, timestamp=9, **tool)]
    rows += [call(7, "second?", "late"), call(6, "middle?", "between")]
    for order in (rows, rows[::-1]):
        _, traces = stored(order)
        (found,) = traces.page(Query(), 9)
        assert (found["question"], found["answer"]) == ("first?", "late")
    _, traces = stored([rows[1]])
    (found,) = traces.page(Query(), 9)
    assert (found["question"], found["answer"]) == ('{"a": 1}', "out")


def test_a_text_is_found_by_its_words_and_the_beginning_of_the_last() -> None:
    _, traces = stored([row(1, output_text="Die Größe der Füchse", error={"message": "no quota"})])
    for words, count in {'"größe"*': 1, '"der" "füch"*': 1, '"chse"*': 0, '"quota"*': 1}.items():
        assert len(traces.page(Query(filters={"text": words}), 9)) == count


def test_a_text_that_a_later_span_replaced_is_found_no_more() -> None:
    store, traces = stored([row(1, timestamp=1, output_text="early")])
    store.insert([row(2, timestamp=2, output_text="late")])
    assert traces.page(Query(filters={"text": '"early"*'}), 9) == []
    assert len(traces.page(Query(filters={"text": '"late"*'}), 9)) == 1


def test_the_texts_of_a_deleted_trace_go_with_it() -> None:
    store, traces = stored([row(1, output_text="gone")])
    store._connection.execute("DELETE FROM trace_summaries")
    assert traces.page(Query(filters={"text": '"gone"*'}), 9) == []
    assert store.select("SELECT * FROM trace_texts", {}) == []


def test_a_file_without_texts_gets_them(tmp_path: Any) -> None:
    path = str(tmp_path / "spans.db")
    Store(path).insert([row(1, output_text="old")])
    for _ in range(2):  # and keeps them
        traces = TraceList(Store(path, texts.of_span).select, "trace_summaries", "spans")
        assert [one["answer"] for one in traces.page(Query(), 9)] == ["old"]


def test_the_texts_of_a_file_with_older_summaries_are_built_anew(tmp_path: Any) -> None:
    path = str(tmp_path / "spans.db")
    store = Store(path, texts.of_span)
    store.insert([row(n, trace_id=f"t{n}", output_text=f"number {n}") for n in range(3)])
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'spans'"
    for (name,) in store.select(triggers, {}):
        store._connection.execute(f"DROP TRIGGER {name}")
    store._connection.close()
    traces = TraceList(Store(path, texts.of_span).select, "trace_summaries", "spans")
    (found,) = traces.page(Query(filters={"text": '"number" "1"*'}), 9)
    assert (found["trace_id"], found["answer"]) == ("t1", "number 1")


def test_an_sqlite_that_cannot_search_is_named_as_the_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLite does not know the module of another name, as one that was built without FTS5."""
    monkeypatch.setattr("pulse_otel.local.storage.texts._MODULE", "fts0")
    with pytest.raises(sqlite3.NotSupportedError, match=r"SQLite [0-9.]+ has no FTS0, which"):
        Store(":memory:", texts.of_span)


def test_what_changed_since_a_mark_is_what_was_stored_since() -> None:
    store, traces = stored([row(n, trace_id=f"t{n}", timestamp=n) for n in range(5)])
    mark = traces.mark()
    store.insert([row("more", trace_id="t2", timestamp=9), row("new", trace_id="n", timestamp=3)])
    assert [one["trace_id"] for one in traces.changed(Query(), mark, 9)] == ["n", "t2"]
    assert traces.changed(Query(filters={"failed": 1}), mark, 9) == []
    assert traces.changed(Query(), traces.mark(), 9) == []


def test_options_are_the_values_that_are_there() -> None:
    _, traces = stored([row(n, model=f"m{n % 3}", trace_id=f"t{n}") for n in range(9)])
    assert traces.options("model") == ["m0", "m1", "m2"]
    assert traces.options("user") == []


def test_where_a_walk_ended_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_list, "MOST", 10)
    rows = [row(n, trace_id=f"t{n}", timestamp=n, cost_cents=float(n == 3)) for n in range(35)]
    _, traces = stored(rows)
    query, looks = Query(filters={"cost": "1"}), 0
    while not (found := traces.page(query, 5)):
        end = traces.end_of_walk(query)
        assert end
        query, looks = dataclasses.replace(query, key=end), looks + 1
    assert ([one["trace_id"] for one in found], looks) == (["t3"], 3)
    assert traces.totals(Query())["capped"]


@pytest.mark.parametrize("name", [None, "session", "user", "failed", "model", "provider"])
def test_the_totals_of_a_filter_are_read_from_its_index_alone(name: str | None) -> None:
    store, _ = stored([])
    plans: list[str] = []

    def explained(sql: str, values: Any) -> list[tuple[Any, ...]]:
        plans.extend(line[3] for line in store.select(f"EXPLAIN QUERY PLAN {sql}", values))
        return store.select(sql, values)

    traces = TraceList(explained, "trace_summaries", "spans")
    traces.totals(Query(filters={name: FILTERS[name]} if name else {}))
    assert any(f"COVERING INDEX trace_summaries_by_{name or 'time'}" in plan for plan in plans)


WORDS = ["order refund weather", "paris city invoice", "late customer plain"]


def filled(size: int) -> tuple[Store, TraceList]:
    return stored(
        [
            row(
                n,
                trace_id=f"t{n}",
                session_id=f"s{n % 50}",
                timestamp=n,
                cost_cents=n * 7919 % 1000 / 10,
                duration_ms=n * 7907 % 1000,
                status="error" if n % 40 == 0 else "success",
                model=f"m{n % 5}",
                output_text=WORDS[n % 3],
                metadata={"pulse.user_id": f"u{n % 20}"},
            )
            for n in range(size)
        ]
    )


@pytest.fixture(scope="module")
def sizes() -> tuple[tuple[Store, TraceList], tuple[Store, TraceList]]:
    return filled(1_000), filled(20_000)


@pytest.mark.parametrize("order", [*ORDERS])
@pytest.mark.parametrize("name", [None, "session", "user", "failed", "model", "calls", "text"])
def test_a_page_costs_the_same_in_a_file_twenty_times_as_large(
    sizes: Any, order: str, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In steps of SQLite's machine; no view looks at more than MOST traces."""
    monkeypatch.setattr(trace_list, "MOST", 500)
    values = {
        "session": "s1",
        "user": "u1",
        "failed": 1,
        "model": "m1",
        "calls": 1,
        "text": '"order"*',
    }
    query = Query(filters={name: values[name]} if name else {}, order=order)
    few = {
        "session",
        "user",
        "failed",
        "model",
        "text",
    }  # of these the small file has fewer than MOST
    small, large = (
        steps(store, lambda traces=traces: (traces.page(query, 50), traces.totals(query)))
        for store, traces in sizes
    )
    assert large < (1.3 * small if name not in few else 500 * 250)
