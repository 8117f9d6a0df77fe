"""How large the next request may be, after each thing that a request can meet."""

from __future__ import annotations

import pytest

from pulse_otel.export.delivery.request_size import (
    MAX_REQUEST_BYTES,
    MOST_TIME,
    RequestSize,
    time_factor,
)

QUICK, SLOW = 0.0, 1.0  # parts of an attempt's time


def grown() -> RequestSize:
    """After answers from a service that is quick."""
    size = RequestSize()
    while size.limit < MAX_REQUEST_BYTES:
        size.answered(size.limit, QUICK)
    return size


def test_a_size_that_was_refused_is_tried_again_later() -> None:
    size = grown()
    for refused in (1 << 20, 1 << 19, 1):
        size.too_large(refused)
    assert size.limit == 4096

    for _ in range(15):
        size.answered(3000, QUICK)
    for _ in range(100):
        size.answered(300, QUICK)
    assert size.limit == 4096
    size.answered(3000, QUICK)
    assert size.limit == 8192
    for _ in range(500):
        size.answered(MAX_REQUEST_BYTES, QUICK)
    assert size.limit == MAX_REQUEST_BYTES


def test_the_first_requests_are_small_and_a_quick_service_gets_large_ones_soon() -> None:
    size, requests = RequestSize(), 0
    assert size.limit <= 8192
    while size.limit < MAX_REQUEST_BYTES:
        size.answered(size.limit, QUICK)
        requests += 1
    assert requests <= 4


def test_a_deadline_makes_requests_smaller_without_an_end_and_answers_larger() -> None:
    size = grown()
    limits: list[int] = []
    while size.limit > 0:
        size.too_slow(size.limit)
        limits.append(size.limit)
    assert limits == sorted(limits, reverse=True)
    assert len(limits) < 10

    size.answered(700, QUICK)  # a single record
    assert size.limit == 5600


def test_a_size_that_was_late_while_smaller_ones_were_answered_is_tried_rarely() -> None:
    """As where large packets get lost."""
    size, late = RequestSize(), 0
    for _ in range(200):
        if size.limit > 2000:
            size.too_slow(size.limit)
            late += 1
        else:
            size.answered(max(size.limit, 700), QUICK)
    assert late < 20


def test_a_time_without_any_answer_is_no_such_bound() -> None:
    size = grown()
    for _ in range(8):
        size.too_slow(max(size.limit, 700))
    for _ in range(5):
        size.answered(max(size.limit, 700), QUICK)
    assert size.limit == MAX_REQUEST_BYTES // 2


@pytest.mark.parametrize("rate", [1e3, 50e3, 400e3])
def test_requests_come_to_need_a_part_of_the_time(rate: float) -> None:
    """Of an attempt of 10 s, over a link of so many bytes per second."""
    size = RequestSize()
    for _ in range(20):
        taken_s = size.limit / rate
        if taken_s > 10:
            size.too_slow(size.limit)
        else:
            size.answered(size.limit, taken_s / 10)
    assert 1 < size.limit / rate <= 10
    assert rate < 10e3 or size.limit / rate <= 5


def test_a_request_fits_the_time_that_is_left() -> None:
    size = RequestSize()
    size.answered(8000, 0.3)

    assert size.within(1.0) == size.within(0.3) == size.limit
    assert size.within(0.15) == size.limit // 2
    assert size.within(-1.0) == 0


def test_only_a_large_record_gets_more_time() -> None:
    assert time_factor(65_000) == 1
    assert 1 < time_factor(1_000_000) < time_factor(1_400_000)
    assert time_factor(1 << 30) == MOST_TIME
