"""What the disk and the end of a process may do: the measured rows S."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path

from tests.export.crashing import crash
from tests.export.sending import records, sending, stored, until
from tests.faults import (
    FaultServer,
    answer,
    store_then_reset,
)
from tests.reliability.row import Reached


def kills(times: int) -> Reached:
    """S1: `kill -9` at random moments, with a service that fails now and then."""
    from tests.export.spool.test_spool_delivery import recover, waiting

    chance = random.Random(5)
    faults = [answer(503), store_then_reset(), answer(), answer()]
    with (
        tempfile.TemporaryDirectory() as root,
        FaultServer(lambda number, request: chance.choice(faults)) as server,
    ):
        safe = crash(server.url, Path(root), kills=times, seed=times)
        recover(server, Path(root), 120)
        lost = len(safe - set(stored(server.stored)))
        left = len(waiting(Path(root)))
    return Reached(f"{lost} of {len(safe)} lost in {times} kills", lost == left == 0)


def restart(spans: int) -> Reached:
    """S2: what waits on disk, and a new process."""
    with tempfile.TemporaryDirectory() as root:
        with sending("http://127.0.0.1:9", spool_dir=Path(root)) as delivery:
            for start in range(0, spans, 100):
                delivery.submit(records(100, start))
            delivery.shutdown(5)
        with FaultServer() as server, sending(server.url, spool_dir=Path(root)) as delivery:
            started = time.monotonic()
            until(lambda: delivery.snapshot().inherited_delivered == spans, 30)
            took = time.monotonic() - started
            lost = spans - len(stored(server.stored))
    return Reached(f"{lost} lost, in {took:.1f} s", lost == 0)


def write_ahead(batches: int) -> Reached:
    """S14: what the disk costs a batch of 512."""
    from pulse_otel.export.spool.spool import Spool

    with tempfile.TemporaryDirectory() as root:
        spool, took = Spool(root, "x"), list[float]()
        for _ in range(batches):
            batch = records(512, output_text="x" * 200)
            started = time.thread_time()
            spool.put(batch)
            took.append(time.thread_time() - started)
    p50 = statistics.median(took) * 1e3
    p95 = sorted(took)[int(len(took) * 0.95)] * 1e3
    # Most of it is turning records into JSON, in the worker.
    return Reached(f"p50 {p50:.1f} ms, p95 {p95:.1f} ms", p50 <= 25)
