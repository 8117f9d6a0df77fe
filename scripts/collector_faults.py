"""Faults of a fleet: what is lost, what is counted, and what each tier takes."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector_fleet import APPLICATIONS, Applications, Fleet, Use

from tests.collectors import Collector
from tests.faults import FaultServer, answer

SPANS: Final = 100_000
FEWER: Final = 20_000
FEW: Final = 800
_AWAY_S: Final = 60.0
_FULL_S: Final = 160.0
_MORE_ROOM: Final = "nsenter -U -m --preserve-credentials -t {} mount -o remount,size=512m {}"
_TMPFS: Final = 'mkdir -p "$0" && mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'


@dataclass(frozen=True)
class Result:
    """What became of the spans of one fault."""

    made: int
    stored: int
    received: int
    counted: int
    """Lost, as the applications and the Collectors count it."""
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing is lost but what is counted."""
        return self.made - self.stored == self.counted


@dataclass(frozen=True)
class Figures:
    """What the undisturbed run took."""

    spans: int
    seconds: float
    application_cpu_s: float
    agent: Use
    gateways: list[Use]
    sent_bytes: int
    most: int
    disk_bytes: int = 0
    """For each span that waits."""


def undisturbed(folder: Path, spans: int = SPANS) -> tuple[Result, Figures]:
    """Run all tiers at full speed."""
    with Fleet(folder) as fleet:
        idle = [Use.of(one.pid) for one in fleet.collectors]
        started = time.monotonic()
        applications = fleet.record(spans)
        applications.wait()
        stored = fleet.wait_for(spans - applications.lost)
        seconds = time.monotonic() - started
        used = [Use.of(one.pid) for one in fleet.collectors]
        for one, before in zip(used, idle, strict=True):
            one.cpu_s -= before.cpu_s
        service = fleet.service
        result = _result(fleet, spans, stored, applications, started)
    return result, Figures(
        spans, seconds, applications.cpu_s, used[0], used[1:], service.bytes, service.most
    )


def _result(
    fleet: Fleet, spans: int, stored: int, applications: Applications, started: float
) -> Result:
    seconds = time.monotonic() - started
    failed = sum(_failed(collector) for collector in fleet.collectors)
    counted = applications.lost + failed
    return Result(spans, stored, fleet.service.received, counted, seconds)


def _failed(collector: Collector) -> int:
    return int(collector.counts().get("otelcol_exporter_send_failed_spans", 0))


def _disturbed(fleet: Fleet, disturb: Callable[[], object], spans: int = FEWER) -> Result:
    """Run the applications, and `disturb` once the service has a part of what they send."""
    started = time.monotonic()
    applications = fleet.record(spans)
    while fleet.service.received < spans // 10:
        time.sleep(0.05)
    disturb()
    applications.wait()
    return _result(fleet, spans, fleet.wait_for(spans - applications.lost), applications, started)


def gateway_killed(folder: Path) -> Result:
    """Kill a gateway, and start it 10 s later."""
    with Fleet(folder) as fleet:

        def disturb() -> None:
            fleet.gateways[0].stop(signal.SIGKILL)
            time.sleep(10)
            fleet.gateways[0].start()

        return _disturbed(fleet, disturb)


def service_away(folder: Path) -> Result:
    """Stop the service for a minute."""
    with Fleet(folder) as fleet:

        def disturb() -> None:
            fleet.service.stop()
            time.sleep(_AWAY_S)
            fleet.service.start()

        return _disturbed(fleet, disturb)


def all_restarted(folder: Path) -> tuple[Result, int]:
    """Let all spans wait while the service is away; kill all Collectors, and start them again."""
    with Fleet(folder) as fleet:
        fleet.service.stop()
        started = time.monotonic()
        applications = fleet.record(FEWER)
        applications.wait()
        while fleet.agent.counts().get("otelcol_exporter_sent_spans", 0) < applications.delivered:
            time.sleep(0.1)  # the gateways have what the agent took
        disk = fleet.waiting_bytes() // FEWER
        for collector in fleet.collectors:
            collector.stop(signal.SIGKILL)
        for collector in fleet.collectors:
            collector.start()
        fleet.service.start()
        stored = fleet.wait_for(FEWER - applications.lost)
        return _result(fleet, FEWER, stored, applications, started), disk


def absent_at_start(folder: Path) -> Result:
    """Start the applications first, and the agent 5 s later."""
    with Fleet(folder) as fleet:
        fleet.agent.stop()
        started = time.monotonic()
        applications = fleet.record(FEWER)
        time.sleep(5)
        fleet.agent.start()
        applications.wait()
        stored = fleet.wait_for(FEWER - applications.lost)
        return _result(fleet, FEWER, stored, applications, started)


def lacks_tmpfs() -> str | None:
    """Say why a disk of 1 MiB cannot be had here; None if it can."""
    tried = subprocess.run(
        ["unshare", "-rm", "sh", "-c", _TMPFS, "/tmp", "true"], capture_output=True, text=True
    )
    return (tried.stderr.strip() or "unshare failed") if tried.returncode else None


def _start_gateways_when_full(fleet: Fleet) -> None:
    """Wait until the agent takes no more, and start the gateways."""
    while not fleet.agent.counts().get("otelcol_exporter_enqueue_failed_spans"):
        time.sleep(0.1)
    for gateway in fleet.gateways:
        gateway.start()


def disk_full(folder: Path) -> Result:
    """Give the agent a disk of 1 MiB that fills, and more room after some minutes."""
    with Fleet(folder) as fleet:
        for collector in fleet.collectors:
            collector.stop()
        queue = str(folder / "agent" / "queue")
        fleet.agent.wrap("unshare", "-rm", "sh", "-c", _TMPFS, queue)
        fleet.agent.start()  # without gateways: nothing leaves it
        started = time.monotonic()
        applications = fleet.record(FEWER)
        _start_gateways_when_full(fleet)
        time.sleep(_FULL_S)
        subprocess.run(_MORE_ROOM.format(fleet.agent.pid, queue).split(), check=True)
        applications.wait()
        stored = fleet.wait_for(FEWER - applications.lost)
        return _result(fleet, FEWER, stored, applications, started)


def queue_full(folder: Path) -> Result:
    """Let the agent keep 1 MiB, on a disk that has room, and start the gateways when it is full."""
    with Fleet(folder, agent_queue=str(1 << 20)) as fleet:
        for gateway in fleet.gateways:
            gateway.stop()
        started = time.monotonic()
        applications = fleet.record(FEWER)
        _start_gateways_when_full(fleet)
        applications.wait()
        stored = fleet.wait_for(FEWER - applications.lost)
        return _result(fleet, FEWER, stored, applications, started)


def refused(folder: Path, status: int) -> Result:
    """Let the service answer everything with `status`."""
    with FaultServer(then=answer(status)) as server:
        gateway = Collector("gateway.yaml", folder, PULSE_API_URL=server.url)
        with gateway:
            started = time.monotonic()
            applications = Applications.start(gateway.url, FEW)
            applications.wait()
            while (failed := _failed(gateway)) < applications.delivered:
                time.sleep(0.1)
            received = sum(request.body.count(b'"spanId"') for request in server.received)
    return Result(FEW, 0, received, applications.lost + failed, time.monotonic() - started)


def rows(folder: Path) -> tuple[list[tuple[str, Result | str]], Figures]:
    """Run all faults; a text says why one was not run."""
    load, figures = undisturbed(folder / "load")
    restarted, disk = all_restarted(folder / "restarted")
    lacking = lacks_tmpfs()
    faults: dict[str, Callable[[], Result | str]] = {
        "none: all at full speed": lambda: load,
        "a gateway is killed, and started 10 s later": lambda: gateway_killed(folder / "killed"),
        f"the service is away for {_AWAY_S:.0f} s": lambda: service_away(folder / "away"),
        f"all Collectors are killed while {FEWER:,} spans wait, and started again": lambda: (
            restarted
        ),
        "the agent's disk (1 MiB) is full for three minutes": lambda: (
            lacking or disk_full(folder / "full")
        ),
        "the agent's queue (1 MiB) is full, its disk is not": lambda: queue_full(folder / "queue"),
        "the agent starts 5 s after the applications": lambda: absent_at_start(folder / "absent"),
        "the service answers 500": lambda: refused(folder / "500", 500),
        "the service answers 401: the key is wrong": lambda: refused(folder / "401", 401),
    }
    found: list[tuple[str, Result | str]] = []
    for fault, run in faults.items():
        found.append((fault, run()))
        print(*found[-1], sep=": ", file=sys.stderr, flush=True)
    return found, dataclasses.replace(figures, disk_bytes=disk)


def fault_table(found: Sequence[tuple[str, Result | str]]) -> list[str]:
    """Return the table of faults."""
    lines = ["| fault | made | stored | lost | of it counted | sent more than once | took |"]
    lines.append("|---|---|---|---|---|---|---|")
    for fault, result in found:
        if isinstance(result, str):
            lines.append(f"| {fault} | not run: {result} | | | | | |")
            continue
        cells = [result.made, result.stored, result.made - result.stored, result.counted]
        cells += [result.received - result.stored if result.stored else 0]
        shown = " | ".join(f"{cell:,}" for cell in cells)
        lines.append(f"| {fault} | {shown} | {result.seconds:.0f} s |")
    return lines


def cost_table(found: Figures) -> list[str]:
    """Return what each tier took in the undisturbed run."""
    lines = ["| | CPU per 1,000 spans | peak memory |", "|---|---|---|"]
    per = 1000 / found.spans
    lines.append(
        f"| {APPLICATIONS} applications | {found.application_cpu_s * per * 1000:.0f} ms | |"
    )
    lines.append(
        f"| agent | {found.agent.cpu_s * per * 1000:.0f} ms | {found.agent.peak_mib:.0f} MiB |"
    )
    cpu = sum(one.cpu_s for one in found.gateways) * per * 1000
    peaks = " and ".join(f"{one.peak_mib:.0f}" for one in found.gateways)
    lines.append(f"| both gateways | {cpu:.0f} ms | {peaks} MiB |")
    rate, size = found.spans / found.seconds, found.sent_bytes / found.spans
    lines += ["", f"{rate:,.0f} spans a second arrived, with all tiers and the service on "]
    lines[-1] += (
        f"{os.cpu_count()} cores; {size:,.0f} bytes each, at most {found.most} in a request."
    )
    lines[-1] += f" A span that waits takes {found.disk_bytes:,} bytes of disk."
    return lines
