"""The worker's threads: one of each, whatever happens to them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from pulse_otel.export.delivery import threads as workers
from tests.export.sending import ids_of, records, sending, stored, until
from tests.faults import FaultServer


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("pulse-otel-run")]


def test_a_thread_that_cannot_be_started_is_not_started_for_each_span(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        if thread.name.startswith("pulse-otel"):
            started.append(thread.name)
            if len(started) == 2:
                raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(workers, "_START_AGAIN_S", 0.2)
    monkeypatch.setattr(threading.Thread, "start", limited)
    before = len(running())
    with FaultServer() as server, sending(server.url, spool_dir=tmp_path) as delivery:
        for number in range(50):
            delivery.submit(records(1, number))
        assert len(started) <= 3
        assert until(lambda: not delivery.submit(records(1)) and len(started) == 3)
        assert len(running()) <= before + 2
        assert delivery.flush(10) is True

    assert ids_of(records(50)) <= set(stored(server.stored))
    assert len(set(started)) == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_died_is_replaced() -> None:
    with FaultServer() as server, sending(server.url) as delivery:
        delivery.submit(records(1))
        assert delivery.flush(10) is True
        delivery._step, kept = exits, delivery._step  # type: ignore[method-assign]
        delivery.submit(records(1, 1))
        assert until(lambda: not delivery._threads.alive())
        delivery._step = kept  # type: ignore[method-assign]
        delivery.submit(records(1, 2))
        assert until(lambda: len(server.received) == 2)

    assert set(stored(server.stored)) == ids_of(records(3))


def exits(deadline: float) -> Any:
    raise SystemExit
