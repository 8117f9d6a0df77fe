"""The batch processor of `init_pulse`: bursts, flushes, signal handlers, forks, the end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import pulse_otel
from pulse_otel import pipeline
from pulse_otel.export import processor
from pulse_otel.process import flush
from tests.conftest import KEY, RunPython
from tests.export.sending import Watch, stored, until
from tests.faults import FaultServer, answer, hang
from tests.programs import count, run

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    yield TracerProvider(shutdown_on_exit=False)
    pulse_otel.shutdown(0)


def begin(server: FaultServer, provider: TracerProvider, **settings: Any) -> None:
    pulse_otel.init_pulse(
        api_key=KEY, api_url=server.url, protocol="otlp", tracer_provider=provider, **settings
    )


def end_spans(provider: TracerProvider, number: int) -> None:
    tracer = provider.get_tracer("pulse_otel.openai")
    for _ in range(number):
        tracer.start_span("chat m", attributes=CHAT).end()


@pytest.mark.row("U9")
@pytest.mark.parametrize(
    ("threads", "spans"), [(8, 2500), pytest.param(16, 6250, marks=pytest.mark.long)]
)
def test_a_burst_of_many_threads_loses_nothing(
    threads: int, spans: int, server: FaultServer, provider: TracerProvider
) -> None:
    """More than the SDK's processor takes by default, and faster than anything can be sent."""
    begin(server, provider)
    with Watch(pulse_otel.stats) as watch:
        workers = [
            threading.Thread(target=end_spans, args=(provider, spans)) for _ in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert pulse_otel.flush_buffer(100) is True

    stats = pulse_otel.stats()
    assert (stats.ended, stats.delivered, stats.lost) == (threads * spans, threads * spans, 0)
    assert watch.looks > 20
    assert watch.wrong == []
    assert set(stored(server.stored).values()) == {1}


@pytest.mark.row("U9")
def test_what_has_no_room_before_the_batch_processor_is_counted(
    server: FaultServer, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread is kept from running, as by a program that leaves no time to others."""
    room = 30 * 3300
    monkeypatch.setattr(processor, "MAX_BYTES", room)
    monkeypatch.setattr(processor, "MAX_QUEUED_BYTES", room)
    entered, go_on = threading.Event(), threading.Event()
    begin(server, provider, batch_size=1)
    assert pipeline._state.pipeline is not None
    exporter = pipeline._state.pipeline.exporter
    export = exporter.export

    def slow(spans: Any) -> Any:
        entered.set()
        go_on.wait(10)
        return export(spans)

    monkeypatch.setattr(exporter, "export", slow)
    end_spans(provider, 1)
    assert entered.wait(10)
    end_spans(provider, 99)
    during = pulse_otel.stats()
    go_on.set()

    assert pulse_otel.flush_buffer(20) is True
    after = pulse_otel.stats()
    assert (during.ended, during.in_queue + during.queue_overflow) == (100, 100)
    assert 25 <= during.in_queue <= 35
    assert (after.delivered, after.queue_overflow) == (during.in_queue, during.queue_overflow)


def test_no_variable_of_the_sdk_reaches_the_batch_processor(
    server: FaultServer, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Smaller than the batch size, `OTEL_BSP_MAX_QUEUE_SIZE` makes the SDK raise."""
    for name in ("MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE", "SCHEDULE_DELAY", "EXPORT_TIMEOUT"):
        monkeypatch.setenv(f"OTEL_BSP_{name}", "5")
    begin(server, provider)
    end_spans(provider, 50)

    assert pulse_otel.flush_buffer(20) is True
    assert count(server) == 50


def test_without_a_thread_for_the_batch_processor_spans_are_sent_all_the_same(
    server: FaultServer, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object, **kwargs: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(pipeline, "BatchSpanProcessor", refused)
    begin(server, provider)
    end_spans(provider, 5)

    assert pulse_otel.flush_buffer(20) is True
    assert count(server) == 5


def test_spans_leave_when_the_batch_is_full_or_the_interval_is_over(
    server: FaultServer, provider: TracerProvider
) -> None:
    begin(server, provider, batch_size=3, flush_interval=60_000)
    end_spans(provider, 2)
    assert not server.received
    end_spans(provider, 1)
    assert until(lambda: count(server) == 3)

    begin(server, provider, batch_size=100, flush_interval=1000)
    end_spans(provider, 1)
    assert until(lambda: count(server) == 4)


def test_after_the_shutdown_no_thread_is_left_and_late_spans_are_counted(
    server: FaultServer, provider: TracerProvider, caplog: pytest.LogCaptureFixture
) -> None:
    before = set(threading.enumerate())
    begin(server, provider)
    end_spans(provider, 3)
    assert pulse_otel.shutdown(10) is True
    assert until(lambda: not {*threading.enumerate()} - before)
    with caplog.at_level(logging.WARNING, "pulse_otel"):
        end_spans(provider, 2)

    stats = pulse_otel.stats()
    assert (stats.ended, stats.delivered, dict(stats.dropped)) == (5, 3, {"after shutdown": 2})


@pytest.mark.row("P4")
def test_a_flush_in_a_handler_in_a_flush(server: FaultServer) -> None:
    """The SDK's own flush cannot be entered twice by one thread."""
    script = """
failed, inside = [], []
def handler(*_):
    if len(inside) == 10:  # on a busy machine they pile up, and would exceed Python's stack
        return
    inside.append(1)
    spans(3)
    failed.append(pulse_otel.flush_buffer(20) is not True)
    inside.pop()
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
while len(failed) < 150:
    spans(5)
    pulse_otel.flush_buffer(20)
signal.setitimer(signal.ITIMER_REAL, 0)
pulse_otel.flush_buffer(20)
stats = pulse_otel.stats()
print(sum(failed), stats.lost, stats.unaccounted, stats.ended - stats.delivered)
"""
    code, out, err = run(script, server.url)
    assert (code, out.split(), err) == (0, ["0"] * 4, "")


@pytest.mark.row("P4")
def test_a_span_that_a_handler_ends_while_another_one_is_queued(server: FaultServer) -> None:
    """The handler strikes inside the SDK's `emit`, in the lock of the event that it sets."""
    script = """
import faulthandler; faulthandler.dump_traceback_later(25, exit=True)
struck = []
def handler(*_):
    struck.append(1)
    spans(2)
signal.signal(signal.SIGUSR1, handler)
real = threading.Condition.notify_all
main = threading.get_ident()
def notify_all(self):
    # `Event.set` calls this while it holds the lock that it needs.
    if threading.get_ident() == main and sys._getframe(2).f_code.co_name == "emit":
        if not struck:
            signal.raise_signal(signal.SIGUSR1)
    return real(self)
threading.Condition.notify_all = notify_all
spans(100)
pulse_otel.flush_buffer(20)
print(len(struck), pulse_otel.stats().delivered, pulse_otel.stats().unaccounted)
"""
    code, out, err = run(script, server.url)
    assert (code, out.split(), err) == (0, ["1", "112", "0"], "")


@pytest.mark.row("P2")
def test_the_end_waits_for_a_service_that_hangs_as_long_as_promised(run_python: RunPython) -> None:
    script = """
import time, pulse_otel
from pulse_otel.instrumentation.recorder import recorders
pulse_otel.init_pulse(protocol="otlp")
tracer = recorders.observed.tracer("test")
for _ in range(5):
    tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()
begun = time.monotonic()
pulse_otel.shutdown()
print(time.monotonic() - begun < 5.5, pulse_otel.stats().lost)
"""
    with FaultServer([hang()], then=hang()) as hanging:
        done = run_python(script, PULSE_API_URL=hanging.url, PULSE_API_KEY=KEY)
    assert done.stdout.split() == ["True", "5"]


@pytest.mark.row("P6")
def test_a_fork_after_a_second_init_pulse(server: FaultServer) -> None:
    """The first batch processor is stopped; child and parent each send what ended in them."""
    script = """
import gc
pulse_otel.init_pulse(protocol="otlp", flush_interval=60_000, batch_size=100)
gc.collect()
pid = os.fork()
spans(7)
done = pulse_otel.flush_buffer(20)
stats = pulse_otel.stats()
if pid == 0:
    os._exit(0 if (done, stats.ended, stats.delivered) == (True, 7, 7) else 1)
print(os.waitpid(pid, 0)[1], done, stats.ended, stats.delivered, stats.unaccounted)
"""
    code, out, err = run(script, server.url)
    assert (code, out.split(), err) == (0, ["0", "True", "7", "7", "0"], "")
    assert count(server) == 10 + 7 + 7


def test_the_pipeline_has_the_batch_processor_of_the_sdk(
    server: FaultServer, provider: TracerProvider
) -> None:
    begin(server, provider, batch_size=7, flush_interval=1500)

    assert pipeline._state.pipeline is not None
    batch, _ = pipeline._state.pipeline.exporter._processors()
    assert type(batch) is BatchSpanProcessor
    assert batch.span_exporter is pipeline._state.pipeline.exporter


def test_a_second_sighting_that_comes_in_a_later_batch_is_still_the_same_call(
    provider: TracerProvider,
) -> None:
    """The first is handed over alone, as its batch is full; the second waits for the interval."""
    with FaultServer(then=answer()) as server:
        outer, inner = provider.get_tracer("app"), provider.get_tracer("pulse_otel.openai")
        begin(server, provider, batch_size=2, flush_interval=60_000)
        end_spans(provider, 1)
        usage = {**CHAT, "gen_ai.usage.input_tokens": 3, "gen_ai.response.id": "r"}
        with outer.start_as_current_span("chat m", attributes=usage):
            inner.start_span("chat m", attributes=usage).end()  # the second of a batch of two

        assert until(lambda: pulse_otel.stats().delivered == 2)
        stats = pulse_otel.stats()
    assert (stats.ended, stats.ignored, stats.in_queue) == (3, 1, 0)


def test_giants_do_not_use_up_the_room_for_others(
    server: FaultServer, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leaves the batch processor counts there as it counted when it came."""
    for module in ("span_size", "queue"):
        monkeypatch.setattr(f"pulse_otel.export.delivery.{module}.LARGEST_BYTES", 10_000)
    monkeypatch.setattr(processor, "MAX_BYTES", 50_000)
    monkeypatch.setattr(processor, "MAX_QUEUED_BYTES", 50_000)
    begin(server, provider)
    tracer = provider.get_tracer("pulse_otel.openai")
    for _ in range(20):
        tracer.start_span("chat m", attributes={**CHAT, "x": "y" * 40_000}).end()
        assert pulse_otel.flush_buffer(20) is True

    assert (pulse_otel.stats().delivered, pulse_otel.stats().lost) == (20, 0)


def test_a_span_that_the_garbage_collector_ends_in_the_thread_of_the_sdk(
    server: FaultServer,
) -> None:
    """It strikes while that thread waits for its event, and has the event's lock."""
    script = """
import faulthandler; faulthandler.dump_traceback_later(25, exit=True)
pulse_otel.init_pulse(protocol="otlp", flush_interval=1000, batch_size=1)
struck = []
real = threading.Condition.wait
def wait(self, timeout=None):
    name = threading.current_thread().name
    if name.startswith("OtelBatchSpan") and not struck:
        struck.append(1)
        spans(1)  # as the __del__ of a stream
    return real(self, timeout)
threading.Condition.wait = wait
spans(3)
while not struck: time.sleep(0.01)
spans(3)
print(pulse_otel.flush_buffer(20), pulse_otel.stats().delivered)
"""
    code, out, err = run(script, server.url)
    assert (code, out.split(), err) == (0, ["True", "7"], "")


def test_a_call_in_flight_while_init_pulse_changes_the_provider_is_sent(
    server: FaultServer, provider: TracerProvider
) -> None:
    begin(server, provider)
    span = provider.get_tracer("pulse_otel.openai").start_span("chat m", attributes=CHAT)
    begin(server, TracerProvider(shutdown_on_exit=False))
    span.end()

    assert pulse_otel.flush_buffer(20) is True
    assert count(server) == 1
    assert pulse_otel.stats().delivered == 1


def test_a_thread_that_is_late_for_a_second_init_pulse_loses_nothing(
    server: FaultServer, provider: TracerProvider
) -> None:
    """It has asked where the spans go; then everything is replaced, and then it goes on."""
    begin(server, provider)
    assert pipeline._state.pipeline is not None
    late = pipeline._state.pipeline.processor
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("pulse_otel.openai")
    ended, held_back = (tracer.start_span("chat m", attributes=CHAT) for _ in range(2))
    for span in (ended, held_back):
        span.end()
    late._counted_for(cast("ReadableSpan", held_back))
    begin(server, provider)

    late.on_end(cast("ReadableSpan", ended))
    late._exporter.export((cast("ReadableSpan", held_back),))  # by the old batch processor

    assert pulse_otel.flush_buffer(20) is True
    assert (pulse_otel.stats().ended, pulse_otel.stats().delivered) == (2, 2)
    assert count(server) == 2


def test_a_thread_that_outlives_the_main_one_does_not_use_up_the_time_of_the_end(
    server: FaultServer,
) -> None:
    """Another exporter is shut down long before the process ends."""
    script = """
other = pulse_otel.PulseSpanExporter(api_key=os.environ["PULSE_API_KEY"], api_url="http://127.0.0.1:9")
def serve():
    threading.main_thread().join()
    other.shutdown()
    from pulse_otel.process import exit_time
    print(exit_time.exit_s() == exit_time.EXIT_S, flush=True)
threading.Thread(target=serve).start()
"""
    code, out, err = run(script, server.url)
    assert (code, out.split(), err) == (0, ["True"], "")


def test_where_the_names_of_the_sdk_are_others_the_global_provider_is_flushed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A batch processor that does not say whose exporter it feeds."""
    over = threading.Event()

    class Renamed:
        def worker(self) -> None:
            over.wait(20)

    flushed = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(flush.trace, "get_tracer_provider", lambda: flushed)
    exporter = object()
    assert list(flush.batch_processors_before(exporter)) == []
    thread = threading.Thread(target=Renamed().worker, name="OtelBatchSpanProcessor")
    thread.start()
    try:
        assert list(flush.batch_processors_before(exporter)) == [flushed]
    finally:
        over.set()
        thread.join()
