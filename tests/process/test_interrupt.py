"""Ctrl-C ends a program as it does without us: by the signal, where nothing has caught it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.conftest import KEY, ROOT
from tests.faults import FaultServer, hang

PIPELINES = {
    "init_pulse": """
pulse_otel.init_pulse(protocol="otlp")
provider = recorders.observed.provider()
""",
    "an exporter of its own": """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(pulse_otel.PulseSpanExporter(protocol="otlp")))
""",
}
ENDS = {
    "nothing catches it": ("", -signal.SIGINT),
    "it is caught": ("except KeyboardInterrupt: pass", 0),
    "it becomes an exit": ("except KeyboardInterrupt: sys.exit(3)", 3),
    "it becomes another error": ("except KeyboardInterrupt: 1 / 0", 1),
    "a console of the program's shows it": (None, 0),
}


def script(pipeline: str, caught: str | None) -> str:
    interrupt = "os.kill(os.getpid(), signal.SIGINT); time.sleep(30)"
    end = f"try: {interrupt}\n{caught or 'finally: pass'}"
    if caught is None:
        end = f'import code\ncode.InteractiveInterpreter(globals()).runsource("{interrupt}")'
    return f"""
import os, signal, sys, time
import pulse_otel
from pulse_otel.instrumentation.recorder import recorders
signal.signal(signal.SIGINT, signal.default_int_handler)
{PIPELINES[pipeline]}
attributes = {{"gen_ai.operation.name": "chat"}}
provider.get_tracer("x").start_span("chat m", attributes=attributes).end()
{end}
"""


def code_of(program: str, url: str) -> int:
    environ = {"PYTHONPATH": str(ROOT), "PULSE_API_KEY": KEY, "PULSE_API_URL": url}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, timeout=60, check=False
    )
    return done.returncode


@pytest.mark.row("P2")
@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("end", ENDS)
def test_the_exit_status_is_that_of_the_program(
    end: str, pipeline: str, server: FaultServer
) -> None:
    caught, status = ENDS[end]
    assert code_of(script(pipeline, caught), server.url) == status


@pytest.mark.row("P2")
def test_an_interrupt_ends_the_program_by_the_signal_while_its_service_hangs() -> None:
    with FaultServer(then=hang()) as hanging:
        assert code_of(script("init_pulse", ""), hanging.url) == -signal.SIGINT
