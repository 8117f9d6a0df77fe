"""The OpenTelemetry Collector: where its program is, and a process that runs it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import requests
from typing_extensions import Self

from pulse_otel.local.serving import HOST
from tests.conftest import KEY, ROOT

SOURCE = ROOT / "tests" / "collector"
EXAMPLE = ROOT / "examples" / "collector"
NOT_BUILT = "no Collector is built; `PULSE_COLLECTOR=1 python scripts/collector.py build` builds it"
_MODULES = ("go.mod", "go.sum")
_START_TIMEOUT_S = 30.0
_DRAINED_TIMEOUT_S = 30.0
_END_TIMEOUT_S = 30.0


def program() -> Path:
    """Return where the Collector is, or is to be: PULSE_COLLECTOR_BINARY, or a place in the cache.

    That place has a hash of the source and of the modules' versions in its name.
    """
    given = os.environ.get("PULSE_COLLECTOR_BINARY")
    if given:
        return Path(given)
    digest = hashlib.sha256()
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix == ".go" or path.name in _MODULES:
            digest.update(f"{path.relative_to(SOURCE).as_posix()}\n".encode() + path.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "pulse-otel" / "collector" / digest.hexdigest()[:16] / "otelcol"


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


class Collector:
    """A Collector with a configuration of examples/collector, on ports of its own.

    `folder` keeps its queue and its log, also from one start to the next. Each of `settings`, such
    as ``exporters::otlp_http::timeout: 1s``, takes the place of one of the configuration.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *settings: str,
        **environ: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "log"
        self._ports = {"http": free_port(), "grpc": free_port(), "metrics": free_port()}
        metrics = f"{{host: {HOST}, port: {self._ports['metrics']}}}"
        readers = f"{{readers: [{{pull: {{exporter: {{prometheus: {metrics}}}}}}}]}}"
        config = [str(EXAMPLE / name)]
        config += [f"yaml:service: {{telemetry: {{metrics: {readers}}}}}"]
        config += [f"yaml:{setting}" for setting in settings]
        options = [f"--config={piece}" for piece in config]
        self._command = [str(program()), *options]
        # A Collector reads the public certificates at its start, and has to find them.
        inherited = {name: value for name, value in os.environ.items() if name != "SSL_CERT_DIR"}
        self._environ = inherited | {
            "PULSE_API_KEY": KEY,
            "PULSE_QUEUE_DIRECTORY": str(folder / "queue"),
            "OTLP_GRPC_ENDPOINT": self.grpc,
            "OTLP_HTTP_ENDPOINT": f"{HOST}:{self._ports['http']}",
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it takes OTLP/HTTP."""
        return f"http://{HOST}:{self._ports['http']}"

    @property
    def grpc(self) -> str:
        """Where it takes OTLP/gRPC: host and port."""
        return f"{HOST}:{self._ports['grpc']}"

    @property
    def pid(self) -> int:
        """Its process. Raises AssertionError if it does not run."""
        assert self._process
        return self._process.pid

    def wrap(self, *command: str) -> None:
        """Let this command run its own from now on."""
        self._command = [*command, *self._command]

    def log(self) -> str:
        """Everything that it logged, at all its starts."""
        return self._log.read_text()

    def counts(self) -> dict[str, float]:
        """Its metrics about spans, summed over their labels, by name."""
        answer = requests.get(f"http://{HOST}:{self._ports['metrics']}/metrics", timeout=10)
        found: dict[str, float] = {}
        for line in answer.text.splitlines():
            labelled, _, value = line.rpartition(" ")
            name = labelled.partition("{")[0]
            if name.startswith("otelcol_"):
                found[name] = found.get(name, 0) + float(value)
        return found

    def sent(self) -> int:
        """Return how many spans it sent, once it has sent all that it took and did not filter."""
        deadline = time.monotonic() + _DRAINED_TIMEOUT_S
        while True:
            found = self.counts()
            taken = found.get("otelcol_receiver_accepted_spans", 0)
            filtered = found.get("otelcol_processor_filter_spans_filtered", 0)
            sent = found.get("otelcol_exporter_sent_spans", 0)
            if sent == taken - filtered:
                return int(sent)
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environ, stdout=out, stderr=out
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            with (
                contextlib.suppress(OSError),
                socket.create_connection((HOST, self._ports["http"]), 1),
            ):
                return
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait for its end; nothing happens if it does not run."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop(signal.SIGKILL)
