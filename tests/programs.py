"""Programs that tests start as processes: a beginning that records spans, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import KEY, ROOT
from tests.export.sending import stored
from tests.faults import FaultServer

START = """
import os, signal, sys, threading, time
import pulse_otel
from pulse_otel.instrumentation.recorder import recorders

def spans(count):
    tracer = recorders.observed.tracer("test")
    for _ in range(count):
        tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()

pulse_otel.init_pulse(protocol="otlp", flush_interval=60_000, batch_size=100)
spans(10)
"""


def start(script: str, url: str, *, before: str = START, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", before + script],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PULSE_API_KEY": KEY,
            "PULSE_API_URL": url,
            **environ,
        },
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(script: str, url: str, *, before: str = START, **environ: str) -> tuple[int, str, str]:
    process = start(script, url, before=before, **environ)
    return ended(process)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, out, err


def count(server: FaultServer) -> int:
    arrived = stored(server.stored)
    assert set(arrived.values()) <= {1}
    return len(arrived)


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]
