"""Print what becomes of the calls that are recorded in the children of servers and pools.

Run it from the checkout:

    python scripts/servers.py                      # all, about half an hour
    python scripts/servers.py celery uwsgi         # rows whose name contains one of these texts
    python scripts/servers.py --folder F           # goes on where a run with F was stopped
    python scripts/servers.py --markdown           # writes docs/servers.md

Each row is run three times, with the calls recorded in three ways. The servers are the real ones,
in an environment that this makes in a temporary folder, or in F, which is kept. RQ needs the
program `redis-server`. Nothing is sent by the clock: what arrives was sent because a process
ended. Exits 1 if a record did not arrive exactly once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from environments import ROOT, make, pinned
from server_cases import CASES, Case
from server_page import WAYS, page, row

sys.path.insert(0, str(ROOT))

from pulse_otel.local.provider.server import ScriptedProvider
from tests.faults import FaultServer

PROGRAMS = ROOT / "scripts" / "server_programs"
PACKAGES = ("celery", "gunicorn", "gevent", "uvicorn", "uvicorn-worker", "hypercorn", "pyuwsgi")
PACKAGES += ("joblib", "loky", "rq", "redis", "huey", "opentelemetry-distro", "setproctitle")
MARK = re.compile(rb"call-[0-9a-f]{32}")
ENDS_S = 60.0


@dataclass(frozen=True)
class Outcome:
    """What became of the calls of one run."""

    due: int
    arrived: int
    repeated: int
    said: str

    @property
    def good(self) -> bool:
        """Whether each call arrived exactly once."""
        return self.due == self.arrived and self.due > 0 and not self.repeated

    def __str__(self) -> str:
        twice = f", {self.repeated} twice" if self.repeated else ""
        return f"{self.arrived} of {self.due}{twice}"


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Run:
    """One server, with the calls recorded in one way."""

    def __init__(self, case: Case, way: str, python: Path, provider: str, service: str) -> None:
        self._case, self._way, self._bin = case, way, python.parent
        self._folder = Path(tempfile.mkdtemp(prefix="servers-"))
        self._due, self._came = self._folder / "due", self._folder / "came"
        self._port, queue_port = free_port(), free_port()
        (self._folder / "control").mkdir()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL", "PULSE"))}
        self._environ = (
            inherited
            | dict(case.environ)
            | {
                "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(PROGRAMS),
                "PYTHONWARNINGS": "ignore",
                "RECORDED_BY": way,
                "DUE": str(self._due),
                "CAME": str(self._came),
                "QUEUE": str(self._folder),
                "QUEUE_PORT": str(queue_port),
                "OPENAI_API_KEY": "k",
                "OPENAI_BASE_URL": provider,
                "PULSE_API_KEY": "pulse_sk_servers",
                "PULSE_API_URL": service,
                "PULSE_PROTOCOL": "otlp",
                "PULSE_FLUSH_ON_SIGTERM": "1",
                "PULSE_FLUSH_INTERVAL": "60000",  # nothing is sent by the clock
                "OTEL_BSP_SCHEDULE_DELAY": "60000",
                "OTEL_TRACES_EXPORTER": "pulse",
            }
        )
        self._fill = {"{port}": str(self._port), "{redis}": f"redis://127.0.0.1:{queue_port}"}

    def outcome(self, service: FaultServer) -> Outcome:
        """Run it, end it, and count."""
        service.stored.clear()
        try:
            said = self._run()
            due = noted(self._due)
            came = noted(self._came)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        sent = (mark for one in service.stored for mark in marks_in(one.body))
        arrived = Counter(came if self._case.job else sent)
        twice = sum(1 for count in arrived.values() if count > 1)
        return Outcome(len(due), len(due & set(arrived)), twice, said)

    def _run(self) -> str:
        log = self._folder / "log"
        with contextlib.ExitStack() as stack:
            if self._case.fed_by == "rq_jobs.py":
                stack.enter_context(self._queue_server())
            if self._case.fed_by.endswith(".py"):
                self._queue_jobs()
            with log.open("w") as out:
                process = subprocess.Popen(
                    self._command(),
                    cwd=PROGRAMS,
                    env=self._environ,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            try:
                self._feed(process)
                process.wait(ENDS_S)
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                return f"{type(error).__name__}: {log.read_text()[-3000:]}"
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # the session that was begun for it
                process.wait()
        return log.read_text()[-3000:]

    def _command(self) -> list[str]:
        command = [self._filled(part) for part in self._case.command]
        command[0] = str(self._bin / command[0])
        return (
            [str(self._bin / "opentelemetry-instrument")] if self._way == "zero code" else []
        ) + command

    def _filled(self, part: str) -> str:
        for name, value in self._fill.items():
            part = part.replace(name, value)
        return part

    @contextlib.contextmanager
    def _queue_server(self) -> Iterator[None]:
        port = self._environ["QUEUE_PORT"]
        command = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", ""]
        server = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        try:
            wait_for_port(int(port))
            yield
        finally:
            server.kill()
            server.wait()

    def _queue_jobs(self) -> None:
        python, case = str(self._bin / "python"), self._case
        command = [python, case.fed_by, str(case.calls), case.job]
        environ = self._environ | {"RECORDED_BY": "nothing"}
        subprocess.run(command, cwd=PROGRAMS, env=environ, check=True, timeout=60)

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        if self._case.fed_by == "http":
            wait_for_port(self._port)
            for _ in range(self._case.calls):
                request(self._port)
        elif self._case.fed_by:
            deadline = time.monotonic() + ENDS_S
            while len(noted(self._due)) < self._case.calls:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise TimeoutError("not all jobs ran")
                time.sleep(0.1)
        if self._case.fed_by:
            process.terminate()


def noted(file: Path) -> set[str]:
    """Return the marks in a file that jobs write."""
    return set(file.read_text().split()) if file.exists() else set()


def marks_in(body: bytes) -> list[str]:
    """Return the mark of each span in a request."""
    spans = [
        span
        for group in json.loads(body)["resourceSpans"]
        for scope in group["scopeSpans"]
        for span in scope["spans"]
    ]
    found = [MARK.search(json.dumps(span).encode()) for span in spans]
    return [match[0].decode() for match in found if match]


def wait_for_port(port: int) -> None:
    """Wait until somebody listens on `port`. Raises TimeoutError."""
    deadline = time.monotonic() + ENDS_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on {port}")


def request(port: int) -> None:
    """Ask the server once, again while a worker is being replaced."""
    deadline = time.monotonic() + ENDS_S
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"http://127.0.0.1:{port}/", timeout=10).ok:
                return
        time.sleep(0.05)
    raise TimeoutError("no answer")


def measure(cases: list[Case], results: dict[str, list[str]], python: Path, save: Path) -> None:
    """Run `cases` in all ways; note each row in `results`, and in the file `save`."""
    with ScriptedProvider() as provider, FaultServer() as service:
        for case in cases:
            outcomes = []
            for way in WAYS:
                run = Run(case, way, python, provider.openai_url, service.url)
                outcomes.append(run.outcome(service))
                if not outcomes[-1].good:
                    print(f"{case.name}, {way}: {outcomes[-1].said}", file=sys.stderr)
            results[case.name] = [str(one) for one in outcomes]
            save.write_text(json.dumps(results, indent=1), encoding="utf-8")
            print(row(case, results), flush=True)


def environment(folder: Path) -> Path:
    """Make the environment in `folder` unless it is there; return its Python."""
    python = folder / "bin" / "python"
    wanted = ("-e", ".", "openai", *PACKAGES)
    return python if python.exists() else make(sys.executable, folder, wanted, pinned())


def main() -> int:
    """Run the cases, print the table; write the page if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of the names of rows")
    parser.add_argument("--folder", type=Path, help="keep environment and results here")
    parser.add_argument("--markdown", action="store_true", help="write docs/servers.md")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="servers-"))
        )
        folder.mkdir(exist_ok=True)
        save = folder / "results.json"
        results = json.loads(save.read_text(encoding="utf-8")) if save.exists() else {}
        names = [name.lower() for name in options.names]
        cases = [
            case
            for case in CASES
            if (any(name in case.name.lower() for name in names) if names else True)
            and (names or case.name not in results)
        ]
        measure(cases, results, environment(folder / "environment"), save)
    if options.markdown:
        (ROOT / "docs" / "servers.md").write_text(page(results), encoding="utf-8")
    wrong = [name for name, cells in results.items() if not all(map(once, cells))]
    print(f"not exactly once: {'; '.join(wrong) or 'none'}")
    return int(bool(wrong))


def once(cell: str) -> bool:
    """Whether a cell says that all arrived, each once."""
    arrived, _, due = cell.partition(" of ")
    return arrived == due != "0"


if __name__ == "__main__":
    sys.exit(main())
