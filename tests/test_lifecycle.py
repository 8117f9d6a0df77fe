"""From init_pulse to shutdown, again and at once; what is counted of what ends too late."""

from __future__ import annotations

import ast
import gc
import logging
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import pulse_otel
from pulse_otel import PulseSpanExporter
from pulse_otel.export.accounts import metrics
from pulse_otel.instrumentation.recorder import recorders
from pulse_otel.pipeline import _state
from pulse_otel.process import exit_time
from pulse_otel.process.exporters import running
from tests.conftest import KEY
from tests.export.sending import stored, until
from tests.faults import FaultServer, answer
from tests.programs import run

CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    pulse_otel.shutdown(0)


def begin(url: str, **settings: Any) -> None:
    pulse_otel.init_pulse(api_key=KEY, api_url=url, protocol="otlp", **settings)


def tracer() -> Any:
    assert recorders.observed is not None
    return recorders.observed.tracer("test")


def call() -> Any:
    """A call that has not ended yet."""
    return tracer().start_span("chat m", attributes=CALL)


@pytest.mark.parametrize("own", [True, False])
def test_no_call_is_lost_while_the_pipeline_is_replaced(own: bool) -> None:
    """It is made with the old one and ends with the new; or within the flush of the old one."""
    provider = None if own else TracerProvider(shutdown_on_exit=False)
    with FaultServer([answer(after_s=0.7)]) as server:
        begin(server.url, tracer_provider=provider, batch_size=1)
        call().end()
        assert until(lambda: server.received)
        first, open_ = _state.pipeline, call()
        again = threading.Thread(target=lambda: begin(server.url, tracer_provider=provider))
        again.start()
        assert until(lambda: _state.pipeline is not first)
        call().end()
        open_.end()
        assert again.is_alive()  # it flushes the first
        again.join()
        assert pulse_otel.flush_buffer(10)

        assert first is not None
        assert first.exporter.stats.delivered == 1
        assert pulse_otel.stats().delivered == 2
        assert len(stored(server.stored)) == 3


def test_what_ends_after_shutdown_is_counted(
    server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    begin(server.url, tracer_provider=provider)
    other, late = provider.get_tracer("app").start_span("GET /"), call()
    assert pulse_otel.shutdown() is True

    late.end()
    other.end()

    stats = pulse_otel.stats()
    assert (stats.ended, stats.unaccounted) == (1, 0)
    assert stats.dropped == {"after shutdown": 1}
    assert "ended after shutdown()" in caplog.text
    assert provider.force_flush() is True  # nothing is waited for


def test_an_exporter_that_stopped_leaves_spans_to_another(server: FaultServer) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    first, second = (PulseSpanExporter(KEY, server.url, protocol="otlp") for _ in range(2))
    for exporter in (first, second):
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    first.shutdown()

    provider.get_tracer("app").start_span("chat m", attributes=CALL).end()

    assert second.force_flush(10_000)
    assert (first.stats.ended, second.stats.delivered) == (0, 1)
    second.shutdown()


def test_a_shutdown_takes_the_time_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the calls of OpenTelemetry, and the end of the process, are bounded by us."""
    monkeypatch.setattr(exit_time, "EXIT_S", 0.05)
    with FaultServer(then=answer(after_s=0.5)) as server:
        begin(server.url)
        call().end()
        assert pulse_otel.shutdown(20) is True

        exporter = PulseSpanExporter(KEY, server.url, protocol="otlp")
        exporter.shutdown(20_000)
        assert exporter.stopped


def test_two_shutdowns_at_once_both_wait_for_the_end(server: FaultServer) -> None:
    server.then = answer(after_s=0.4)
    begin(server.url, batch_size=1)
    call().end()
    assert until(lambda: server.received)
    call().end()  # for a second request
    results: list[bool] = []
    first = threading.Thread(target=lambda: results.append(pulse_otel.shutdown(20)))
    first.start()
    assert until(lambda: recorders.observed is None)

    assert pulse_otel.shutdown(20) is True
    assert pulse_otel.stats().delivered == 2
    first.join()
    assert results == [True]


def test_the_shorter_of_two_shutdowns_ends_both(caplog: pytest.LogCaptureFixture) -> None:
    with FaultServer(then=answer(after_s=30)) as server:
        begin(server.url)
        call().end()
        first = threading.Thread(target=lambda: pulse_otel.shutdown(30))
        first.start()
        assert until(lambda: recorders.observed is None)

        started = time.monotonic()
        assert pulse_otel.shutdown(0.2) is False
        first.join(10)
        assert time.monotonic() - started < 10

    assert pulse_otel.stats().dropped == {"unconfirmed": 1}
    assert caplog.text.count("1 span lost") == 1


def test_each_pipeline_says_what_it_lost(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1, 4):
        begin("http://127.0.0.1:9")
        for _ in range(number):
            call().end()
        pulse_otel.shutdown(0.1)

    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    lost = [line.split("lost")[0] for line in lines if " lost " in line]
    assert lost == [f"pulse-otel: {said} " for said in ("1 span", "2 spans", "3 spans")]


def test_for_ever_is_a_time_to_wait(server: FaultServer) -> None:
    begin(server.url)
    call().end()
    assert pulse_otel.flush_buffer(float("inf")) is True
    call().end()
    assert pulse_otel.shutdown(float("inf")) is True
    assert pulse_otel.stats().delivered == 2


def test_a_wrong_time_to_wait_changes_nothing(server: FaultServer) -> None:
    begin(server.url)
    call().end()
    with pytest.raises(TypeError):
        pulse_otel.shutdown(None)  # type: ignore[arg-type]
    assert recorders.observed is not None
    assert pulse_otel.shutdown() is True
    assert pulse_otel.stats().delivered == 1


def test_metrics_never_go_down(server: FaultServer) -> None:
    seen: list[tuple[int, int]] = []
    for _ in range(3):
        begin(server.url)
        call().end()
        assert pulse_otel.flush_buffer(10)
        ended, settled, _ = metrics._accounts.now()
        seen.append((ended, settled["delivered", ""]))

    (ended, settled), *later = seen
    assert later == [(ended + 1, settled + 1), (ended + 2, settled + 2)]


def test_nothing_of_what_was_replaced_is_kept(server: FaultServer) -> None:
    begin(server.url)
    known = len(_state.switches)
    gone = []
    for _ in range(5):
        begin(server.url)
        call().end()
        assert _state.pipeline is not None
        gone.append(weakref.ref(_state.pipeline.provider()))
    begin(server.url)
    pulse_otel.shutdown()
    gc.collect()

    assert [reference() for reference in gone] == [None] * 5
    assert len(_state.switches) == known
    assert len(metrics._accounts.known) <= 2 + len(running())


FORK = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
taking = threading.Event()
class Slow(TracerProvider):
    def add_span_processor(self, processor):
        taking.set()
        time.sleep(0.3)
        super().add_span_processor(processor)
trace.set_tracer_provider(Slow(shutdown_on_exit=False))
thread = threading.Thread(target=spans, args=(1,))
thread.start()
taking.wait(5)
pid = os.fork()
if not pid:
    signal.alarm(10)
    spans(1)
    os._exit(0 if pulse_otel.flush_buffer(5) else 1)
assert os.waitpid(pid, 0)[1] == 0
thread.join()
"""


def test_a_fork_while_a_provider_is_taken_up(server: FaultServer) -> None:
    code, _, err = run(FORK, server.url)
    assert code == 0, err
    assert len(stored(server.stored)) == 12


HANDLER = """
def handler(*_):
    print(pulse_otel.shutdown(0.2), flush=True)
signal.signal(signal.SIGUSR1, handler)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()
print(pulse_otel.shutdown(20), flush=True)
print(pulse_otel.stats().dropped, flush=True)
"""


def test_a_signal_handler_may_shut_down_what_is_being_shut_down() -> None:
    with FaultServer(then=answer(after_s=30)) as server:
        code, out, err = run(HANDLER, server.url)
    assert code == 0, err
    *done, dropped = out.splitlines()
    assert done == ["False", "False"]
    # The handler may be earlier than the request.
    reasons = ast.literal_eval(dropped)
    assert set(reasons) <= {"unconfirmed", "not sent before the end"}
    assert sum(reasons.values()) == 10
    assert err.count("10 spans lost") == 1
