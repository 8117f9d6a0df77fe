"""Requests whose deadline passes: the next are smaller, and what has no answer is unconfirmed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from pulse_otel import PulseSpanExporter
from pulse_otel.export.delivery import backoff
from pulse_otel.export.transport.outcome import Outcome, Verdict
from tests.conftest import KEY
from tests.export.sending import ids_in, ids_of, records, sending, stored, until
from tests.export.spans import one
from tests.faults import Action, FaultServer, Request, answer, hang

LATE = Outcome(Verdict.TOO_SLOW, "late", unconfirmed=True)
TAKEN = Outcome(Verdict.DELIVERED)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backoff.PAUSES, Verdict.TOO_SLOW, backoff.Pauses(0.0001, 0.0001))


@pytest.mark.row("N13")
@pytest.mark.usefixtures("no_pauses")
def test_all_arrive_at_a_service_that_has_time_for_one_record_only() -> None:
    sizes: list[int] = []

    def post(form: Any, batch: Any, deadline: float) -> Outcome:
        sizes.append(len(batch))
        return TAKEN if len(batch) == 1 else LATE

    with sending("http://127.0.0.1:9", post=post) as delivery:
        delivery.submit(records(200))
        assert delivery.flush(20) is True
        assert (delivery.snapshot().delivered, delivery.snapshot().lost) == (200, 0)

    late = sum(size > 1 for size in sizes)
    assert late <= 20  # a larger one is tried now and then


@pytest.mark.row("N13")
@pytest.mark.usefixtures("no_pauses")
def test_requests_grow_back_after_a_time_without_answers() -> None:
    sizes: list[int] = []
    answers = False

    def post(form: Any, batch: Any, deadline: float) -> Outcome:
        sizes.append(len(batch))
        return TAKEN if answers else LATE

    with sending("http://127.0.0.1:9", post=post) as delivery:
        delivery.submit(records(2000))
        assert until(lambda: 1 in sizes)
        answers = True
        assert delivery.flush(20) is True
        sizes.clear()
        delivery.submit(records(1000, 5000))
        assert delivery.flush(20) is True
        assert delivery.snapshot().delivered == 3000

    assert max(sizes) > 100
    assert len(sizes) < 10


@pytest.mark.row("N13")
@pytest.mark.usefixtures("no_pauses")
def test_a_record_that_never_has_an_answer_holds_nothing_up() -> None:
    """It is given up as unconfirmed, once others were accepted again and again."""
    sent = records(100)
    bad = sent[30].span_id

    def post(form: Any, batch: Any, deadline: float) -> Outcome:
        return LATE if any(bad.encode() in one.json for one in batch) else TAKEN

    with sending("http://127.0.0.1:9", post=post) as delivery:
        delivery.submit(sent)
        assert until(lambda: delivery.snapshot().delivered == 99)
        start = 1000
        while not delivery.snapshot().dropped:
            delivery.submit(records(1, start))
            delivery.flush(0.2)
            start += 1
        stats = delivery.snapshot()

    assert stats.dropped == {"unconfirmed": 1}
    assert stats.unaccounted == 0


@pytest.mark.row("N13")
@pytest.mark.usefixtures("no_pauses")
def test_a_record_too_large_for_the_link_arrives_with_less_content() -> None:
    taken: list[str] = []

    def post(form: Any, batch: Any, deadline: float) -> Outcome:
        if sum(len(one.json) for one in batch) > 500_000:
            return LATE
        taken.extend(one.json.decode() for one in batch)
        return TAKEN

    with sending("http://127.0.0.1:9", post=post) as delivery:
        giant = records(1, metadata={str(n): "x" * 8000 for n in range(200)})
        delivery.submit([*giant, *records(5, 100)])
        start = 1000
        while giant[0].span_id not in "".join(taken) and start < 1100:
            delivery.submit(records(1, start))
            delivery.flush(0.5)
            start += 1
        assert delivery.snapshot().lost == 0

    (text,) = [text for text in taken if giant[0].span_id in text]
    assert "pulse.truncated" in text


@pytest.mark.row("N13")
def test_what_was_sent_and_not_answered_is_unconfirmed_and_the_rest_unsent() -> None:
    with FaultServer(then=hang()) as server, sending(server.url) as delivery:
        delivery.submit(records(1000))
        assert until(lambda: server.received)
        assert delivery.shutdown(0.2) is False
        stats = delivery.snapshot()
        sent = len(ids_in(server.received[0]))

    assert stats.dropped == {"unconfirmed": sent, "not sent before the end": 1000 - sent}
    assert (stats.ended, stats.unaccounted) == (1000, 0)


def test_what_waits_on_disk_is_neither_unconfirmed_nor_lost(tmp_path: Path) -> None:
    with FaultServer(then=hang()) as server, sending(server.url, spool_dir=tmp_path) as delivery:
        delivery.submit(records(20))
        assert until(lambda: server.received)
        delivery.shutdown(0.2)
        stats = delivery.snapshot()

    assert (stats.pending_on_disk, stats.lost, stats.unaccounted) == (20, 0, 0)


def test_a_service_that_cannot_be_reached_leaves_nothing_unconfirmed() -> None:
    with sending("http://127.0.0.1:9") as delivery:
        delivery.submit(records(3))
        delivery.shutdown(0.5)
        assert delivery.snapshot().dropped == {"not sent before the end": 3}


def test_the_last_line_names_the_unconfirmed_the_address_and_the_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with FaultServer(then=hang()) as server:
        exporter = PulseSpanExporter(api_key=KEY, api_url=server.url, protocol="otlp")
        exporter.export([one("app", "chat m", {"gen_ai.operation.name": "chat"})])
        assert until(lambda: server.received)
        exporter.shutdown(500)

    (line,) = [line for line in caplog.messages if "lost" in line]
    assert line == (
        "pulse-otel: 1 span lost (1 unconfirmed): the service does not answer in time"
        f" [{server.url}]; what is unconfirmed may have been stored"
    )


def _warned(caplog: pytest.LogCaptureFixture, url: str) -> str:
    """The warnings, but for another address: an earlier test's exporter may notice its end here."""
    lines = [line.message for line in caplog.records if line.levelno == logging.WARNING]
    return "\n".join(line for line in lines if "http://" not in line or url in line)


def test_a_413_that_is_handled_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """One that is too large even alone and without its content is."""
    caplog.set_level(logging.DEBUG)

    def script(number: int, request: Request) -> Action:
        return answer(413 if int(request.headers["content-length"]) > limit else 200)

    limit = 3000
    with FaultServer(script) as server, sending(server.url) as delivery:
        delivery.submit(records(4, output_text="x" * 5000))
        assert delivery.flush(20) is True
        assert set(stored(server.stored)) == ids_of(records(4))
        handled = [record for record in caplog.records if "too large (413)" in record.message]
        assert {record.levelno for record in handled} == {logging.DEBUG}

        limit = 0
        delivery.submit(records(1, 100))
        assert until(lambda: delivery.snapshot().dropped == {"too large": 1})
        # It is logged just after it is counted.
        assert until(lambda: "too large (413)" in _warned(caplog, server.url))
    assert _warned(caplog, server.url) == "pulse-otel: the request is too large (413)"


@pytest.mark.row("H7")
@pytest.mark.parametrize("status", [401, 403, 404])
def test_one_record_asks_whether_somebody_has_mended_it(status: int) -> None:
    down = True

    def script(number: int, request: Request) -> Action:
        return answer(status if down else 200)

    with FaultServer(script) as server, sending(server.url) as delivery:
        delivery.submit(records(500))
        assert until(lambda: len(server.received) == 3)
        down = False
        assert delivery.flush(20) is True
        counts = [len(ids_in(request)) for request in server.received]
        assert delivery.snapshot().delivered == 500

    assert counts[0] > 1
    assert counts[1:4] == [1, 1, 1]
    assert len(counts) < 12
