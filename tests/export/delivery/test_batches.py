"""The worker on its own: what one outcome after the other does to the batches and the accounts."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import pytest

from pulse_otel.export.accounts.ledger import SpanGroup
from pulse_otel.export.accounts.span_ends import End, SpanEnd
from pulse_otel.export.delivery import backoff
from pulse_otel.export.delivery.batch import Entry
from pulse_otel.export.delivery.batches import Batches
from pulse_otel.export.delivery.worker import Delivery, Steps
from pulse_otel.export.payloads.form import Encoded, Form
from pulse_otel.export.records.record import Kind, Record
from pulse_otel.export.transport.outcome import Outcome, Verdict

NAMES = Form(
    name="test",
    path="/",
    max_records=1000,
    max_body_bytes=65_000,
    encode=lambda record: Encoded(record.name.encode()),
    body=lambda batch: b"",
)


def _record(name: object, kind: Kind = "llm_call") -> Record:
    return Record(
        kind=kind, trace_id="1", span_id="1", parent_span_id=None, start_ns=0, end_ns=0,
        name=str(name),
    )  # fmt: skip


def _delivery(post: Callable[[list[int], float], Outcome]) -> Delivery:
    """Takes numbers."""
    return Delivery(
        Steps(
            size=lambda item: 1,
            read=_record,
            form=lambda deadline: NAMES,
            post=lambda form, batch, deadline: post([int(one.json) for one in batch], deadline),
            attempt_s=1.0,
        )
    )


def test_a_passing_fault_in_the_middle_of_a_split_loses_nothing() -> None:
    """Span 13 is poison, and posts 2, 5 and 7 meet a fault that passes."""
    posts: list[Any] = []
    accepted: list[int] = []

    def post(batch: Any, deadline: float) -> Outcome:
        posts.append(batch)
        if len(posts) in (2, 5, 7):
            return Outcome(Verdict.RETRY, "passing")
        if 13 in batch:
            return Outcome(Verdict.REJECTED, "poison")
        accepted.extend(batch)
        return Outcome(Verdict.DELIVERED)

    delivery = _delivery(post)
    delivery.submit(list(range(40)))

    assert delivery.flush(10) is False  # one is lost, and the flush says so
    assert sorted(accepted) == [n for n in range(40) if n != 13]
    assert (delivery.stats.ended, delivery.stats.delivered) == (40, 39)
    assert dict(delivery.stats.dropped) == {"rejected": 1}


def test_where_nothing_else_comes_a_record_that_the_service_fails_at_is_found_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(backoff.PAUSES, Verdict.RETRY, backoff.Pauses(0.0001, 0.0001))
    accepted: list[int] = []

    def post(batch: Any, deadline: float) -> Outcome:
        if 13 in batch:
            return Outcome(Verdict.RETRY, "the service answered 500", status=500)
        accepted.extend(batch)
        return Outcome(Verdict.DELIVERED)

    delivery = _delivery(post)
    delivery.submit(list(range(40)))

    delivery.flush(20)
    assert sorted(accepted) == [n for n in range(40) if n != 13]


def test_what_waits_is_written_anew_when_the_service_turns_out_to_take_another_form() -> None:
    forms = [NAMES, NAMES._replace(name="another")]
    accepted: list[int] = []

    def post(form: Form, batch: Any, deadline: float) -> Outcome:
        if form is NAMES:
            del forms[:1]
            return Outcome(Verdict.RETRY, "passing")
        accepted.extend(int(one.json) for one in batch)
        return Outcome(Verdict.DELIVERED)

    delivery: Delivery = Delivery(
        Steps(
            size=lambda item: 1,
            read=_record,
            form=lambda deadline: forms[0],
            post=post,
            attempt_s=1.0,
        )
    )
    delivery.submit([1, 2, 3])

    assert delivery.flush(10) is True
    assert accepted == [1, 2, 3]


def test_an_outage_after_a_split_costs_none_of_the_parts() -> None:
    """What others were accepted before the split blames the whole batch, not a part of it."""
    ended = Counter[SpanEnd]()
    group = SpanGroup(8, 8)
    ready = deque(Entry(_record(n), group) for n in range(8))
    batches = Batches(lambda: False, lambda _, end, count: ended.update({end: count}), ready)

    def attempt(fails: Callable[[list[str]], bool]) -> list[str]:
        batch = batches.next(NAMES)
        assert batch is not None
        names = [entry.record.name for entry in batch.entries]
        if fails(names):
            batches.failed(batch, Outcome(Verdict.RETRY, "the service answered 500", status=500))
        else:
            batches.conclude(batch, Outcome(Verdict.DELIVERED), 0.1)
        return names

    while attempt(lambda names: "0" in names) != ["0", "1"]:
        pass
    for _ in range(60):
        attempt(lambda names: True)
    while len(batches):
        attempt(lambda names: False)

    assert ended == {End.DELIVERED: 8}


@pytest.mark.row("H2")
@pytest.mark.parametrize("refused", [50, -3])
def test_a_senseless_partial_success_keeps_the_accounts_right(refused: int) -> None:
    delivery = _delivery(lambda batch, deadline: Outcome(Verdict.DELIVERED, refused=refused))
    delivery.submit([1, 2])

    delivery.flush(5)

    stats = delivery.stats
    assert stats.delivered >= 0
    assert stats.delivered + stats.lost == stats.ended == 2


def test_what_is_under_way_at_shutdown_is_counted_once() -> None:
    released = threading.Event()

    def post(batch: Any, deadline: float) -> Outcome:
        released.wait(5)
        return Outcome(Verdict.DELIVERED)

    delivery = _delivery(post)
    delivery.submit([1, 2, 3])

    assert delivery.shutdown(0.2) is False
    released.set()
    time.sleep(0.1)  # the answer comes after all

    assert delivery.stats.delivered + delivery.stats.lost == 3
    assert (delivery.snapshot().in_queue, delivery.snapshot().unaccounted) == (0, 0)


def test_a_time_of_413s_leaves_no_request_with_a_single_record() -> None:
    """A proxy that was misconfigured for a while."""
    verdict = Verdict.TOO_LARGE
    posts: list[int] = []

    def post(batch: list[int], deadline: float) -> Outcome:
        posts.append(len(batch))
        return Outcome(verdict)

    delivery = _delivery(post)
    delivery.submit(list(range(20)))
    delivery.flush(10)
    assert delivery.stats.dropped == {"too large": 20}
    verdict = Verdict.DELIVERED
    posts.clear()
    delivery.submit(list(range(2000)))

    assert delivery.flush(10) is True
    assert len(posts) < 10


@pytest.mark.usefixtures("not_strict")
def test_a_bug_of_ours_ends_neither_the_worker_nor_the_caller() -> None:
    posts: list[Any] = []

    def post(batch: Any, deadline: float) -> Outcome:
        posts.append(batch)
        if len(posts) == 1:
            raise RuntimeError("a bug")
        return Outcome(Verdict.DELIVERED)

    delivery = _delivery(post)
    delivery.submit([1])

    assert delivery.flush(10) is True
    assert delivery.stats.delivered == 1
