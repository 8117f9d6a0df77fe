"""With a spool: what waits is on disk first, and arrives whatever ends the process."""

from __future__ import annotations

import os
import threading
import time
import unittest.mock
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import pulse_otel
from pulse_otel import Provider, observe
from pulse_otel.export.delivery import backlog, backoff
from pulse_otel.export.records.record import Record
from pulse_otel.export.spool.spool import ADOPT_S, MAX_AGE_S, QUARANTINE, Spool
from pulse_otel.export.transport.outcome import Verdict
from tests.conftest import KEY, MESSAGES
from tests.export.faulty import FaultyService
from tests.export.sending import NAME, Watch, ids_of, records, sending, stored, until
from tests.export.spool.test_spool import Clock, files
from tests.faults import FaultServer, answer, hang, store_then_reset

REFUSED = "http://127.0.0.1:9"


def waiting(directory: Path) -> list[Path]:
    """Its files, but for what a kill tore while it was being written: that was not safe yet."""
    return [path for path in files(directory) if path.parent.name != QUARANTINE]


def recover(server: FaultServer, directory: Path, timeout_s: float = 30) -> Any:
    """What a later process does with `directory`: it sends all that is there."""
    # The leases of killed processes run out first; then the directory is searched again.
    with (
        unittest.mock.patch.object(backlog, "SEARCH_S", 0.3),
        sending(server.url, spool_dir=directory, lease_s=1.0) as delivery,
    ):
        # A listing may miss a file that is being renamed: three times nothing is nothing.
        until(lambda: not any(waiting(directory) for _ in range(3)), timeout_s)
        return delivery.snapshot()


@pytest.mark.row("P3")
def test_a_flush_returns_once_what_was_delivered_is_off_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a process that ends right after it (SIGTERM) leaves it to be sent once more."""
    may_delete, ack = threading.Event(), Spool.ack

    def late_ack(spool: Spool, file: str, **how: Any) -> None:
        may_delete.wait(20)
        ack(spool, file, **how)

    monkeypatch.setattr(Spool, "ack", late_ack)
    with FaultServer() as server, sending(server.url, spool_dir=tmp_path) as delivery:
        delivery.submit(records(5))
        assert until(lambda: server.stored)
        assert delivery.flush(0.3) is False
        may_delete.set()
        assert delivery.flush(20)
        assert files(tmp_path) == []
        assert delivery.snapshot().delivered == 5


def test_what_expired_on_disk_and_what_was_damaged_is_counted_by_who_finds_it(
    tmp_path: Path,
) -> None:
    clock = Clock()
    earlier = Spool(tmp_path, NAME, clock=clock, lease_s=1.0)
    clock.now = time.time() - MAX_AGE_S - 100
    earlier.put(records(3))
    clock.now = time.time() - 100
    torn = earlier.put(records(2, 10)) or ""
    path = next(path for path in files(tmp_path) if path.name == torn)
    path.write_bytes(path.read_bytes()[:-20])
    path.rename(path.with_name(torn.replace(f"-{os.getpid()}-", "-4194305-")))  # nobody's number

    with FaultServer() as server, sending(server.url, spool_dir=tmp_path) as delivery:
        delivery.submit(records(1, 20))
        assert delivery.flush(20)
        assert until(lambda: len(delivery.snapshot().inherited_dropped) == 2)
        assert until(lambda: delivery.snapshot().inherited_delivered)
        stats = delivery.snapshot()

    assert stats.inherited_dropped == {"expired on disk": 3, "damaged on disk": 1}
    assert stats.inherited_delivered == 1
    assert [path.parent.name for path in files(tmp_path)] == [QUARANTINE]


def test_other_processes_files_are_looked_for_now_and_then_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches, adopt = list[Spool](), Spool.adopt
    monkeypatch.setattr(Spool, "adopt", lambda spool: [searches.append(spool), adopt(spool)][1])
    with FaultServer() as server, sending(server.url, spool_dir=tmp_path) as delivery:
        for start in range(20):
            delivery.submit(records(1, start))
            assert delivery.flush(20)

    assert 1 <= len(searches) <= 3


@pytest.mark.row("P2")
def test_what_is_not_delivered_waits_for_the_next_process(tmp_path: Path) -> None:
    with sending(REFUSED, spool_dir=tmp_path) as delivery:
        delivery.submit(records(25))
        started = time.monotonic()
        assert delivery.shutdown(5) is False
        took = time.monotonic() - started
        first = delivery.snapshot()
    assert took < 3  # it does not wait for a service that is not there
    assert (first.pending_on_disk, first.in_queue, first.lost) == (25, 0, 0)
    assert first.unaccounted == 0

    with FaultServer() as server, sending(server.url, spool_dir=tmp_path) as delivery:
        assert until(lambda: delivery.snapshot().inherited_delivered == 25)
        assert delivery.snapshot().ended == 0

    assert set(stored(server.stored)) == ids_of(records(25))
    assert files(tmp_path) == []


@pytest.mark.row("S2")
def test_5000_that_wait_on_disk_are_delivered_in_few_requests(tmp_path: Path) -> None:
    with sending(REFUSED, spool_dir=tmp_path) as delivery:
        for start in range(0, 5000, 10):
            delivery.submit(records(10, start))
            if start % 100 == 0 and start < 3000:
                until(lambda: delivery.snapshot().in_queue == 0)
        delivery.shutdown(5)  # with much of it in the queue
        stats = delivery.snapshot()
        assert (stats.pending_on_disk, stats.in_queue, stats.unaccounted) == (5000, 0, 0)

    with FaultServer() as server, sending(server.url, spool_dir=tmp_path) as delivery:
        assert until(lambda: delivery.snapshot().inherited_delivered == 5000, 30)

    assert len(stored(server.stored)) == 5000
    assert len(server.received) < 60
    assert files(tmp_path) == []


@pytest.mark.row("P2")
def test_it_is_on_disk_while_the_service_hangs(tmp_path: Path) -> None:
    """The sender is in a request; what comes meanwhile does not wait for that in memory."""
    with FaultServer(then=hang()) as server, sending(server.url, spool_dir=tmp_path) as delivery:
        delivery.submit(records(1))
        assert until(lambda: server.received)
        for start in range(10, 200, 10):
            delivery.submit(records(10, start))

        assert until(lambda: delivery.snapshot().pending_on_disk == 191, 5)
        started = time.monotonic()
        delivery.shutdown(1)
        assert time.monotonic() - started < 2.5
        assert delivery.snapshot().pending_on_disk == 191
    assert not any(path.name.endswith(".lease") for path in files(tmp_path))


@pytest.mark.row("P5")
def test_in_a_burst_what_was_read_does_not_wait_for_the_rest(tmp_path: Path) -> None:
    pause_s = [0.005]

    def read(record: Record) -> Record:
        time.sleep(pause_s[0])
        return record

    with sending(REFUSED, spool_dir=tmp_path, read=read) as delivery:
        delivery.submit(records(400))

        assert until(lambda: delivery.snapshot().pending_on_disk)
        assert delivery.snapshot().in_queue > 200
        pause_s[0] = 0
        assert until(lambda: delivery.snapshot().pending_on_disk == 400)


@pytest.mark.row("N7")
def test_a_lost_answer_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with (
        FaultServer([store_then_reset(), store_then_reset()]) as server,
        sending(server.url, spool_dir=tmp_path) as delivery,
    ):
        delivery.submit(records(100))
        assert delivery.flush(20) is True
        stats = delivery.snapshot()

    assert set(stored(server.stored)) == ids_of(records(100))  # identified by their ids
    assert (stats.delivered, stats.pending_on_disk) == (100, 0)
    assert files(tmp_path) == []


def test_a_file_stays_until_the_last_of_its_spans_has_ended(tmp_path: Path) -> None:
    """A process that is killed amid it loses none of the others."""
    with (
        FaultServer([answer(200)], then=answer(503)) as server,
        sending(server.url, spool_dir=tmp_path, most=10) as delivery,
    ):
        delivery.submit(records(25))
        assert until(lambda: len(server.received) > 1)  # the first answer is settled by then

        assert delivery.snapshot().delivered == 10
        assert len(files(tmp_path)) == 1


def test_what_another_process_took_during_a_long_pause_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backoff.PAUSES, Verdict.RETRY, backoff.Pauses(20.0, 20.0))
    later = Spool(tmp_path, NAME, ours=set(), clock=lambda: time.time() + 2 * ADOPT_S)
    with FaultServer([answer(503)]) as server, sending(server.url, spool_dir=tmp_path) as delivery:
        delivery.submit(records(50))
        assert until(lambda: server.received)
        assert until(lambda: [path.suffix for path in files(tmp_path)] == [".spans"])
        taken = later.adopt()
        assert taken is not None
        assert len(taken.records) == 50
        later.ack(taken.file)

        delivery.submit(records(1, 100))
        delivery.flush(20)  # in a hurry, the pause is short
        stats = delivery.snapshot()

    assert stored(server.stored) == Counter(ids_of(records(1, 100)))
    assert (stats.delivered, stats.in_queue, stats.pending_on_disk, stats.lost) == (1, 0, 0, 0)
    assert stats.unaccounted == 0


@pytest.mark.row("S7")
def test_a_full_disk_is_replaced_by_memory(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("not a directory")
    with FaultServer([answer(503)]) as server, sending(server.url, spool_dir=tmp_path) as delivery:
        with Watch(delivery.snapshot) as watch:
            delivery.submit(records(50))
            assert delivery.flush(20) is True
        assert watch.wrong == []
        assert delivery.snapshot().delivered == 50

    assert len(stored(server.stored)) == 50


def test_a_batch_that_waits_is_narrowed_down_too(tmp_path: Path) -> None:
    """Poison in a file: the rest of it arrives, and the file goes."""
    from tests.export.delivery.test_poison import refusing

    bad = {records(64)[9].span_id}
    with sending(REFUSED, spool_dir=tmp_path) as delivery:
        delivery.submit(records(64))
        delivery.shutdown(2)
    script = refusing(bad, answer(400, b"{}"))
    with FaultServer(script) as server, sending(server.url, spool_dir=tmp_path) as delivery:
        assert until(lambda: delivery.snapshot().inherited_delivered == 63)
        assert until(lambda: delivery.snapshot().inherited_dropped and not files(tmp_path))
        stats = delivery.snapshot()

    assert set(stored(server.stored)) == ids_of(records(64)) - bad
    assert (stats.inherited_delivered, dict(stats.inherited_dropped)) == (63, {"rejected": 1})


@pytest.mark.row("S11")
def test_the_setting_and_what_is_in_the_files(
    faulty: FaultyService, openai_client: Any, tmp_path: Path
) -> None:
    """No key, no address, on disk; and the setting leads to delivery by a later pipeline."""
    directory = tmp_path / "made" / "for us"
    settings = {"api_key": KEY, "api_url": faulty.url, "spool_dir": str(directory)}
    pulse_otel.init_pulse(settings)
    faulty.answer = lambda number, spans: (503, b"{}", {})
    client = observe(openai_client, Provider.OPENAI)
    client.chat.completions.create(model="m", messages=MESSAGES)
    pulse_otel.shutdown(2)
    assert pulse_otel.stats().pending_on_disk == 1

    (file,) = (path for path in directory.rglob("*") if path.is_file())
    content = file.read_text()
    assert "Hello Pulse" in content
    for secret in (KEY, "Authorization", "Bearer", faulty.url, "sk-caller"):
        assert secret not in content
        assert secret not in str(file)

    faulty.answer = lambda number, spans: None
    pulse_otel.init_pulse(settings)
    assert until(lambda: len(faulty.accepted) == 1)
    assert until(lambda: pulse_otel.stats().inherited_delivered == 1)
    assert MAX_AGE_S == 48 * 3600
