"""Children of `multiprocessing` in a pipeline of the user's: they end without any exit hook."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pulse_otel.process import exit_time
from tests.conftest import KEY, RunPython, Service
from tests.faults import FaultServer, hang
from tests.programs import count, run

CHILDREN = """
import multiprocessing
import openai
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pulse_otel import OpenAIInstrumentor, PulseSpanExporter

def pipeline():
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(PulseSpanExporter()))
    return provider

def call(name):
    client = openai.OpenAI(api_key="k")
    messages = [{"role": "user", "content": "Hello"}]
    client.chat.completions.create(model="m", messages=messages, pulse_session_id=name)

def own(name):
    with pipeline().get_tracer("app").start_as_current_span("chat m") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.request.model", "m")
        span.set_attribute("gen_ai.conversation.id", name)

OpenAIInstrumentor().instrument(tracer_provider=pipeline())  # not the global one
call("parent")
context = multiprocessing.get_context("fork")
children = [context.Process(target=call, args=(f"child {n}",)) for n in range(2)]
children.append(context.Process(target=own, args=("child with a pipeline of its own",)))
for child in children:
    child.start()
for child in children:
    child.join()
"""


@pytest.mark.row("P7")
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork here")
def test_each_childs_calls_arrive(provider: Any, service: Service, run_python: RunPython) -> None:
    done = run_python(
        CHILDREN,
        PULSE_API_KEY=KEY,
        PULSE_API_URL=service.url,
        OPENAI_BASE_URL=provider.openai_url,
        PYTHONWARNINGS="ignore::DeprecationWarning",  # 3.12: a fork beside threads
    )

    assert (done.returncode, done.stderr) == (0, "")
    sessions = [trace["sessionId"] for trace in service.traces(4)]
    assert sorted(sessions) == [
        "child 0",
        "child 1",
        "child with a pipeline of its own",
        "parent",
    ]


FORKED = """
import posix
pid = os.fork()
if not pid:
    spans(3)
    {end}
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert os._exit is posix._exit
assert status == 7, status
"""


@pytest.mark.row("P6")
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork here")
@pytest.mark.parametrize("end", ["os._exit(7)", "sys.exit(7)", "os._exit(status=7)"])
def test_a_forked_child_sends_its_spans_however_it_exits(end: str, server: FaultServer) -> None:
    """It keeps its exit code, and leaves the parent's `os._exit`."""
    code, _, err = run(FORKED.format(end=end), server.url)

    assert (code, err) == (0, "")
    assert count(server) == 13


PREPARED = """
from pulse_otel import PulseSpanExporter
exporter = PulseSpanExporter()
needed = "pulse_otel.export.payloads.otlp"
assert needed not in sys.modules
for expected in (False, True):
    assert (needed in sys.modules) is expected
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)
    for thread in threading.enumerate():
        if thread.name == "pulse-otel-flush":
            thread.join()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork here")
def test_later_children_have_what_delivery_needs(server: FaultServer) -> None:
    """The parent imports it once, beside its first fork: each child would need 0.3 s at its end."""
    code, _, err = run(PREPARED, server.url, before="import os, sys, threading\n")
    assert code == 0, err


MADE_BY_A_CHILD = """
import os, sys
if not (pid := os.fork()):
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from pulse_otel import PulseSpanExporter
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(PulseSpanExporter(protocol="otlp")))
    span = provider.get_tracer("t").start_span("chat m")
    span.set_attribute("gen_ai.operation.name", "chat")
    span.end()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert "pulse_otel" not in sys.modules
"""


@pytest.mark.row("P6")
@pytest.mark.skipif(sys.platform != "linux", reason="no other system says that it was forked")
def test_a_child_that_makes_its_own_exporter_sends_too(server: FaultServer) -> None:
    """As in RQ, if a job's module sets up: the parent does not even import the package."""
    code, _, err = run(MADE_BY_A_CHILD, server.url, before="")
    assert code == 0, err
    assert count(server) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork here")
def test_a_signal_that_raises_during_the_flush_leaves_the_exit_code(server: FaultServer) -> None:
    server.then = hang()
    script = """
def raises(*_):
    raise KeyboardInterrupt
pid = os.fork()
if not pid:
    spans(3)
    signal.signal(signal.SIGALRM, raises)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    os._exit(7)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
pulse_otel.shutdown(0)
assert status == 7, status
"""
    code, _, err = run(script, server.url)
    assert code == 0, err


POOL = """
import billiard
def child(_):
    spans(5)
with billiard.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
    pool.map(child, range(4), chunksize=1)
    pool.close(); pool.join()
"""


@pytest.mark.row("P8")
def test_a_pool_of_billiard_whose_children_are_replaced(server: FaultServer) -> None:
    """Without Celery, whose signal comes at the end of each child."""
    pytest.importorskip("billiard")
    code, _, err = run(POOL, server.url)
    assert code == 0, err
    assert count(server) == 30


def test_the_exporters_of_a_child_share_the_time_of_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exit_time._exit, "until", None)
    monkeypatch.setattr(exit_time, "running", lambda: [None] * 3)
    assert exit_time.exit_s() == exit_time.EXIT_S
    exit_time.begin_end()
    assert exit_time.exit_s() <= exit_time.EXIT_S - 2
