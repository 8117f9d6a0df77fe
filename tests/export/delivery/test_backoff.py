"""When the service is asked again: ever more rarely, never before it asked to be, never at once."""

from __future__ import annotations

import itertools
import time

import pytest

from pulse_otel.export.delivery.backoff import HURRIED_S, Backoff
from pulse_otel.export.transport.outcome import Outcome, Verdict
from tests.export.sending import ids_of, records, sending, stored, until
from tests.faults import FaultServer, answer, hang


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def pauses(verdict: Verdict, count: int) -> list[float]:
    backoff, found = Backoff(Clock()), []
    for _ in range(count):
        backoff.record_failure(Outcome(verdict))
        found.append(backoff.pause_s())
    return found


@pytest.mark.parametrize(
    ("verdict", "first", "longest"),
    [(Verdict.RETRY, 0.5, 20.0), (Verdict.TOO_SLOW, 0.5, 20.0), (Verdict.PAUSED, 1.0, 30.0)],
)
def test_pauses_double_up_to_a_bound(verdict: Verdict, first: float, longest: float) -> None:
    found = pauses(verdict, 2000)

    assert first / 2 <= found[0] <= first
    assert all(later <= 4 * earlier for earlier, later in itertools.pairwise(found))
    assert longest / 2 <= min(found[10:])
    assert max(found) <= longest


def test_pauses_are_jittered() -> None:
    """A fleet of senders does not come back at one moment."""
    assert len({pauses(Verdict.RETRY, 8)[-1] for _ in range(50)}) == 50


def test_a_success_closes_it() -> None:
    backoff = Backoff(Clock())
    backoff.record_failure(Outcome(Verdict.RETRY))
    assert backoff.open
    backoff.record_success()
    assert not backoff.open
    assert backoff.pause_s() == 0


@pytest.mark.row("H10")
def test_only_a_pause_of_our_own_is_shortened_for_a_flush() -> None:
    backoff = Backoff(Clock())
    for _ in range(10):
        backoff.record_failure(Outcome(Verdict.RETRY))
    assert backoff.pause_s() > 5
    assert backoff.pause_s(expedited=True) == pytest.approx(HURRIED_S)
    backoff.record_failure(Outcome(Verdict.RETRY, retry_after_s=300.0))
    assert 300 <= backoff.pause_s(expedited=True) <= 330
    backoff.record_failure(Outcome(Verdict.RETRY, retry_after_s=600.0))
    assert backoff.pause_s() == 600


def test_a_flush_does_not_hurry_what_needs_somebody() -> None:
    """A program that flushes at each of its requests, with a wrong key."""
    backoff = Backoff(clock := Clock())
    asked_at: list[float] = []
    while clock.now < 160:
        if not backoff.pause_s(expedited=True):
            backoff.record_failure(Outcome(Verdict.PAUSED))
            asked_at.append(clock.now)
        clock.now += 0.05

    assert 50 <= len(asked_at) <= 70
    assert min(later - one for one, later in itertools.pairwise(asked_at[1:])) > 0.95


def test_what_the_service_asks_for_holds_whatever_its_answer() -> None:
    backoff = Backoff(clock := Clock())
    for _ in range(10):
        backoff.record_failure(Outcome(Verdict.PAUSED, retry_after_s=5.0))
    assert backoff.pause_s() >= 15  # our own is longer
    assert 5 <= backoff.pause_s(expedited=True) <= 5.5
    backoff.record_success(retry_after_s=20.0)
    assert not backoff.open
    assert 20 <= backoff.pause_s(expedited=True) <= 22
    clock.now += 22
    assert backoff.pause_s() == 0


def test_an_answer_ends_what_an_earlier_one_asked_for() -> None:
    backoff = Backoff(Clock())
    backoff.record_failure(Outcome(Verdict.RETRY, retry_after_s=300.0))

    backoff.record_success()

    assert backoff.pause_s() == 0


@pytest.mark.row("U3")
def test_a_dead_service_costs_next_to_nothing() -> None:
    """One request, and from then on memory alone, until the pause is over."""
    with FaultServer(then=answer(503)) as server, sending(server.url) as delivery:
        delivery.submit(records(1))
        assert until(lambda: server.received)
        cpu = time.process_time()
        started = time.monotonic()
        for start in range(10_000):
            delivery.submit(records(1, start))
        cpu, took = time.process_time() - cpu, time.monotonic() - started

        assert len(server.received) <= 2 + took * 3
        assert cpu / 10_000 < 0.001
        server.then = answer()
        assert delivery.flush(20) is True

    assert ids_of(records(10_000)) <= set(stored(server.stored))


def test_a_service_that_hangs_holds_up_one_request_at_a_time() -> None:
    with FaultServer([hang()]) as server, sending(server.url, attempt_s=1.0) as delivery:
        started = time.monotonic()
        delivery.submit(records(5))
        assert time.monotonic() - started < 0.5
        assert delivery.flush(20) is True
        stats = delivery.snapshot()

    assert (stats.delivered, stats.lost) == (5, 0)
    assert set(stored(server.stored)) == ids_of(records(5))
