"""Clocks that step, stand still or differ, and leases whose holders are slow or dead."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests

from pulse_otel.export.delivery.backoff import Backoff
from pulse_otel.export.payloads import otlp
from pulse_otel.export.spool import spool as spools
from pulse_otel.export.spool.spool import Spool
from pulse_otel.export.transport.outcome import Outcome, Verdict, retry_after_s
from tests.conftest import KEY, Service
from tests.export.sending import NAME, ids_of, records, sending, stored, until
from tests.export.spool.test_spool import Clock, files, ids
from tests.faults import FaultServer, answer

YEARS = 10 * 365 * 86400.0
_real = time.time


def steps(by_s: float) -> Callable[[], float]:
    """A clock that is set by so much, once, after its third reading."""
    seen = [0]

    def now() -> float:
        seen[0] += 1
        return _real() + (by_s if seen[0] > 3 else 0.0)

    return now


def frozen() -> float:
    return 1_795_406_400.0


CLOCKS: dict[str, Callable[[], float]] = {
    "+1 h": steps(3600),
    "-1 h": steps(-3600),
    "+10 years": steps(YEARS),
    "-10 years": steps(-YEARS),
    "frozen": frozen,
}


@pytest.mark.row("T1")
@pytest.mark.parametrize("disk", [False, True])
@pytest.mark.parametrize("name", CLOCKS)
def test_the_wall_clock_changes_amid_retries(
    name: str, disk: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts keep to the monotonic clock, and no span expires that is not old."""
    monkeypatch.setattr(time, "time", CLOCKS[name])
    clocked = type("Clocked", (Spool,), {"__init__": _with_clock(CLOCKS[name])})
    monkeypatch.setattr("tests.export.sending.Spool", clocked)
    monkeypatch.setattr(spools, "MAX_AGE_S", YEARS)
    with (
        FaultServer([answer(503)]) as server,
        sending(server.url, spool_dir=tmp_path if disk else None) as delivery,
    ):
        started = time.monotonic()
        delivery.submit(records(5))
        assert until(lambda: delivery._sender.backoff.open or delivery.snapshot().delivered)
        delivery.submit(records(5, 10))
        assert delivery.flush(20) is True
        took = time.monotonic() - started
        stats = delivery.snapshot()

    assert set(stored(server.stored)) == ids_of(records(5) + records(5, 10))
    assert (stats.delivered, stats.lost, stats.unaccounted) == (10, 0, 0)
    assert len(server.received) <= 3 + took * 5


def _with_clock(clock: Callable[[], float]) -> Any:
    def init(self: Spool, *args: Any, **settings: Any) -> None:
        Spool.__init__(self, *args, clock=clock, max_age_s=2 * YEARS, **settings)

    return init


@pytest.mark.row("T2")
def test_the_monotonic_clock_jumps_over_a_pause() -> None:
    """As after a suspend on systems whose clock runs on: what waited is tried at once."""
    clock = Clock()
    backoff = Backoff(clock)
    backoff.record_failure(Outcome(Verdict.RETRY, retry_after_s=600.0))
    assert backoff.pause_s() >= 600
    clock.now += 8 * 3600

    assert backoff.pause_s() == 0
    assert backoff.open


@pytest.mark.row("T3")
@pytest.mark.parametrize("skew_s", [-3600, 3600])
def test_the_clock_of_the_service_differs(skew_s: int) -> None:
    wait = retry_after_s(formatdate(time.time() + skew_s + 5, usegmt=True))

    assert (wait or 0) <= 600
    assert (wait is None) == (skew_s < 0)


@pytest.mark.row("S4")
def test_the_holder_of_a_lease_is_killed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NAME)
    file = spool.put(records(3))
    spool.leave(file or "")
    child = os.fork()
    if not child:
        Spool(tmp_path, NAME, ours=set()).lease(file or "")
        signal.pause()
        os._exit(0)
    assert until(lambda: any(path.name.endswith(".lease") for path in files(tmp_path)))
    assert Spool(tmp_path, NAME, ours=set()).adopt() is None  # it lives, and has a minute

    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    taken = Spool(tmp_path, NAME, ours=set()).adopt()

    assert taken is not None
    assert ids(taken) == [record.span_id for record in records(3)]


@pytest.mark.row("S5")
def test_a_holder_that_is_slower_than_its_lease_stores_nothing_twice(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulse_otel.export.spool.files.alive", lambda pid: True)
    clock = Clock()
    slow, other = (Spool(tmp_path, NAME, clock=clock, ours=set()) for _ in range(2))
    held = slow.lease(slow.put(records(5, 1)) or "")
    clock.now += 61
    taken = other.adopt()
    assert held is not None
    assert taken is not None
    for leased, holder in ((taken, other), (held, slow)):
        body = otlp.body([otlp.encode(record) for record in leased.records])
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        assert requests.post(f"{service.url}/v1/traces", body, headers=headers, timeout=9).ok
        holder.ack(leased.file)

    (trace,) = service.traces(1)
    assert trace["spanCount"] == 5
    assert files(tmp_path) == []


def _bytes_in(directory: Path) -> int:
    total = 0
    for path in files(directory):
        with contextlib.suppress(FileNotFoundError):  # renamed or sent meanwhile
            total += path.stat().st_size
    return total


@pytest.mark.row("S8", "S9")
@pytest.mark.parametrize("why", ["spool full", "expired on disk"])
def test_what_the_spool_lets_go_of_is_in_the_accounts(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "_LISTED_FOR_S", 0.0)
    bound: dict[str, Any] = {"max_bytes": 6000} if why == "spool full" else {"max_age_s": 0.2}
    bounded = type("Bounded", (Spool,), {"__init__": _bounded(bound)})
    monkeypatch.setattr("tests.export.sending.Spool", bounded)
    largest = 0
    with (
        FaultServer(then=answer(503)) as server,
        sending(server.url, spool_dir=tmp_path) as delivery,
    ):
        for start in range(0, 200, 10):
            delivery.submit(records(10, start))
            assert until(lambda: delivery.snapshot().in_queue <= 10)
            largest = max(largest, _bytes_in(tmp_path))
            time.sleep(0.02)
        stats = delivery.snapshot()
        server.then = answer()
        delivery.flush(20)
        after = delivery.snapshot()

    assert stats.dropped.keys() == {why}
    assert stats.unaccounted == after.unaccounted == 0
    assert after.delivered + after.lost == 200
    assert len(stored(server.stored)) == after.delivered
    if why == "spool full":
        assert largest <= 6000 + 4000  # ten of them are some 3 kB


def _bounded(bound: dict[str, Any]) -> Any:
    def init(self: Spool, *args: Any, **settings: Any) -> None:
        Spool.__init__(self, *args, **bound, **settings)

    return init
