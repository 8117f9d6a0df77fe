"""Inside what runs Python programs in production: gunicorn, process pools, gevent, Celery."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import KEY, ROOT
from tests.export.sending import stored, until
from tests.faults import FaultServer
from tests.programs import count, run

APP = """
import pulse_otel
from pulse_otel.instrumentation.recorder import recorders
pulse_otel.init_pulse(protocol="otlp", flush_interval=60_000, batch_size=100)

def spans(count):
    tracer = recorders.observed.tracer("test")
    for _ in range(count):
        tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()

spans(1)  # in the parent, before the workers are made

def app(environ, start_response):
    spans(1)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


@pytest.mark.row("P8")
def test_gunicorn_with_preload_and_recycled_workers(server: FaultServer, tmp_path: Path) -> None:
    """Four workers, each replaced after ten requests; all is sent at their ends."""
    pytest.importorskip("gunicorn")
    (tmp_path / "served.py").write_text(APP)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--preload", "-w", "4", "--max-requests", "10", "-b", f"127.0.0.1:{port}"]
    with subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options, "--graceful-timeout", "10", "served:app"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PULSE_API_KEY": KEY}
        | {"PULSE_API_URL": server.url},
        stderr=subprocess.PIPE,
        text=True,
    ) as gunicorn:
        try:
            answered = sum(_asked(port) for _ in range(100))
        finally:
            gunicorn.send_signal(signal.SIGTERM)
            _, err = gunicorn.communicate(timeout=30)

    assert answered == 100, err
    assert "pulse-otel" not in err
    assert count(server) == 101


def _asked(port: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            return requests.get(f"http://127.0.0.1:{port}/", timeout=10).ok
        except requests.ConnectionError:  # not there yet, or a worker that is being replaced
            time.sleep(0.05)
    return False


POOLS = """
import multiprocessing, concurrent.futures
import tests.pooled as here

if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    process = context.Process(target=here.child, args=(5,))
    process.start(); process.join()
    with context.Pool(2) as pool:
        pool.map(here.child, [5] * 4, chunksize=1)
        pool.close(); pool.join()
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        list(executor.map(here.child, [5] * 4))
"""


@pytest.mark.row("P7")
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_process_pools_of_the_standard_library(
    method: str, server: FaultServer, tmp_path: Path
) -> None:
    script = tmp_path / "pools.py"
    script.write_text(POOLS.replace("{method}", method))
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PULSE_API_KEY": KEY}
        | {"PULSE_API_URL": server.url},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert count(server) == 45


CHILD = """
import {0}
def child():
    spans(5)
process = {0}.get_context("fork").Process(target=child)
process.start(); process.join()
"""


@pytest.mark.row("P8")
@pytest.mark.parametrize("package", ["billiard", "multiprocessing"])
def test_a_child_of_a_package_that_is_imported_after_init_pulse(
    package: str, server: FaultServer
) -> None:
    pytest.importorskip(package)
    code, _, err = run(CHILD.format(package), server.url)
    assert code == 0, err
    assert count(server) == 15


GEVENT = """
import gevent
def one(_):
    for _ in range(50):
        spans(1)
        gevent.sleep(0)
gevent.joinall([gevent.spawn(one, n) for n in range(20)])
assert pulse_otel.flush_buffer(20)
"""


@pytest.mark.row("P12")
def test_gevent(server: FaultServer) -> None:
    """Everything patched, as its server does: 20 greenlets, 1,000 spans."""
    pytest.importorskip("gevent")
    from tests import programs

    patched = "from gevent import monkey; monkey.patch_all()\n" + programs.START + GEVENT
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", patched],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PULSE_API_KEY": KEY}
        | {"PULSE_API_URL": server.url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert count(server) == 1010


CELERY = """
import sys
sys.path.insert(0, {directory!r})
from celery import Celery
app = Celery("jobs", broker="filesystem://", broker_transport_options={{
    "data_folder_in": {directory!r}, "data_folder_out": {directory!r}}})
app.conf.worker_prefetch_multiplier = 1

import pulse_otel
from pulse_otel.instrumentation.recorder import recorders
pulse_otel.init_pulse(protocol="otlp", flush_interval=60_000, batch_size=100)

@app.task
def work():
    recorders.observed.tracer("test").start_span(
        "chat m", attributes={{"gen_ai.operation.name": "chat"}}).end()
"""


CALLING = """
import sys
sys.path.insert(0, {directory!r})
from celery import Celery
app = Celery("jobs", broker="filesystem://", broker_transport_options={{
    "data_folder_in": {directory!r}, "data_folder_out": {directory!r}}})
app.conf.worker_prefetch_multiplier = 1

import openai

@app.task
def work():
    with openai.OpenAI(api_key="k") as client:
        client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "Hi"}}])
"""


@pytest.mark.row("P8")
@pytest.mark.parametrize("zero_code", [pytest.param(False, marks=pytest.mark.long), True])
def test_celery_with_children_that_are_replaced(
    zero_code: bool, server: FaultServer, provider: Any, tmp_path: Path
) -> None:
    """A prefork pool in which each child does one task: each task's call arrives once."""
    pytest.importorskip("celery")
    tasks = 4 if zero_code else 10
    folder = tmp_path / "broker"
    folder.mkdir()
    jobs = CALLING if zero_code else CELERY
    (tmp_path / "jobs.py").write_text(jobs.format(directory=str(folder)))
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}", "PULSE_API_KEY": KEY}
    environ |= {"PULSE_API_URL": server.url, "PYTHONWARNINGS": "ignore"}
    environ |= {"OPENAI_BASE_URL": provider.openai_url, "PULSE_PROTOCOL": "otlp"}
    asking = f"import jobs\nfor _ in range({tasks}): jobs.work.delay()"
    subprocess.run(
        [sys.executable, "-c", asking], env=environ, check=True, cwd=tmp_path, timeout=40
    )
    options = ["-P", "prefork", "-c", "2", "--max-tasks-per-child", "1", "--loglevel", "ERROR"]
    options += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = [sys.executable, "-m", "celery", "-A", "jobs", "worker", *options]
    if zero_code:
        command.insert(0, str(Path(sys.executable).with_name("opentelemetry-instrument")))
        # Nothing is sent by the clock.
        environ |= {"OTEL_TRACES_EXPORTER": "pulse", "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    with subprocess.Popen(
        command,
        env=environ,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        try:
            arrived = until(lambda: len(stored(server.stored)) >= tasks, 40)
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                _, err = worker.communicate(timeout=10)
            # Under `opentelemetry-instrument`, also with its SDK disabled, billiard may wait at
            # its end for a lock that nobody gives back: what is tested here has come by then.
            except subprocess.TimeoutExpired:
                worker.kill()
                _, err = worker.communicate()

    assert arrived, err
    assert count(server) == tasks
