"""Server errors: those of an outage, and those that one record is to blame for."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

import pytest

from pulse_otel.export.delivery import backoff as backoff
from pulse_otel.export.delivery.worker import Delivery
from pulse_otel.export.transport.outcome import Outcome, Verdict
from tests.export.delivery.test_batches import _delivery
from tests.export.sending import until

FAILS = Outcome(Verdict.RETRY, "fails", status=503)
TAKEN = Outcome(Verdict.DELIVERED)

Post = Callable[[list[int], float], Outcome]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backoff.PAUSES, Verdict.RETRY, backoff.Pauses(0.0001, 0.0001))


@pytest.fixture
def deliver() -> Iterator[Callable[[Post], Delivery]]:
    made: list[Delivery] = []

    def make(post: Post) -> Delivery:
        made.append(_delivery(post))
        return made[-1]

    yield make
    for delivery in made:
        delivery.shutdown(0)


@pytest.mark.parametrize("first", [1, 1000])
def test_a_long_outage_takes_little_out_of_the_queue(
    first: int, deliver: Callable[[Post], Delivery]
) -> None:
    """What left the queue is not bounded by it any more; it must stay little by itself."""
    posts: list[list[int]] = []
    outage, under_way = True, [0]

    def post(batch: list[int], deadline: float) -> Outcome:
        posts.append(batch)
        under_way.append(len(delivery._batches))
        return FAILS if outage else TAKEN

    delivery = deliver(post)
    delivery.submit(list(range(first)))
    assert until(lambda: len(posts) > 2)
    delivery.submit(list(range(first, 5000)))
    assert until(lambda: len(posts) > 150)
    # Two batches, the parts of one, and what was read by then of the next.
    assert max(under_way) <= 3 * 1000 + 256
    outage = False

    assert delivery.flush(20) is True
    assert (delivery.stats.delivered, delivery.stats.lost) == (5000, 0)


@pytest.mark.parametrize("poison", [range(1), range(1000), range(0, 2000, 20)], ids=len)
def test_what_the_service_fails_at_costs_itself_only(
    poison: range, deliver: Callable[[Post], Delivery]
) -> None:
    """One record, a whole batch, and every twentieth."""
    taken: set[int] = set()

    def post(batch: list[int], deadline: float) -> Outcome:
        if any(n in poison for n in batch):
            return FAILS
        taken.update(batch)
        return TAKEN

    delivery = deliver(post)
    delivery.submit(list(range(2500)))
    good = set(range(2500)) - set(poison)

    assert until(lambda: taken == good)
    later = itertools.count(2500)  # that the service takes these shows what is to blame
    while delivery.stats.lost < len(poison):
        delivery.submit([number := next(later)])
        assert until(lambda number=number: number in taken)
        assert number < 3500
    assert delivery.stats.dropped == {"the service fails at it": len(poison)}
    assert delivery.snapshot().unaccounted == 0


def test_those_behind_it_are_sent_after_three_attempts(
    deliver: Callable[[Post], Delivery],
) -> None:
    posts: list[list[int]] = []

    def post(batch: list[int], deadline: float) -> Outcome:
        posts.append(batch)
        return FAILS if 0 in batch else TAKEN

    delivery = deliver(post)
    delivery.submit([0])
    assert until(lambda: posts)
    delivery.submit([1, 2])

    assert until(lambda: delivery.stats.delivered == 2)
    assert len([batch for batch in posts[: posts.index([1, 2])] if batch == [0]]) >= 3


def test_413_with_a_retry_after_is_halved_and_waits(
    deliver: Callable[[Post], Delivery],
) -> None:
    times: list[float] = []

    def post(batch: list[int], deadline: float) -> Outcome:
        times.append(time.monotonic())
        return TAKEN if len(batch) == 1 else Outcome(Verdict.TOO_LARGE, retry_after_s=0.3)

    delivery = deliver(post)
    delivery.submit([1, 2])
    assert delivery.flush(20) is True
    assert len(times) == 3
    assert times[1] - times[0] >= 0.3
