"""The roll-up of calls says what the calls say, and the overview reads no more in a larger file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_otel.local.storage import conversations, usage
from pulse_otel.local.storage.derivation import PERIODS
from pulse_otel.local.storage.latencies import percentiles
from pulse_otel.local.storage.spans import SpanRow, Store
from pulse_otel.local.storage.usage import Usage, Window
from tests.local.storage.test_summaries import ROWS, row, steps

DAY = 86_400_000
WHOLE = Window(length=DAY, width=DAY, since=0, until=10 * DAY)


def sums(found: Usage) -> tuple[Any, ...]:
    return (found.calls, found.errors, found.input_tokens, found.cost_cents, found.unpriced)


def total(values: list[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


@settings(deadline=None, max_examples=50)
@given(st.lists(ROWS, max_size=15))
def test_the_figures_of_a_model_are_those_of_its_calls(rows: list[SpanRow]) -> None:
    store = Store(":memory:")
    stored = [span for span in store.insert(rows) if span.kind == "llm_call"]
    expected = {}
    for span in stored:
        name = (span.provider or "sdk", span.model_used or span.model or "unknown")
        expected.setdefault(name, []).append(span)
    found = usage.read(store.select, usage.CURRENT, WHOLE).models
    assert {name: sums(one) for name, one in found.items()} == {
        name: (
            len(calls),
            sum(call.status == "error" for call in calls),
            total([call.input_tokens for call in calls]),
            total([call.cost_cents for call in calls]),
            sum(call.cost_cents is None and call.status == "success" for call in calls),
        )
        for name, calls in expected.items()
    }


@pytest.mark.parametrize("length", PERIODS)
def test_a_call_counts_in_the_step_in_which_it_starts(length: int) -> None:
    store = Store(":memory:")
    times = [0, length - 1, length, 3 * length, 6 * length - 1]
    store.insert([row(n, timestamp=at) for n, at in enumerate(times)])
    window = Window(length=length, width=2 * length, since=0, until=5 * length)
    found = usage.read(store.select, usage.CURRENT, window).steps
    assert {step: one.calls for step, one in found.items()} == {0: 3, 1: 1, 2: 1}
    assert window.steps() == 3


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=60), st.sampled_from([50, 95, 99]))
def test_a_percentile_of_the_histogram_is_within_six_percent(
    latencies: list[int], percent: int
) -> None:
    store = Store(":memory:")
    store.insert([row(n, duration_ms=latency) for n, latency in enumerate(latencies)])
    (found,) = usage.read(store.select, usage.CURRENT, WHOLE).steps.values()
    rank = -(-len(latencies) * percent // 100)
    assert found.percentiles([percent])[0] == pytest.approx(sorted(latencies)[rank - 1], rel=0.065)


def test_a_call_of_unknown_duration_is_in_no_percentile() -> None:
    store = Store(":memory:")
    store.insert([row(1, duration_ms=None), row(2, duration_ms=7)])
    (found,) = usage.read(store.select, usage.CURRENT, WHOLE).steps.values()
    assert (found.calls, found.percentiles([50])) == (2, [7])
    assert percentiles({-1: 3}, [50]) == [None]


def filled(size: int) -> Store:
    """A file of ten days and of sessions of eight traces."""
    store = Store(":memory:")
    models = ("m1", "m2", "m3")
    store.insert(
        [
            row(
                n,
                trace_id=f"t{n}",
                session_id=f"s{n // 8}",
                timestamp=10 * DAY * n // size,
                model=models[n % 3],
                duration_ms=200 * (1 + n % 50),
            )
            for n in range(size)
        ]
    )
    return store


@pytest.fixture(scope="module")
def files() -> tuple[Store, Store]:
    return filled(1_000), filled(20_000)


def test_the_overview_reads_as_much_in_a_file_of_twenty_times_the_calls(
    files: tuple[Store, Store],
) -> None:
    def read(store: Store) -> None:
        usage.extent(store.select, usage.CURRENT, DAY)
        usage.read(store.select, usage.CURRENT, WHOLE)

    small, large = (steps(store, lambda store=store: read(store)) for store in files)
    assert large < 1.2 * small


def test_a_page_of_sessions_and_of_one_of_them_reads_as_much_in_a_large_file(
    files: tuple[Store, Store],
) -> None:
    def read(store: Store) -> None:
        tables = conversations.CURRENT
        page = conversations.sessions(store.select, tables, 50)
        key = (page.rows[-1]["last_started"], page.rows[-1]["seq"])
        conversations.sessions(store.select, tables, 50, older=key)
        for n in range(20):
            conversations.session(store.select, tables, f"s{n}")
            conversations.traces(store.select, tables, f"s{n}", 25)

    small, large = (steps(store, lambda store=store: read(store)) for store in files)
    assert large < 1.2 * small
