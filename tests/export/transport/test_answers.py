"""What each answer of a service does to the spans: a table, run against a real server."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest

from pulse_otel.export.delivery import backoff
from pulse_otel.export.delivery.request_size import MAX_REQUEST_BYTES
from tests.conftest import KEY
from tests.export.sending import ids_in, ids_of, records, sending, stored
from tests.faults import Action, FaultServer, answer, redirect, short_body

PARTIAL = {"rejectedSpans": 2, "errorMessage": "no"}
HINT = {"rejectedSpans": 0, "errorMessage": "a hint"}


def partial(found: dict[str, Any]) -> Action:
    return answer(200, json.dumps({"partialSuccess": found}).encode())


def page(status: int) -> Action:
    return answer(status, b"<html>", content_type="text/html")


# What the service says first (a success follows), and what is delivered of 5 spans after it.
CASES = [
    *[pytest.param(answer(200, body), 5, 1, marks=pytest.mark.row("H1")) for body in (b"{}", b"")],
    *[pytest.param(answer(status), 5, 1, marks=pytest.mark.row("H1")) for status in (202, 204)],
    pytest.param(partial(PARTIAL), 3, 1, marks=pytest.mark.row("H2")),
    pytest.param(partial(HINT), 5, 1, marks=pytest.mark.row("H3")),
    *[
        pytest.param(action, 5, 2, marks=pytest.mark.row("H4"))
        for action in (answer(200, b'{"part'), answer(200, b"{"), short_body())
    ],
    # Where somebody has to change something, one record asks before the others are sent.
    *[pytest.param(action, 5, 3, marks=pytest.mark.row("H4")) for action in (page(200),)],
    *[
        pytest.param(redirect(status, "/elsewhere"), 5, 3, marks=pytest.mark.row("H5"))
        for status in (301, 302, 303, 304, 307, 308)
    ],
    *[
        pytest.param(answer(status), 5, 3, marks=pytest.mark.row("H7"))
        for status in (401, 403, 404)
    ],
    *[
        pytest.param(answer(status), 5, 2, marks=pytest.mark.row("H8"))
        for status in (408, 425, 500, 502, 503, 504, *range(520, 530))
    ],
]


@pytest.fixture(autouse=True)
def expedited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "HURRIED_S", 0.01)


@pytest.mark.parametrize(("action", "delivered", "requests"), CASES)
def test_answer(action: Action, delivered: int, requests: int) -> None:
    with FaultServer([action]) as server, sending(server.url) as delivery:
        delivery.submit(records(5))
        delivery.flush(10)
        stats = delivery.snapshot()

    assert (stats.delivered, stats.lost, stats.unaccounted) == (delivered, 5 - delivered, 0)
    assert len(server.received) == requests
    assert len(ids_in(server.received[-1])) == (4 if requests == 3 else 5)
    assert set(stored(server.stored)) == ids_of(records(5))


PAST, SOON, LATE = -3600.0, 2.0, 3600.0


def date(ahead_s: float) -> str:
    return formatdate(time.time() + ahead_s, usegmt=True)


NEVER = 9.0  # not in this test


# What is asked for, and how long nothing may come.
WAITS: list[tuple[str, float]] = [
    *[(text, 0.0) for text in ("0", "-1", "abc", "1e309", "Wed, 41 Foo 2015", date(PAST))],
    *[("1", 1.0), ("30", NEVER), ("3600", NEVER), (date(LATE), NEVER)],
]


@pytest.mark.row("H10")
@pytest.mark.row("T3")
def test_no_request_before_the_time_that_the_service_asked_for() -> None:
    """All at once, each with a flush that waits; and none is asked to wait too long."""

    def times(status: int, text: str, least: float) -> list[float]:
        found: list[float] = []

        def script(number: int, request: Any) -> Action:
            found.append(time.monotonic())
            asked = date(SOON) if text == "soon" else text
            return answer(status, headers={"Retry-After": asked}) if number == 1 else answer()

        with FaultServer(script) as server, sending(server.url) as delivery:
            delivery.submit(records(3))
            assert delivery.flush(10 if least < NEVER else 1.2) is (least < NEVER)
            assert delivery._sender.backoff.pause_s(expedited=True) <= 600
            assert delivery.snapshot().lost == 0
        return [later - found[0] for later in found[1:]]

    asked = [(status, *wait) for status in (429, 503) for wait in WAITS]
    asked += [(503, "soon", SOON - 1)]  # a date has whole seconds
    with ThreadPoolExecutor(len(asked)) as pool:
        waited = list(pool.map(times, *zip(*asked, strict=True)))

    for (_, text, least), found in zip(asked, waited, strict=True):
        assert all(after >= least for after in found), text
        assert len(found) == (least < NEVER), text


@pytest.mark.row("H11")
def test_no_request_is_larger_than_the_service_takes() -> None:
    sent = records(100, output_text="x" * 60_000) + records(1500, 1000)

    with FaultServer() as server, sending(server.url) as delivery:
        delivery.submit(sent)
        assert delivery.flush(20) is True

    assert set(stored(server.stored)) == ids_of(sent)
    assert max(len(request.body) for request in server.received) <= MAX_REQUEST_BYTES + 2000
    assert max(len(ids_in(request)) for request in server.received) == 1000


@pytest.mark.row("K1", "U4")
def test_what_a_service_says_is_masked_and_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = [
        partial({"rejectedSpans": 1, "errorMessage": f"no {number} for Bearer {KEY}0123456789"})
        for number in range(4)
    ]
    with FaultServer(found) as server, sending(server.url) as delivery:
        for number in range(4):
            delivery.submit(records(1, number))
            delivery.flush(10)

    (line,) = caplog.messages
    assert "the service refused 1 span (no 0 for [masked])" in line
