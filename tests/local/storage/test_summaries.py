"""The summaries of traces and sessions say what their spans say, and cost as little as they may."""

from __future__ import annotations

import dataclasses
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_otel.local.storage.legacy_traces import LegacyStore
from pulse_otel.local.storage.sessions import session_page
from pulse_otel.local.storage.spans import SpanRow, Store
from tests.local.legacy_client import LegacyClient, trace

EMPTY = dict.fromkeys(field.name for field in dataclasses.fields(SpanRow))
OWN = {
    "project_id": "p", "source": "sdk", "kind": "llm_call", "event_type": "provider_call",
    "status": "success", "timestamp": 1000, "duration_ms": 5, "session_id": "s", "trace_id": "t",
    "metadata": {},
}  # fmt: skip


def row(span_id: object, **columns: Any) -> SpanRow:
    """A span of a call; `columns` override its own."""
    found: dict[str, Any] = {**EMPTY, **OWN, "span_id": str(span_id), **columns}
    return SpanRow(**found)


ROWS = st.builds(
    row,
    st.integers(0, 30),
    trace_id=st.sampled_from("tuv"),
    session_id=st.sampled_from("ab"),
    timestamp=st.integers(1000, 1004),
    kind=st.sampled_from(["llm_call", "llm_call", "tool_use", "agent_run"]),
    event_type=st.sampled_from(["provider_call", "session_start"]),
    status=st.sampled_from(["success", "error"]),
    source=st.sampled_from(["sdk", "codex"]),
    provider=st.sampled_from([None, "openai", "anthropic"]),
    model=st.sampled_from([None, "m1", "m2"]),
    input_tokens=st.none() | st.integers(0, 9),
    cost_cents=st.none() | st.sampled_from([0.5, 2.0]),
    duration_ms=st.none() | st.integers(0, 9),
)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(ROWS, max_size=8), max_size=5))
def test_a_summary_says_what_the_spans_say_in_whatever_order_they_came(
    batches: list[list[SpanRow]],
) -> None:
    store = Store(":memory:")
    for batch in batches:
        store.insert(batch)
    assert summaries(store, "trace_summaries", "trace_id") == {
        name: trace_summary(store.trace({"project_id": "p", "trace_id": name}))
        for name in {span.trace_id for span in store.spans({})}
    }
    sessions, _ = session_page(store.select, {"project_id": "p", "limit": -1, "offset": 0})
    for found in sessions:
        spans = store.trace({"project_id": "p", "session_id": found["sessionId"]})
        assert found == {**found, **session_summary(spans)}
    assert {found["sessionId"] for found in sessions} == {s.session_id for s in store.spans({})}


def summaries(store: Store, table: str, key: str) -> dict[str, dict[str, Any]]:
    names = [*EXPECTED, "started"]
    sql = f"SELECT {key}, {', '.join(names)} FROM {table}"
    return {name: dict(zip(names, values, strict=True)) for name, *values in store.select(sql, {})}


EXPECTED = (
    "session_id", "source", "provider", "model", "input_tokens", "cost_cents", "calls",
    "tool_calls", "errors", "spans", "latency_ms",
)  # fmt: skip


def trace_summary(spans: list[SpanRow]) -> dict[str, Any]:
    calls = [span for span in spans if span.kind == "llm_call"]
    main = (calls or spans)[0]
    listed = [span.timestamp for span in spans if span.event_type != "session_start"]
    return {
        "session_id": main.session_id,
        "source": main.source,
        "provider": (main.provider if calls else None) or "sdk",
        "model": (main.model if calls else None) or "unknown",
        "input_tokens": total([span.input_tokens for span in calls]),
        "cost_cents": total([span.cost_cents for span in calls]),
        "calls": len(calls),
        "tool_calls": sum(span.kind == "tool_use" for span in spans),
        "errors": sum(span.status == "error" for span in spans),
        "spans": len(spans),
        "latency_ms": sum(span.duration_ms or 0 for span in spans),
        "started": min(listed, default=None),
    }


def session_summary(spans: list[SpanRow]) -> dict[str, Any]:
    calls = [span for span in spans if span.kind == "llm_call"]
    return {
        "firstTimestamp": spans[0].timestamp,
        "lastTimestamp": spans[-1].timestamp,
        "durationMs": spans[-1].timestamp - spans[0].timestamp,
        "status": "error" if any(span.status == "error" for span in spans) else "success",
        "totalSpans": len(spans),
        "traceCount": len({span.trace_id for span in spans}),
        "inputTokens": total([span.input_tokens for span in calls]),
        "costCents": total([span.cost_cents for span in calls]),
        "model": calls[0].model if calls else None,
    }


def total(values: list[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def test_the_file_of_a_version_without_summaries_gets_them(tmp_path: Path) -> None:
    path = str(tmp_path / "old.db")
    rows = [row(n, trace_id=f"t{n // 2}", timestamp=n, model="m") for n in range(10)]
    new = Store(":memory:")
    new.insert(rows)
    names = ", ".join(EMPTY)
    with sqlite3.connect(path) as old:
        old.execute(f"CREATE TABLE spans ({names}, PRIMARY KEY (project_id, span_id))")
        old.execute("CREATE INDEX spans_by_trace ON spans (project_id, trace_id)")
        values = [[*[*dataclasses.asdict(one).values()][:-1], "{}"] for one in rows]
        old.executemany(f"INSERT INTO spans VALUES ({', '.join('?' * len(EMPTY))})", values)
    old.close()
    for _ in range(2):  # and keeps them
        found = Store(path)
        for table in ("trace_summaries", "session_summaries"):
            assert found.select(f"SELECT * FROM {table}", {}) == new.select(
                f"SELECT * FROM {table}", {}
            )
    assert found.trace_page({"project_id": "p"}, 100)[1] == 5


def test_the_legacy_file_of_a_version_without_summaries_gets_them(
    legacy_client: LegacyClient, tmp_path: Path
) -> None:
    legacy_client.store(trace(input_tokens=3, metadata={"user_id": "u", "summary": "A title"}))
    path = str(tmp_path / "old.db")
    LegacyStore(path)
    with sqlite3.connect(path) as old:
        (trigger,) = old.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchone()
        old.execute(f"DROP TRIGGER {trigger}")
        old.execute("DROP TABLE legacy_summaries")
        text = '{"input_tokens":3,"latency_ms":4,"metadata":{"user_id":"u","summary":"A title"}}'
        values = ["t", "p", None, 1000, "openai", "m", None, "success", text]
        old.execute("INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    old.close()
    names = "trace_id, started, model, input_tokens, latency_ms, user_id, summary, errors"
    found = LegacyStore(path).select(f"SELECT {names} FROM legacy_summaries", {})
    assert found == [("t", 1000, "m", 3, 4, "u", "A title", 0)]


def steps(store: Store, work: Any) -> int:
    """How many steps of SQLite's machine `work` takes, to the nearest hundred."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    store._connection.set_progress_handler(count, 100)
    work()
    store._connection.set_progress_handler(None, 0)
    return counted * 100


def filled(size: int) -> Store:
    store = Store(":memory:")
    order = random.Random(1).sample(range(size), size)
    store.insert([row(n, trace_id=f"t{n}", session_id=f"s{n % 7}", timestamp=n) for n in order])
    return store


def test_an_insert_costs_the_same_in_a_large_file_a_long_session_and_a_long_trace() -> None:
    def insert(store: Store) -> int:
        batch = [row(f"new {n}", trace_id="t1", session_id="s1", timestamp=n) for n in range(50)]
        return steps(store, lambda: store.insert(batch))

    assert insert(filled(10_000)) < 1.2 * insert(filled(1_000))


@pytest.mark.parametrize("filters", [{}, {"provider": "sdk"}, {"status": "success"}])
def test_a_page_reads_the_spans_of_its_traces_only(filters: dict[str, str]) -> None:
    """What grows with the file is the count, a few steps per trace in an index."""

    def page(store: Store) -> int:
        return steps(store, lambda: store.trace_page({"project_id": "p", **filters}, 20))

    assert page(filled(10_000)) - page(filled(1_000)) < 15 * 9_000


def test_a_deep_value_is_stored_though_sqlite_reads_no_such_json() -> None:
    deep: Any = []
    for _ in range(3000):
        deep = [deep]
    store = Store(":memory:")
    store.insert([row(1, metadata={"pulse.user_id": "u", "deep": deep})])
    assert store.select("SELECT user_id FROM trace_summaries", {}) == [(None,)]
