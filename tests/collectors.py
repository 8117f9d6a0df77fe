"""The programs of examples/collector, run as its README says, but on free ports."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_otel.local.serving import HOST
from tests.conftest import KEY, ROOT

EXAMPLE = ROOT / "examples" / "collector"
STANDARD = "otelcol-contrib"
_START_TIMEOUT_S = 20.0
# rotel is linked with the shared library of the Python version that its wheel is for.
_LIBPYTHON = {"LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))}


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(text: str, log: Path) -> None:
    """Until `text` is in the log."""
    deadline = time.monotonic() + 15
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def rotel_agent() -> str:
    """rotel's program; the test is skipped where it does not run."""
    rotel = pytest.importorskip("rotel", reason="rotel has no wheel for this platform")
    agent = Path(rotel.__file__).with_name("rotel-agent")
    tried = subprocess.run(
        [agent, "--version"],
        env={**os.environ, **_LIBPYTHON},
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        pytest.skip(f"rotel does not run here: {tried.stderr.strip()}")
    return str(agent)


class Collectors:
    """Starts programs and ends them; their output is in `<name>.log` of a directory."""

    def __init__(self, logs: Path, running: contextlib.ExitStack) -> None:
        self._logs = logs
        self._running = running

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def rotel(self, agent: str, exporter_url: str) -> str:
        """rotel with the settings of rotel.env; returns where it takes OTLP/HTTP."""
        port = free_port()
        script = (
            "set -a; . examples/collector/rotel.env; "
            f"ROTEL_OTLP_GRPC_ENDPOINT={HOST}:{free_port()}; "
            f"ROTEL_OTLP_HTTP_ENDPOINT={HOST}:{port}; "
            f"ROTEL_OTLP_EXPORTER_ENDPOINT={exporter_url}; "
            f"ROTEL_OTLP_EXPORTER_RETRY_INITIAL_BACKOFF=200ms; exec {agent} start"
        )
        return self._start("rotel", port, "sh", "-c", script, PULSE_API_KEY=KEY, **_LIBPYTHON)

    def bridge(self, service_url: str) -> str:
        """The bridge towards a service; returns its address."""
        port = free_port()
        command = (sys.executable, str(EXAMPLE / "json_bridge.py"), str(port))
        return self._start("bridge", port, *command, PULSE_API_URL=service_url)

    def standard(self, service_url: str) -> str:
        """The standard collector; returns where it takes OTLP/HTTP."""
        port = free_port()
        return self._start(
            "otelcol",
            port,
            *(STANDARD, "--config", str(EXAMPLE / "otelcol.yaml")),
            PULSE_API_URL=service_url,
            PULSE_API_KEY=KEY,
            PULSE_QUEUE_DIRECTORY=str(self._logs / "queue"),
            OTLP_GRPC_ENDPOINT=f"{HOST}:{free_port()}",
            OTLP_HTTP_ENDPOINT=f"{HOST}:{port}",
        )

    def _start(self, name: str, port: int, *command: str, **environ: str) -> str:
        self._running.enter_context(_listening(self.log(name), port, *command, **environ))
        return f"http://{HOST}:{port}"


@contextlib.contextmanager
def _listening(log: Path, port: int, *command: str, **environ: str) -> Iterator[None]:
    """The program, from when it listens on `port`."""
    with log.open("w") as out:
        # A collector reads the public certificates at its start, and has to find them.
        inherited = {name: value for name, value in os.environ.items() if name != "SSL_CERT_DIR"}
        process = subprocess.Popen(
            command, cwd=ROOT, env={**inherited, **environ}, stdout=out, stderr=out
        )
        try:
            deadline = time.monotonic() + _START_TIMEOUT_S
            while True:
                with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
                    break
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
            yield
        finally:
            process.kill()  # its own shutdown waits for what it cannot deliver
            process.wait()
