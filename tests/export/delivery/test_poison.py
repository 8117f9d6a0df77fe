"""Records that the service refuses, fails at or finds too large: each costs itself at most."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_otel.export.payloads import otlp
from pulse_otel.export.records.record import Record
from tests.export.sending import ids_in, ids_of, records, sending, stored, until
from tests.faults import Action, Exchange, FaultServer, Request, answer, early

ALL = 512


def refusing(bad: set[str], refusal: Action) -> Callable[[int, Request], Action]:
    """A service that answers so to each request with one of `bad` in it."""

    def do(exchange: Exchange) -> bool | None:
        if bad & set(ids_in(exchange.request)):
            return refusal.do(exchange)
        exchange.server.stored.append(exchange.request)
        return answer().do(exchange)

    return lambda number, request: Action(do)


def send(script: Any, sent: list[Record], timeout_s: float = 30) -> tuple[Any, Any, bool]:
    """Submit and flush; nothing is answered before the flush waits, which says what was lost."""

    def answered(number: int, request: Request) -> Action:
        assert until(lambda: delivery.expedite.on)
        action: Action = script(number, request)
        return action

    with FaultServer(answered) as server, sending(server.url) as delivery:
        delivery.submit(sent)
        done = delivery.flush(timeout_s)
        return server, delivery.snapshot(), done


@pytest.mark.row("H6")
@pytest.mark.parametrize("at", [0, 255, 256, 511])
def test_one_in_512_is_found_in_21_requests(at: int) -> None:
    sent = records(ALL)
    bad = {sent[at].span_id}

    server, stats, _ = send(refusing(bad, answer(400, b'{"error":"x"}')), sent)

    assert set(stored(server.stored)) == ids_of(sent) - bad
    assert len(server.received) <= 21
    assert (stats.delivered, dict(stats.dropped)) == (511, {"rejected": 1})


@pytest.mark.row("H6")
@given(st.sets(st.integers(0, ALL - 1), min_size=3, max_size=3))
@settings(max_examples=5, deadline=None)
def test_three_in_512_are_found_in_60_requests(places: set[int]) -> None:
    sent = records(ALL)
    bad = {sent[place].span_id for place in places}

    server, stats, _ = send(refusing(bad, answer(400, b"{}")), sent)

    assert set(stored(server.stored)) == ids_of(sent) - bad
    assert len(server.received) <= 60
    assert stats.dropped == {"rejected": 3}


@pytest.mark.row("H6")
def test_when_all_are_bad_it_comes_to_an_end() -> None:
    sent = records(ALL)

    server, stats, done = send(refusing(ids_of(sent), answer(400, b"{}")), sent)

    assert done is False
    assert len(server.received) <= 64 * 3  # for each of the first batches, which are small
    assert stats.dropped == {"rejected": ALL}


def test_a_record_that_the_service_fails_at_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A 500 says nothing of who is to blame; that others are accepted meanwhile does."""
    from pulse_otel.export.delivery import backoff

    monkeypatch.setattr(backoff, "HURRIED_S", 0.01)
    first, later = records(32), records(64, 1000)
    bad = {first[5].span_id}

    with (
        FaultServer(refusing(bad, answer(500, b'{"error":"x"}'))) as server,
        sending(server.url) as delivery,
    ):
        delivery.submit(first)
        delivery.flush(0.5)
        delivery.submit(later)
        delivery.flush(20)
        stats = delivery.snapshot()

    assert set(stored(server.stored)) == (ids_of(first) | ids_of(later)) - bad
    assert stats.dropped == {"the service fails at it": 1}


@pytest.mark.row("H9")
@pytest.mark.parametrize("limit", [1_000_000, 100_000, 10_000])
@pytest.mark.parametrize("refusal", [answer(413, b""), early(413)], ids=["answer", "early"])
def test_too_large_requests_are_split(limit: int, refusal: Action) -> None:
    """A proxy before the service that takes no larger body; twice the best number is allowed."""
    sent = records(1000, output_text="x" * 1500)
    total = len(otlp.body([encoded for record in sent if (encoded := otlp.encode(record))]))

    server, stats, done = send(
        lambda number, request: (
            refusal if int(request.headers["content-length"]) > limit else answer()
        ),
        sent,
    )

    assert done is True
    assert (stats.delivered, stats.lost) == (1000, 0)
    assert set(stored(server.stored)) == ids_of(sent)
    best = math.ceil(total / limit)
    assert len(server.stored) <= 2 * best
    # An early answer may be lost as the connection is reset: then it is asked again.
    assert server.connections <= 4 * best + 20
    if refusal.at_request is False:
        assert len(server.received) <= 2 * best


@pytest.mark.row("H9")
def test_a_single_one_that_is_too_large_arrives_without_its_content() -> None:
    sent = records(20)
    giant = records(1, 77, output_text="y" * 60_000, response={"text": "z" * 60_000})

    server, stats, done = send(
        lambda number, request: (
            answer(413) if int(request.headers["content-length"]) > 20_000 else answer()
        ),
        sent + giant,
    )

    assert done is True
    assert stats.delivered == 21
    texts = [request.body.decode() for request in server.stored]
    (holder,) = (text for text in texts if giant[0].span_id in text)
    assert "pulse.truncated" in holder
    assert "yyyy" in holder
    assert holder.count("pulse.truncated") == 1  # on no other one


@pytest.mark.row("H9")
def test_not_even_the_bare_record_is_taken() -> None:
    server, stats, done = send(lambda number, request: answer(413), records(1))

    assert done is False
    assert stats.dropped == {"too large": 1}
    assert len(server.received) <= 6


@pytest.mark.row("E5")
@pytest.mark.usefixtures("not_strict")
def test_what_cannot_be_written_is_sent_without_its_content() -> None:
    class Hostile(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("a hostile value")

    sent = records(511)
    sent += records(1, 9999, attributes=Hostile(a=1))

    server, stats, done = send(lambda number, request: answer(), sent)

    assert done is True
    assert stats.delivered == 512
    assert set(stored(server.stored)) == ids_of(sent)


@pytest.mark.row("E6")
def test_a_span_of_100_mb_costs_no_other_one() -> None:
    sent = records(100) + records(1, 500, output_text="x" * 100_000_000)
    started = time.monotonic()

    server, stats, done = send(lambda number, request: answer(), sent)

    assert done is True
    assert stats.delivered == 101
    assert sum(len(request.body) for request in server.received) < 1_000_000
    assert time.monotonic() - started < 20
    assert json.loads(server.stored[0].body)
