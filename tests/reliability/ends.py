"""Each fault of a service x each way in which a process ends, with a spool and without.

Each cell is a process that records some spans and ends at once. Seen from outside: the time that
the end takes, its exit code beside that of the same program without this package, where the spans
are, and what the process itself says of them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import trustme

from pulse_otel.export.spool.files import parse
from tests.conftest import KEY, ROOT
from tests.export.sending import stored
from tests.faults import (
    Action,
    FaultServer,
    answer,
    drip,
    finish,
    garbage,
    hang,
    redirect,
    reset,
    slow_reader,
    store_then_reset,
)

LONGEST_S = 6.5
"""5.5 s, and a second for the interpreter's own end on a busy machine."""

TOO_LONG = "too long"

FAULTS: dict[str, Callable[[], Action] | None] = {
    "none": answer,
    "refused": None,
    "hang": hang,
    "reset": reset,
    "FIN": finish,
    "stored, then reset": store_then_reset,
    "500": lambda: answer(500),
    "503, Retry-After: 60": lambda: answer(503, headers={"Retry-After": "60"}),
    "401": lambda: answer(401),
    "404": lambda: answer(404),
    "413": lambda: answer(413),
    "400": lambda: answer(400, b'{"error": "no"}'),
    "redirect": lambda: redirect(302, "http://127.0.0.1:9/"),
    "garbage": garbage,
    "slow header": lambda: drip("header"),
    "slow body": lambda: drip("body"),
    "slow reader": slow_reader,
    "TLS expired": answer,
}
REFUSES = ("400", "413")  # for good: what is refused is dropped, counted, and kept nowhere
TWICE = ("stored, then reset",)  # the service has them, and nobody knows

BEGIN = """
import atexit, json, os, signal, sys, threading, time
if os.environ.get("PULSE_API_KEY"):
    def told():
        found = pulse_otel.stats()
        print("stats", json.dumps([found.ended, found.in_queue, found.delivered,
            found.pending_on_disk, found.lost, found.unaccounted]), flush=True)
    atexit.register(told)  # the first one runs last
    import pulse_otel
    from pulse_otel.instrumentation.recorder import recorders
    pulse_otel.init_pulse(protocol="otlp", flush_interval=60_000, batch_size=100)
    tracer = recorders.observed.tracer("test")
    def spans(count):
        for _ in range(count):
            tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()
else:
    class pulse_otel:
        shutdown = staticmethod(lambda: None)
    def spans(count): pass
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
spans(10)
print("end", time.time(), flush=True)
"""


@dataclass(frozen=True)
class End:
    """A way to end: what the program does, how many spans it records more."""

    script: str
    more: int = 0
    told: bool = True  # it says what became of its spans
    environ: Mapping[str, str] = field(default_factory=dict)


ENDS = {
    "return": End(""),
    "sys.exit": End("sys.exit(3)"),
    "exception": End("raise LookupError"),
    "SIGTERM, opted in": End(
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)",
        told=False,
        environ={"PULSE_FLUSH_ON_SIGTERM": "true"},
    ),
    "SIGINT": End("os.kill(os.getpid(), signal.SIGINT); time.sleep(30)"),
    "os._exit in a child": End(
        """
pid = os.fork()
if not pid:
    spans(5)
    os._exit(0)
os.waitpid(pid, 0)
print("child", time.time(), flush=True)
""",
        more=5,
    ),
    "span in atexit": End("atexit.register(lambda: spans(1))", more=1),
    "shutdown()": End("pulse_otel.shutdown()"),
}


@dataclass(frozen=True)
class Cell:
    """What came of one process."""

    fault: str
    end: str
    spool: bool
    took_s: float  # the longest end of one of its processes
    arrived: int
    on_disk: int
    lost: int | None  # as the process says
    wrong: tuple[str, ...]  # what is not as it should be


@contextlib.contextmanager
def service(
    fault: str, directory: Path
) -> Iterator[tuple[str, dict[str, str], FaultServer | None]]:
    """Its address, the variables that it needs, and the server if there is one."""
    make = FAULTS[fault]
    if make is None:
        yield "http://127.0.0.1:9", {}, None
        return
    tls, environ = None, dict[str, str]()
    if fault == "TLS expired":
        ca = trustme.CA()
        ca.cert_pem.write_to_path(directory / "ca.pem")
        past = datetime.now(timezone.utc) - timedelta(days=1)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1", not_after=past).configure_cert(tls)
        environ = {"PULSE_CA_FILE": str(directory / "ca.pem")}
    with FaultServer(then=make(), tls=tls) as server:
        yield server.url, environ, server


def _run(end: End, environ: Mapping[str, str]) -> tuple[int, str, str, float]:
    """The exit code, what the process printed, and when it was over."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "OTEL_"))}
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + end.script],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT), "PULSE_STRICT": "1", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process.returncode, out, err, time.time()


def bare_code(end: str) -> int:
    """The exit code of the program without this package."""
    return _run(ENDS[end], {})[0]


def cell(fault: str, end: str, *, spool: bool, bare: int) -> Cell:
    """Run one process."""
    way = ENDS[end]
    with (
        tempfile.TemporaryDirectory() as folder,
        service(fault, Path(folder)) as (url, needed, server),
    ):
        disk = Path(folder, "spool")
        environ = {"PULSE_API_KEY": KEY, "PULSE_API_URL": url, **needed, **way.environ}
        environ |= {"PULSE_SPOOL_DIR": str(disk)} if spool else {}
        code, out, err, over = _run(way, environ)
        arrived = len(stored(server.stored)) if server else 0
        names = [parse(path.name) for path in disk.glob("*/*.spans*")]
    on_disk = sum(name.count for name in names if name)
    marks = re.findall(r"^(?:end|child) ([0-9.]+)$", out, re.MULTILINE)
    times = [*map(float, marks), over]
    took = max((b - a for a, b in itertools.pairwise(times)), default=over)
    found = re.search(r"^stats (.*)$", out, re.MULTILINE)
    stats = json.loads(found[1]) if found else None
    checks = {
        TOO_LONG: took <= LONGEST_S,
        f"exit code {code}, bare {bare}": code == bare,
        "printed": "Exception ignored" not in err and "internal error" not in err,
        "told": (stats is not None) == way.told,
        **_accounts(fault, way, spool=spool, arrived=arrived, on_disk=on_disk, stats=stats),
    }
    wrong = tuple(name for name, good in checks.items() if not good)
    lost = stats[4] if stats else None
    return Cell(fault, end, spool, took, arrived, on_disk, lost, wrong)


def _accounts(
    fault: str, way: End, *, spool: bool, arrived: int, on_disk: int, stats: Any
) -> dict[str, bool]:
    """What must hold of the numbers; a child's are not in the stats of its parent."""
    due = 10 + way.more
    checks = {"all arrive": arrived == due and on_disk == 0} if fault == "none" else {}
    if spool and fault in TWICE:
        checks["all stored"] = arrived + on_disk >= due
    elif spool and fault not in REFUSES:
        checks["stored or on disk"] = arrived + on_disk == due
    if stats is not None:
        ended, in_queue, delivered, pending, lost, unaccounted = stats
        checks["accounts add up"] = unaccounted == in_queue == 0
        checks["all counted"] = ended == delivered + pending + lost
        child = "fork" in way.script
        checks["all ended"] = ended == (10 if child else due)
        if not child:
            checks["disk as told"] = pending == on_disk
            checks["arrived as told"] = delivered == arrived or fault in TWICE
    return checks


def matrix(
    faults: Mapping[str, Any] = FAULTS, ends: Mapping[str, Any] = ENDS
) -> Iterator[tuple[str, str, bool]]:
    """All cells."""
    return ((fault, end, spool) for fault in faults for spool in (False, True) for end in ends)
