"""Old traces are deleted whole, in small batches, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pulse_otel.local.pages import texts
from pulse_otel.local.storage import retention
from pulse_otel.local.storage.legacy_traces import LegacyStore, TraceRow
from pulse_otel.local.storage.spans import Store
from tests.local.storage.test_summaries import row, steps


def at_once(seconds: float) -> bool:
    return False


def rows_of(store: Any, table: str) -> list[Any]:
    return store.select(f"SELECT * FROM {table} ORDER BY 1, 2, 3", {})


def test_what_stays_is_as_if_the_rest_had_never_been_there() -> None:
    old = [row(n, trace_id=f"t{n // 2}", session_id=f"s{n % 3}", timestamp=n) for n in range(120)]
    hidden = [row("h", trace_id="h", timestamp=5, event_type="session_start")]
    new = [
        row(f"new {n}", trace_id=f"new {n // 2}", session_id=f"s{n % 2}", timestamp=1000 + n)
        for n in range(10)
    ]
    ongoing = [
        row(f"on {n}", trace_id="on", session_id="s0", timestamp=at)
        for n, at in enumerate((3, 1005))
    ]
    store, expected = Store(":memory:", texts.of_span), Store(":memory:", texts.of_span)
    store.insert([*old, *hidden, *new, *ongoing])
    expected.insert([*new, *ongoing])

    assert retention.delete_before(store, 1000, at_once) == 61

    assert rows_of(store, "spans") == rows_of(expected, "spans")
    names = "session_id, traces, spans, errors, started, last_started, main_id, users"
    sql = f"SELECT {names} FROM session_summaries ORDER BY 1"
    assert store.select(sql, {}) == expected.select(sql, {})
    sql = "SELECT trace_id, started, spans FROM trace_summaries ORDER BY 1"
    assert store.select(sql, {}) == expected.select(sql, {})
    assert len(rows_of(store, "trace_texts")) == len(rows_of(expected, "trace_texts"))
    assert retention.delete_before(store, 1000, at_once) == 0


def test_the_figures_of_deleted_calls_stay_in_the_overview() -> None:
    store = Store(":memory:")
    store.insert([row(n, trace_id=f"t{n}", timestamp=n) for n in range(10)])
    before = rows_of(store, "usage")
    retention.delete_before(store, 1000, at_once)
    assert rows_of(store, "spans") == []
    assert rows_of(store, "usage") == before


def test_a_batch_is_small_and_the_deletion_ends_when_it_is_told_to() -> None:
    store = Store(":memory:")
    store.insert([row(n, trace_id=f"t{n}", timestamp=n) for n in range(500)])
    assert retention.delete_before(store, 1000, lambda _: True) == 25
    assert len(rows_of(store, "trace_summaries")) == 475


def test_the_file_gets_smaller(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    store = Store(str(path))
    text = "x" * 10_000
    store.insert([row(n, trace_id=f"t{n}", timestamp=n, output_text=text) for n in range(500)])
    full = path.stat().st_size
    retention.delete_before(store, 1000, at_once)
    assert path.stat().st_size < full / 4


def test_the_legacy_form_deletes_its_traces_too(tmp_path: Path) -> None:
    path = str(tmp_path / "legacy.db")
    store = LegacyStore(path)
    store.insert([legacy_row(f"t{n}", n) for n in range(60)] + [legacy_row("new", 2000)])
    assert retention.delete_before(store, 1000, at_once) == 60
    assert [one.trace_id for one in store.traces({})] == ["new"]
    assert store.select("SELECT session_id, traces FROM legacy_sessions", {}) == [("s", 1)]


def legacy_row(trace_id: str, timestamp: int) -> Any:
    return TraceRow(
        trace_id=trace_id, project_id="p", session_id="s", timestamp=timestamp, latency_ms=1,
        provider="openai", model_requested="m", model_used=None, provider_request_id=None,
        request_body={}, response_body=None, input_tokens=1, output_tokens=1, output_text="",
        finish_reason=None, status="success", error=None, cost_cents=None, metadata=None,
    )  # fmt: skip


def test_a_batch_costs_the_same_whatever_stays() -> None:
    def cost(remaining: int) -> int:
        store = Store(":memory:")
        old = [row(n, trace_id=f"t{n}", session_id="old", timestamp=n) for n in range(50)]
        new = [row(f"n{n}", trace_id=f"n{n}", timestamp=2000 + n) for n in range(remaining)]
        store.insert([*old, *new])
        return steps(store, lambda: retention.delete_before(store, 1000, lambda _: True))

    assert cost(5_000) < 1.3 * cost(500)
