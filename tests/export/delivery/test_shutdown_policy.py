"""The end of a process does not wait for what cannot come."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pulse_otel import PulseSpanExporter
from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.export.delivery import worker
from pulse_otel.export.delivery.backoff import Backoff
from pulse_otel.export.delivery.flush_policy import ShutdownPolicy
from pulse_otel.export.transport.outcome import Outcome, Verdict
from tests.conftest import KEY
from tests.export.sending import records, sending, until
from tests.export.spans import one
from tests.faults import FaultServer, answer, hang

HELD: dict[str, Any] = {"parent_span_id": "f" * 16}  # only a call with a parent is


def test_a_service_that_named_a_later_time_is_not_waited_for() -> None:
    with (
        FaultServer(then=answer(429, headers={"Retry-After": "600"})) as server,
        sending(server.url) as delivery,
    ):
        delivery.submit(records(3))
        started = time.monotonic()
        assert delivery.shutdown(30) is False
        assert time.monotonic() - started < 15
        assert delivery.snapshot().dropped == {"not sent before the end": 3}


def test_a_wrong_key_has_no_spool_for_a_remedy(caplog: pytest.LogCaptureFixture) -> None:
    """What waits on disk belongs to the key: the right one would not send it."""
    with FaultServer(then=answer(401)) as server:
        exporter = PulseSpanExporter(api_key=KEY, api_url=server.url)
        exporter.export([one("app", "chat m", {"gen_ai.operation.name": "chat"})])
        exporter.shutdown()

    (lost,) = [line for line in caplog.messages if "lost" in line]
    assert lost.startswith("pulse-otel: 1 span lost (1 not sent before the end): the service does")
    assert "(401): check api_key / PULSE_API_KEY" in lost
    assert "spool_dir" not in lost


def test_a_wrong_key_is_tried_twice_and_not_until_the_time_is_over() -> None:
    with FaultServer(then=answer(401)) as server, sending(server.url) as delivery:
        delivery.submit(records(3))
        started = time.monotonic()
        assert delivery.shutdown(30) is False
        assert time.monotonic() - started < 15
        assert len(server.received) == 2
        assert delivery.snapshot().dropped == {"not sent before the end": 3}


def test_a_key_that_was_wrong_for_long_is_tried_once_more() -> None:
    with FaultServer(then=answer(401)) as server, sending(server.url) as delivery:
        delivery.submit(records(3))
        assert until(lambda: delivery._sender.backoff.failures > 1)
        server.then = answer()
        assert delivery.shutdown(30) is True


def test_one_that_named_a_near_time_is_waited_for() -> None:
    with (
        FaultServer([answer(429, headers={"Retry-After": "1"})]) as server,
        sending(server.url) as delivery,
    ):
        delivery.submit(records(3))
        assert delivery.shutdown(30) is True


def test_with_all_on_disk_a_service_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    with FaultServer(then=hang()) as server, sending(server.url, spool_dir=tmp_path) as delivery:
        delivery.submit(records(3))
        assert until(lambda: server.received)
        started = time.monotonic()
        assert delivery.shutdown(30) is False
        assert time.monotonic() - started < 15
        assert delivery.snapshot().pending_on_disk == 3


def test_after_the_end_there_is_nothing_to_wait_for() -> None:
    with FaultServer() as server, sending(server.url) as delivery:
        assert delivery.shutdown(5) is True
        assert delivery.flush(0) is True
        assert delivery.shutdown(0) is True


def test_a_shutdown_that_another_one_keeps_waiting_does_not_say_that_all_arrived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "_CLOSING_S", 0.0)
    answers: list[bool] = []

    def handed_over() -> bool:
        with ThreadPoolExecutor(1) as pool:
            answers.append(pool.submit(delivery.shutdown, 0).result())
        return True

    with FaultServer() as server, sending(server.url) as delivery:
        assert delivery.shutdown(10, handed_over) is True

    assert answers == [False]


def test_with_all_on_disk_nobody_waits_for_the_end_of_a_pause() -> None:
    """Not even for the answer that a service may take its time for."""
    backoff = Backoff()
    policy = ShutdownPolicy(backoff, DeliveryStats, threading.Lock(), losing=False)
    assert policy.should_give_up(60) is False

    backoff.record_failure(Outcome(Verdict.RETRY, "the service answered 503"))

    assert policy.should_give_up(60) is True


def test_with_all_on_disk_one_that_answers_is_waited_for(tmp_path: Path) -> None:
    with (
        FaultServer(then=answer(after_s=0.6)) as server,
        sending(server.url, spool_dir=tmp_path, most=1) as delivery,
    ):
        delivery.submit(records(3))  # longer in all than what one of them is waited for
        assert delivery.shutdown(30) is True
        assert delivery.snapshot().delivered == 3


def test_while_a_flush_waits_no_call_is_held_for_a_second_recording(server: FaultServer) -> None:
    with sending(server.url, hold_s=60.0) as delivery:
        delivery.submit(records(3, **HELD, end_ns=time.time_ns()))
        assert delivery.flush(10) is True


def test_before_a_held_call_leaves_the_processors_hand_over_what_they_have(
    server: FaultServer,
) -> None:
    """The second recording of the call may be there."""
    collected: list[float] = []
    with sending(server.url, hold_s=0.05, collect=lambda: collected.append(0)) as delivery:
        delivery.submit(records(1, **HELD, end_ns=time.time_ns()))
        assert until(lambda: delivery.snapshot().delivered == 1)

    assert collected
