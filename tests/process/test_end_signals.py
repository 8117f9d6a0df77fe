"""SIGTERM where it is not what it usually is: PID 1 of a container, gevent, a server of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests import programs
from tests.conftest import KEY, ROOT
from tests.faults import FaultServer
from tests.programs import count, run

OPTED_IN = """
pulse_otel.init_pulse(flush_on_sigterm=True, protocol="otlp", flush_interval=60_000)
spans(5)
"""
_UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")


def _may_be_pid_1() -> bool:
    try:
        return subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.row("P3")
def test_pid_1_ends_too(server: FaultServer) -> None:
    """The system leaves out the default action of a signal there; `docker stop` would wait."""
    if not _may_be_pid_1():
        pytest.skip("no PID namespaces here")
    script = """
assert os.getpid() == 1
threading.Timer(0.2, os.kill, (1, signal.SIGTERM)).start()
time.sleep(9)
"""
    environ = {"PYTHONPATH": str(ROOT), "PULSE_API_KEY": KEY, "PULSE_API_URL": server.url}
    done = subprocess.run(
        [*_UNSHARE, sys.executable, "-c", programs.START + OPTED_IN + script],
        env=environ,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 143, done.stderr
    assert count(server) == 15


@pytest.mark.row("P12", "P3")
@pytest.mark.parametrize("handler", [True, False])
def test_gevent(handler: bool, server: FaultServer) -> None:
    """Its hub runs the handler while all greenlets wait, and must not wait itself."""
    pytest.importorskip("gevent")
    own = "signal.signal(15, lambda *_: sys.exit(4))\n" if handler else ""
    script = own + OPTED_IN + "import subprocess\nprint('ready', flush=True)\ntime.sleep(9)"
    patched = "from gevent import monkey; monkey.patch_all()\n" + programs.START + script
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", patched],
        env={"PYTHONPATH": str(ROOT), "PULSE_API_KEY": KEY, "PULSE_API_URL": server.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.3)  # until it sleeps in the hub
    process.send_signal(signal.SIGTERM)
    code, _, err = programs.ended(process)

    assert code == (4 if handler else -signal.SIGTERM), err
    assert "BlockingSwitchOut" not in err
    assert count(server) == 15


REDACTING = """
def redact(text):
    if not told:
        told.append(text)
        os.kill(os.getpid(), signal.SIGTERM)
    return text
told = []
pulse_otel.init_pulse(flush_on_sigterm=True, protocol="otlp", flush_interval=1000, redact=redact)
span = recorders.observed.tracer("test").start_span("chat m")
span.set_attribute("gen_ai.operation.name", "chat")
span.set_attribute("gen_ai.request.model", "m")
span.end()
time.sleep(9)
"""


@pytest.mark.row("P12", "P3")
def test_a_greenlet_that_delivers_does_not_wait_for_itself(server: FaultServer) -> None:
    """A signal's handler runs in whichever greenlet the signal strikes."""
    pytest.importorskip("gevent")
    patched = "from gevent import monkey; monkey.patch_all()\n" + programs.START + REDACTING
    code, _, err = run(patched, server.url, before="", PYTHONWARNINGS="ignore")
    assert (code, err) == (-signal.SIGTERM, "")
    assert count(server) == 11


def test_the_usual_end_comes_even_if_the_flush_fails(server: FaultServer) -> None:
    script = f"""
def broken(*_):
    raise RuntimeError("planted")
import pulse_otel.export.exporter
pulse_otel.export.exporter.flush_all = broken
{OPTED_IN}
os.kill(os.getpid(), 15); time.sleep(9)
"""
    code, _, _ = run(script, server.url)
    assert code == -signal.SIGTERM


AMID_SHUTDOWN = """
import os, signal, time
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pulse_otel import PulseSpanExporter

class Interrupted(PulseSpanExporter):
    def export(self, spans):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.3)  # the handler runs
        return super().export(spans)

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Interrupted(protocol="otlp")))
span = provider.get_tracer("t").start_span("chat m")
span.set_attribute("gen_ai.operation.name", "chat")
span.end()
provider.shutdown()
"""


@pytest.mark.row("P3")
def test_what_a_batch_processor_holds_that_shuts_down_is_flushed(server: FaultServer) -> None:
    """It hands nothing over to a flush any more: its own thread does."""
    code, _, err = run(AMID_SHUTDOWN, server.url, before="", PULSE_FLUSH_ON_SIGTERM="1")
    assert code == -signal.SIGTERM, err
    assert count(server) == 1


UNDONE = """
original = signal.signal
pid = os.fork()
if not pid:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert callable(before)
    spans(3)
    kept = signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGTERM, kept)  # as uvicorn does before it ends itself
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(9)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
assert signal.signal is original
"""


@pytest.mark.row("P3")
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork here")
def test_a_forked_child_that_sets_the_usual_end_flushes_before_it(server: FaultServer) -> None:
    """gunicorn's uvicorn workers undo all handlers after the fork."""
    code, _, err = run(OPTED_IN + UNDONE, server.url)
    assert code == 0, err
    assert count(server) == 18


UVICORN = """
import asyncio, socket, uvicorn, urllib.request

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        INIT
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    spans(5)
    os.kill(os.getpid(), 15)
    await asyncio.sleep(0.3)
    spans(5)  # amid uvicorn's graceful end
    await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})

def ask():
    for _ in range(200):
        try:
            return urllib.request.urlopen("http://127.0.0.1:%d" % port)
        except OSError:
            time.sleep(0.05)

listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
threading.Thread(target=ask, daemon=True).start()
uvicorn.run(app, fd=listener.fileno(), log_level="critical")
"""
BEGIN = 'pulse_otel.init_pulse(flush_on_sigterm=True, protocol="otlp", flush_interval=60_000)'


@pytest.mark.row("P3")
@pytest.mark.parametrize("where", ["before the server", "in its lifespan"])
def test_uvicorn_which_ends_by_the_signal_once_more(where: str, server: FaultServer) -> None:
    """It ends its requests, puts the handlers back that were there before, and signals itself."""
    early = where == "before the server"
    script = UVICORN.replace("INIT", "pass" if early else BEGIN)
    code, _, err = run((BEGIN if early else "") + script, server.url)
    assert code == -signal.SIGTERM, err
    assert count(server) == 20
