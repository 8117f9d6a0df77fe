"""A fleet on this machine: applications, an agent, two gateways, the development service."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import HOST, serving
from tests.collectors import Collector, free_port
from tests.conftest import KEY, ROOT

APPLICATIONS: Final = 8
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_LATEST_S: Final = 600.0
_IDLE_S: Final = 5.0


class CountingService:
    """The development service on a port that stays, with a count of the spans that reach it."""

    def __init__(self) -> None:
        self._app = create_app()
        self._port = free_port()
        self._running = contextlib.ExitStack()
        self.url = f"http://{HOST}:{self._port}"
        self.received = 0
        self.most = 0
        """The most spans of one request."""
        self.bytes = 0

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()

        async def watched() -> Any:
            event = await receive()
            body.extend(event.get("body", b""))
            return event

        await self._app(scope, watched, send)
        spans = body.count(b'"spanId"')
        self.received += spans
        self.bytes += len(body)
        self.most = max(self.most, spans)

    def start(self) -> None:
        """Listen."""
        self._running.enter_context(serving(self._serve, port=self._port))

    def stop(self) -> None:
        """Be away: nobody listens. What was stored stays."""
        logging.getLogger("uvicorn.error").disabled = True  # it is meant to cut requests off
        self._running.close()

    def stored(self) -> int:
        """Return how many spans it has; each is a trace."""
        answer = requests.get(
            f"{self.url}/v1/traces", {"limit": 1}, headers={"Authorization": f"Bearer {KEY}"}
        )
        return int(answer.json()["total"])


@dataclass
class Applications:
    """Processes that record at full speed, and what they counted."""

    processes: list[subprocess.Popen[str]]
    delivered: int = 0
    lost: int = 0
    cpu_s: float = 0.0

    @classmethod
    def start(cls, url: str, spans: int) -> Applications:
        """Start them; together they record `spans`."""
        script = str(ROOT / "scripts" / "collector_load.py")
        command = [sys.executable, script, url, str(spans // APPLICATIONS)]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        return cls(
            [
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
                for _ in range(APPLICATIONS)
            ]
        )

    def kill(self) -> None:
        """End those that still run."""
        for process in self.processes:
            process.kill()
            process.wait()

    def wait(self) -> None:
        """Wait for their ends, and add up what they say. Raises CalledProcessError."""
        for process in self.processes:
            said, _ = process.communicate(timeout=_LATEST_S)
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, process.args)
            counted = json.loads(said)
            self.delivered += counted["delivered"]
            self.lost += counted["lost"]
            self.cpu_s += counted["cpu_s"]


@dataclass
class Use:
    """What a process took until now."""

    cpu_s: float = 0.0
    peak_mib: float = 0.0

    @classmethod
    def of(cls, pid: int) -> Use:
        """Read it from the system."""
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
        peak = status.partition("VmHWM:")[2].split()[0]
        return cls((int(times[11]) + int(times[12])) / _TICKS, int(peak) / 1024)


@dataclass
class Fleet:
    """Two tiers of Collectors in a folder, and the service behind them."""

    folder: Path
    agent_queue: str = ""
    """The bytes that the agent keeps at most; the example's own figure if it is empty."""
    service: CountingService = field(default_factory=CountingService)

    def __post_init__(self) -> None:
        self.gateways = [
            Collector("gateway.yaml", self.folder / name, PULSE_API_URL=self.service.url)
            for name in ("gateway-1", "gateway-2")
        ]
        places = {f"PULSE_GATEWAY_{n}": one.grpc for n, one in enumerate(self.gateways, start=1)}
        if self.agent_queue:
            places["PULSE_QUEUE_BYTES"] = self.agent_queue
        self.agent = Collector("agent.yaml", self.folder / "agent", **places)
        self.collectors = [self.agent, *self.gateways]
        self._applications: list[Applications] = []

    def __enter__(self) -> Fleet:
        self.service.start()
        for collector in self.collectors:
            collector.start()
        return self

    def __exit__(self, *error: object) -> None:
        for applications in self._applications:
            applications.kill()
        for collector in self.collectors:
            collector.stop(signal.SIGKILL)
        self.service.stop()

    def record(self, spans: int) -> Applications:
        """Start applications that send to the agent; they end with the fleet at the latest."""
        self._applications.append(Applications.start(self.agent.url, spans))
        return self._applications[-1]

    def wait_for(self, spans: int) -> int:
        """Return what the service has, once it has `spans` or gets no more."""
        started = changed = time.monotonic()
        stored = -1
        while time.monotonic() - started < _LATEST_S:
            now = self.service.stored()
            if now >= spans:
                return now
            if now != stored:
                stored, changed = now, time.monotonic()
            # A back-off grows to 30 s: who is silent for longer has nothing more.
            if time.monotonic() - changed > 12 * _IDLE_S:
                break
            time.sleep(0.2)
        return self.service.stored()

    def waiting_bytes(self) -> int:
        """Return how large the queues of the gateways are on disk."""
        return sum(f.stat().st_size for f in self.folder.glob("gateway-*/queue/*") if f.is_file())
