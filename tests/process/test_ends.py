"""How a process may end, be copied, or be stopped; with the accounts of each."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from pulse_otel.local.provider.server import ScriptedProvider
from tests.conftest import KEY, RunPython
from tests.export.sending import stored, until
from tests.faults import FaultServer, answer, hang
from tests.programs import count, ended, files_below, run, start

ORDERLY: dict[str, tuple[str, int]] = {
    "return": ("", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "exception": ("1 / 0", 1),
    "SIGINT": (  # what a shell starts in the background ignores it, unless told otherwise
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT); time.sleep(9)",
        -signal.SIGINT,
    ),
    "span in atexit": ("import atexit; atexit.register(lambda: spans(1))", 0),
    "late thread": (
        "threading.Thread(target=lambda: (time.sleep(0.3), spans(5))).start()",
        0,
    ),
    "own flush in a SIGTERM handler": (
        "signal.signal(15, lambda *_: (pulse_otel.flush_buffer(5), os._exit(7)))\n"
        "os.kill(os.getpid(), 15); time.sleep(9)",
        7,
    ),
    "SIGTERM, opted in": (
        "pulse_otel.init_pulse(flush_on_sigterm=True, flush_interval=60_000); spans(5)\n"
        "os.kill(os.getpid(), 15); time.sleep(9)",
        -signal.SIGTERM,
    ),
    "SIGTERM, opted in, on top of the program's": (
        "signal.signal(15, lambda *_: sys.exit(4))\n"
        "pulse_otel.init_pulse(flush_on_sigterm=True, flush_interval=60_000); spans(5)\n"
        "os.kill(os.getpid(), 15); time.sleep(9)",
        4,
    ),
    "fork, both exit": ("pid = os.fork()\nspans(5)\nif pid: os.waitpid(pid, 0)", 0),
    "closed stderr": ("sys.stderr.close(); sys.stdout.close()", 0),
}


def row(case: str) -> str:
    """Of the reliability table."""
    rows = {"SIGTERM": "P3", "fork": "P6", "closed": "P11"}
    return next((row for word, row in rows.items() if word in case), "P1")


@pytest.mark.row("P11")  # each looks at what is printed
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.row(row(case))) for case in ORDERLY]
)
def test_an_orderly_end_loses_nothing(case: str, server: FaultServer) -> None:
    script, code = ORDERLY[case]

    returned, _, err = run(script, server.url)

    assert returned == code, err
    more = {"span in atexit": 1, "late thread": 5, "fork, both exit": 10, "SIGTERM, opted in": 5}
    assert count(server) == 10 + more.get(case.split(", on top")[0], 0)
    assert "pulse-otel" not in err
    assert "Exception ignored" not in err


@pytest.mark.row("P3", "P5")
@pytest.mark.parametrize("script", ["os.kill(os.getpid(), 15)\ntime.sleep(9)", "os._exit(0)"])
def test_documented_a_sudden_end_loses_what_waited_in_memory(
    script: str, server: FaultServer
) -> None:
    run(script, server.url)
    assert count(server) == 0


@pytest.mark.row("P5")
@pytest.mark.parametrize(
    "end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), signal.SIGSEGV)"]
)
def test_what_was_flushed_to_disk_survives_a_sudden_end(
    end: str, server: FaultServer, tmp_path: Path
) -> None:
    """A service that is not there, and a second process when it is back."""
    script = f"""
while pulse_otel.stats().pending_on_disk < 10: pulse_otel.flush_buffer(0.1)
{end}
"""
    run(script, "http://127.0.0.1:9", PULSE_SPOOL_DIR=str(tmp_path))
    assert len(files_below(tmp_path)) == 1

    # The directory belongs to an address: the second process must have the same.
    for path in tmp_path.iterdir():
        path.rename(tmp_path / directory_for(server.url))
    again = """
while pulse_otel.stats().inherited_delivered < 10: time.sleep(0.05)
"""
    code, _, err = run(again, server.url, PULSE_SPOOL_DIR=str(tmp_path))
    assert code == 0, err
    assert count(server) == 20
    assert files_below(tmp_path) == []


def directory_for(url: str) -> str:
    from pulse_otel.config import ApiKey
    from pulse_otel.export.spool.spool import directory_name

    return directory_name(url, ApiKey(KEY))


SEVERAL = """
import atexit, time
atexit.register(lambda: print(time.time()))  # the first one runs last
import pulse_otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
import os
provider = TracerProvider()
for url in (os.environ["PULSE_API_URL"], os.environ["HEALTHY"]):
    exporter = pulse_otel.PulseSpanExporter("pulse_sk_b", url, protocol="otlp")
    provider.add_span_processor(BatchSpanProcessor(exporter))
pulse_otel.init_pulse(protocol="otlp", tracer_provider=provider)
provider.get_tracer("x").start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()
atexit.register(lambda: print(time.time()))
"""


@pytest.mark.row("P2")
def test_the_end_takes_at_most_5_5_seconds_in_all(
    server: FaultServer, run_python: RunPython
) -> None:
    """Two exporters whose services hang; one that is stopped after the first has its share."""
    with FaultServer(then=hang()) as hanging:
        urls = {"PULSE_API_URL": hanging.url, "HEALTHY": server.url}
        done = run_python(SEVERAL, PULSE_API_KEY=KEY, **urls)

    assert done.returncode == 0, done.stderr
    began, over = map(float, done.stdout.split())
    assert over - began < 6.5  # one by one, they would take 10 s
    assert done.stderr.count("1 span lost") == 2
    assert count(server) == 1


@pytest.mark.row("P2")
def test_the_end_with_a_disk_does_not_wait_for_a_service_that_hangs(tmp_path: Path) -> None:
    with FaultServer(then=hang()) as hanging:
        script = "print(time.time(), flush=True)"
        process = start(script, hanging.url, PULSE_SPOOL_DIR=str(tmp_path))
        _, out, err = ended(process)
        took = time.time() - float(out)

    assert took < 4.5, err
    assert "lost" not in err
    assert [path.name.split("-")[-1] for path in files_below(tmp_path)] == ["10.spans"]


LATE = """
import atexit
atexit.register(lambda: (late.end(), print(pulse_otel.stats().dropped)))
import pulse_otel
from pulse_otel.instrumentation.recorder import recorders
pulse_otel.init_pulse(protocol="otlp")
late = recorders.observed.tracer("x").start_span("x", attributes={"gen_ai.operation.name": "chat"})
"""


@pytest.mark.row("P1")
def test_documented_what_ends_after_our_exit_hook_is_counted(
    server: FaultServer, run_python: RunPython
) -> None:
    """A hook from before `init_pulse` runs after ours."""
    done = run_python(LATE, PULSE_API_KEY=KEY, PULSE_API_URL=server.url)

    assert (done.returncode, done.stdout) == (0, "{'after shutdown': 1}\n")
    assert "a call that ended after shutdown() is not sent" in done.stderr


UNREAD = """
import anthropic, openai, pulse_otel
pulse_otel.init_pulse(protocol="otlp", instrument=True)
ask = dict(model="m", messages=[{"role": "user", "content": "Hello"}], max_tokens=9, stream=True)
stream = %s(**ask)
next(iter(stream))
"""
CREATE = {
    "openai": "openai.OpenAI().chat.completions.create",
    "anthropic": "anthropic.Anthropic().messages.create",
}


@pytest.mark.row("P1")
@pytest.mark.parametrize("sdk", CREATE)
def test_a_stream_that_a_program_leaves_unread_is_told_as_such(
    sdk: str, server: FaultServer, run_python: RunPython, provider: ScriptedProvider
) -> None:
    done = run_python(
        UNREAD % CREATE[sdk],
        PULSE_API_KEY=KEY,
        PULSE_API_URL=server.url,
        OPENAI_BASE_URL=provider.openai_url,
        OPENAI_API_KEY="k",
        ANTHROPIC_BASE_URL=provider.anthropic_url,
        ANTHROPIC_API_KEY="k",
    )

    assert "a stream that was not read to its end is not sent" in done.stderr
    assert "a call that ended after shutdown()" not in done.stderr


@pytest.mark.row("P4")
def test_a_signal_handler_may_flush_while_the_program_flushes(server: FaultServer) -> None:
    """The handler runs in the thread that is inside our flush, with what locks that holds."""
    script = """
def handler(*_):
    pulse_otel.flush_buffer(3)
    print("handled", flush=True)

signal.signal(signal.SIGUSR1, handler)
threading.Thread(
    target=lambda: [(time.sleep(0.01), os.kill(os.getpid(), signal.SIGUSR1)) for _ in range(20)]
).start()
for _ in range(100):
    spans(5)
    pulse_otel.flush_buffer(5)
time.sleep(0.5)
"""
    code, out, err = run(script, server.url)

    assert code == 0, err
    assert out.count("handled") >= 1
    assert count(server) == 510


@pytest.mark.row("T2")
def test_a_process_that_is_frozen_in_a_request_goes_on_afterwards(tmp_path: Path) -> None:
    """As between two invocations of a function service."""
    with FaultServer([answer(after_s=0.5)]) as server:
        process = start("print(pulse_otel.flush_buffer(20), flush=True)", server.url)
        assert until(lambda: server.received)
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.0)
        process.send_signal(signal.SIGCONT)
        _, out, err = ended(process)

        assert out == "True\n", err
        assert len(stored(server.stored)) == 10


def test_sigterm_in_another_thread_is_not_possible(server: FaultServer) -> None:
    script = """
thread = threading.Thread(target=lambda: pulse_otel.init_pulse(flush_on_sigterm=True))
thread.start(); thread.join()
"""
    code, _, err = run(script, server.url)
    assert code == 0
    assert "call init_pulse in the main thread" in err
