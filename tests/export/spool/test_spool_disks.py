"""Disks that are full, read-only, forbidden or broken: memory does for them until they are back."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_otel.export.delivery import backlog
from pulse_otel.export.spool import spool
from tests.conftest import ROOT
from tests.export.sending import NAME, Watch, ids_of, records, sending, stored, until
from tests.export.spool.test_spool import files
from tests.faults import FaultServer, answer

pytestmark = pytest.mark.row("S7")


@contextlib.contextmanager
def forbidden(directory: Path) -> Iterator[None]:
    """EACCES: the mode forbids it; root, whom no mode stops, becomes another user meanwhile."""
    if os.geteuid() == 0:
        directory.parent.chmod(0o700)
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        (directory / NAME).chmod(0o500)
        yield
        (directory / NAME).chmod(0o700)


@contextlib.contextmanager
def broken(directory: Path) -> Iterator[None]:
    """EIO, which no disk gives when asked: the one place that writes is told so."""
    write = os.write
    ours = str(directory)

    def fail(descriptor: int, data: Any) -> int:
        if os.readlink(f"/proc/self/fd/{descriptor}").startswith(ours):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return write(descriptor, data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "write", fail)
        yield


@contextlib.contextmanager
def gone(directory: Path) -> Iterator[None]:
    """The directory is deleted, and its place taken."""
    shutil.rmtree(directory / NAME)
    (directory / NAME).write_text("in the way")
    yield
    (directory / NAME).unlink()


def told(caplog: pytest.LogCaptureFixture) -> int:
    return sum("cannot be used" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("fault", [forbidden, broken, gone], ids=lambda fault: fault.__name__)
def test_memory_does_until_the_disk_is_back(
    fault: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(spool, "_REFUSED_FOR_S", 0.0)
    monkeypatch.setattr(backlog, "SEARCH_S", 0.1)
    directory = tmp_path / "spool"
    with (
        FaultServer(then=answer(503)) as server,
        sending(server.url, spool_dir=directory) as delivery,
        Watch(delivery.snapshot) as watch,
        caplog.at_level(logging.WARNING, "pulse_otel"),
    ):
        delivery.submit(records(5))
        assert until(lambda: delivery.snapshot().pending_on_disk == 5)
        with fault(directory):
            for start in range(10, 60, 10):
                delivery.submit(records(10, start))
            assert until(lambda: told(caplog))
            assert until(lambda: len(delivery._queue) == 0)
        delivery.submit(records(10, 60))
        assert until(lambda: len(files(directory)) >= 1)
        assert until(lambda: delivery.snapshot().pending_on_disk >= 10)  # it is used again
        server.then = answer()
        # What was deleted on disk, and not read yet, is nobody's to send. What could not be
        # opened is found again by the next search.
        safe = records(50, 10) + records(10, 60) + (records(5) if fault is not gone else [])
        assert until(lambda: ids_of(safe) <= set(stored(server.stored)))
        delivery.flush(20)
        stats = delivery.snapshot()

    assert watch.wrong == []
    assert told(caplog) == 1
    assert stats.lost == 0
    assert stats.unaccounted == 0


def test_a_directory_that_cannot_be_made_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()

    assert spool.Spool(tmp_path / "file", NAME).put(records(1)) is None

    assert told(caplog) == 1


MOUNTED = """
import subprocess, sys
from pathlib import Path
from tests.export.sending import records, sending, stored, until
from tests.faults import FaultServer, answer
from pulse_otel.export.spool import spool

fault, directory = sys.argv[1], Path(sys.argv[2])
def mount(*options):
    subprocess.run(["mount", *options, str(directory)], check=True)

mount("-t", "tmpfs", "-o", "size=64k", "none")
spool._REFUSED_FOR_S = 0.0
with FaultServer(then=answer(503)) as server, sending(server.url, spool_dir=directory) as delivery:
    delivery.submit(records(5))
    assert until(lambda: delivery.snapshot().pending_on_disk == 5)
    if fault == "EROFS":
        mount("-o", "remount,ro")
    else:
        (directory / "other").write_bytes(b"x" * 200)
        try:
            with (directory / "filled").open("wb", buffering=0) as filling:
                while True:
                    filling.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == 28, error
    for start in range(10, 60, 10):
        delivery.submit(records(10, start))
    assert until(lambda: delivery.snapshot().in_queue >= 50)
    if fault == "EROFS":
        mount("-o", "remount,rw")
    else:
        (directory / "filled").unlink()
    delivery.submit(records(10, 60))
    assert until(lambda: delivery.snapshot().pending_on_disk >= 15)
    server.then = answer()
    assert delivery.flush(20)
    assert len(stored(server.stored)) == 65
    stats = delivery.snapshot()
    assert (stats.delivered, stats.unaccounted, stats.lost) == (65, 0, 0), stats
"""


def run_alone(script: str, *arguments: str) -> None:
    """Run it in a name space of its own: mounts end with the process."""
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*alone, "true"], check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no user name spaces here, so nothing can be mounted")
    done = subprocess.run(
        [*alone, sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("fault", ["ENOSPC", "EROFS"])
def test_a_file_system_of_64_kib(fault: str, tmp_path: Path) -> None:
    run_alone(MOUNTED, fault, str(tmp_path))


FILLED = """
import json, subprocess, sys
import pulse_otel
from pathlib import Path
from pulse_otel.export.spool import spool
from pulse_otel.instrumentation.recorder import recorders
from tests.export.sending import stored, until
from tests.faults import FaultServer, answer

directory = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(directory)], check=True)
spool._REFUSED_FOR_S = 0.0

def spans(count):
    tracer = recorders.observed.tracer("test")
    for _ in range(count):
        parts = [{"type": "text", "content": "x" * 20_000}]
        said = json.dumps([{"role": "assistant", "parts": parts}])
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": said}
        tracer.start_span("chat m", attributes=attributes).end()

def begin(url):
    pulse_otel.init_pulse(api_key="pulse_sk_x", api_url=url, protocol="otlp",
        spool_dir=str(directory), flush_interval=1000)

with FaultServer(then=answer(503)) as server:
    begin(server.url)
    for _ in range(20):  # a file for each five
        spans(5)
        pulse_otel.flush_buffer(0.1)
    assert until(lambda: pulse_otel.stats().pending_on_disk and pulse_otel.stats().in_queue)
    pulse_otel.shutdown(5)
    first = pulse_otel.stats()
    assert first.unaccounted == first.in_queue == 0, first
    assert 5 <= first.pending_on_disk <= 60, first  # of 20 kB at least, in 1 MiB
    assert first.pending_on_disk + first.lost == 100, first
    server.then = answer()
    begin(server.url)  # a later process, as it were
    assert until(lambda: pulse_otel.stats().inherited_delivered == first.pending_on_disk)
    spans(3)  # there is room again
    assert pulse_otel.flush_buffer(20)
    pulse_otel.shutdown()
    assert len(stored(server.stored)) == first.pending_on_disk + 3
assert [path for path in directory.rglob("*") if path.is_file()] == []
"""


def test_a_program_whose_file_system_of_1_mib_is_full(tmp_path: Path) -> None:
    """What fits is on disk and sent later, the rest waits in memory, and all of it is counted."""
    run_alone(FILLED, str(tmp_path))
