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
before = "pulse_otel.export.payloads.otlp" in sys.modules
pid = os.fork()
if not pid:
    ready = "pulse_otel.export.payloads.otlp" in sys.modules
    spans(3)
    {end}
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert os._exit is posix._exit
assert status == 7, status
"""


@pytest.mark.row("P6")
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork here")
@pytest.mark.parametrize(
    "end", ["os._exit(7 if ready else 1)", "sys.exit(7)", "os._exit(status=7)"]
)
def test_a_forked_child_sends_its_spans_however_it_exits(end: str, server: FaultServer) -> None:
    """It keeps its exit code, imports nothing at its end, and leaves the parent's `os._exit`."""
    code, _, err = run(FORKED.format(end=end), server.url)

    assert (code, err) == (0, "")
    assert count(server) == 13


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
