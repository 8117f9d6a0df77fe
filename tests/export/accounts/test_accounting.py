"""The accounts: each span is in exactly one place, at every moment, whatever goes wrong."""

from __future__ import annotations

import dataclasses
import logging
import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

import pulse_otel
import pulse_otel.log
from pulse_otel import Provider, PulseSpanExporter, observe
from pulse_otel.export.accounts.span_ends import log_lost_spans
from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.export.delivery import queue
from tests.conftest import KEY, MESSAGES, RunPython
from tests.export.faulty import FaultyService
from tests.export.sending import Watch, records, sending, stored, until
from tests.faults import FaultServer, answer, drip, finish, garbage, hang, reset, store_then_reset

CHAOS = [
    *[answer(status) for status in (408, 429, 500, 502, 503)],
    answer(503, headers={"Retry-After": "0"}),
    *[reset(at) for at in ("before", "half", "header", "body")],
    finish(),
    garbage(),
    store_then_reset(),
    hang(),
    drip("header", 0.2),
]


def chaos(server: Any, spool_dir: Path | None, spans: int, threads: int = 4) -> Any:
    """Send `spans` from several threads while requests meet random faults."""
    with (
        sending(server.url, attempt_s=1.0, spool_dir=spool_dir, most=50) as delivery,
        Watch(delivery.snapshot) as watch,
    ):

        def emit(first: int) -> None:
            for start in range(first, first + spans // threads, 25):
                delivery.submit(records(25, start))
                time.sleep(random.uniform(0, 0.002))

        emitting = [
            threading.Thread(target=emit, args=(n * spans // threads,)) for n in range(threads)
        ]
        for thread in emitting:
            thread.start()
        for thread in emitting:
            thread.join()
        done = delivery.flush(55)
        return done, delivery.snapshot(), watch


@pytest.mark.row("N12")
def test_everything_arrives_once_through_random_faults(tmp_path: Path) -> None:
    """2,000 spans, four threads, at least 40 requests, a fault in every fifth of them; on disk.

    In memory it is measured: N12 of tests.reliability.
    """
    chance = random.Random(7)

    def script(number: int, request: Any) -> Any:
        return chance.choice(CHAOS) if chance.random() < 0.2 else answer()

    with FaultServer(script) as server:
        done, stats, watch = chaos(server, tmp_path, 2000)

    assert done is True
    assert len(stored(server.stored)) == 2000
    assert (stats.ended, stats.delivered, stats.lost) == (2000, 2000, 0)
    assert watch.looks > 20
    assert watch.wrong == []


@pytest.mark.row("U9")
def test_too_many_spans_cost_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_QUEUED_BYTES", 100 * 500)  # each counts as 500
    with FaultServer(then=answer(503)) as server, sending(server.url) as delivery:
        delivery.submit(records(10))
        assert until(
            lambda: delivery._sender.backoff.open
        )  # from here on, nothing leaves the queue
        for start in range(10, 1000, 10):
            delivery.submit(records(10, start))
        stats = delivery.snapshot()
        server.then = answer()
        delivery.flush(20)

    assert stats.unaccounted == 0
    assert stats.queue_overflow == 1000 - 100 - 10
    kept = {int(span_id, 16) for span_id in stored(server.stored)}
    assert kept >= set(range(900, 1000))


@pytest.mark.row("U9")
def test_too_many_bytes_cost_the_oldest_but_never_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "MAX_QUEUED_BYTES", 400)  # each counts as 500
    with FaultServer() as server, sending(server.url) as delivery:
        delivery.submit(records(1))
        assert delivery.flush(10) is True
        delivery.submit(records(3, 10))
        delivery.flush(10)
        stats = delivery.snapshot()

    assert (stats.ended, stats.delivered, stats.queue_overflow) == (4, 2, 2)
    assert f"{12:016x}" in stored(server.stored)


@pytest.mark.row("E5")
@pytest.mark.usefixtures("not_strict")
def test_what_cannot_be_read_is_degraded_and_costs_no_other() -> None:
    """One hostile span among 512: 512 are delivered."""

    def read(record: Any) -> Any:
        if record.span_id == f"{77:016x}":
            raise RecursionError
        return record

    with (
        FaultServer() as server,
        sending(server.url, read=read, degrade=lambda record: record) as delivery,
    ):
        delivery.submit(records(512))
        assert delivery.flush(10) is True
        assert delivery.snapshot().delivered == 512

    assert len(stored(server.stored)) == 512


def test_the_users_view_of_the_accounts(faulty: FaultyService, openai_client: Any) -> None:
    assert pulse_otel.stats().unaccounted == 0
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    client = observe(openai_client, Provider.OPENAI)
    faulty.answer = lambda number, spans: (503, b"{}", {})
    for _ in range(4):
        client.chat.completions.create(model="m", messages=MESSAGES)

    waiting = pulse_otel.stats()
    faulty.answer = lambda number, spans: None
    assert pulse_otel.flush_buffer(10) is True
    settled = pulse_otel.stats()
    pulse_otel.shutdown()

    assert (waiting.ended, waiting.in_queue, waiting.delivered) == (4, 4, 0)
    assert (settled.ended, settled.in_queue, settled.delivered) == (4, 0, 4)
    assert pulse_otel.stats() == settled  # also after the end


def test_the_accounts_as_metrics(faulty: FaultyService, run_python: RunPython) -> None:
    done = run_python(
        METRICS,
        PULSE_API_KEY=KEY,
        PULSE_API_URL=faulty.url,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:4] == [
        "pulse.delivery.spans.ended {} 3",
        "pulse.delivery.spans.pending {'pulse.delivery.where': 'disk'} 0",
        "pulse.delivery.spans.pending {'pulse.delivery.where': 'memory'} 0",
        "pulse.delivery.spans.settled {'pulse.delivery.outcome': 'delivered'} 3",
    ]


METRICS = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
import pulse_otel
from pulse_otel.instrumentation.recorder import recorders

pulse_otel.init_pulse()
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))  # after init_pulse
tracer = recorders.observed.tracer("test")
for _ in range(3):
    tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()
assert pulse_otel.flush_buffer(10)
for resource in reader.get_metrics_data().resource_metrics:
    for scope in resource.scope_metrics:
        for metric in sorted(scope.metrics, key=lambda metric: metric.name):
            points = sorted(metric.data.data_points, key=lambda point: str(point.attributes))
            for point in points:
                shown = dict(point.attributes)
                if point.value or "where" in str(shown):
                    print(metric.name, shown, point.value)
"""


@pytest.mark.row("U4")
def test_one_line_at_the_end_says_what_was_lost_and_what_to_do(
    faulty: FaultyService, openai_client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    client = observe(openai_client, Provider.OPENAI)
    faulty.answer = lambda number, spans: (503, b"{}", {})
    for _ in range(4):
        client.chat.completions.create(model="m", messages=MESSAGES)

    while len(faulty.asked) < 2:  # the outcome of the first is known by then
        pulse_otel.flush_buffer(0.2)
    with caplog.at_level(logging.INFO, "pulse_otel"):
        pulse_otel.shutdown(0.3)

    lost = [line.getMessage() for line in caplog.records if "lost" in line.getMessage()]
    assert lost == [
        "pulse-otel: 4 spans lost (4 not sent before the end): the service answered 503"
        f" [{faulty.url}]; with spool_dir the next process sends them"
    ]
    assert pulse_otel.stats().dropped == {"not sent before the end": 4}


@pytest.mark.parametrize("streams", [True, False])
def test_a_call_that_ends_after_shutdown_is_told_and_an_unread_stream_as_such(
    streams: bool, server: FaultServer, openai_client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pulse_otel.init_pulse(
        api_key=KEY, api_url=server.url, tracer_provider=TracerProvider(shutdown_on_exit=False)
    )
    create = observe(openai_client, Provider.OPENAI).chat.completions.create
    raw = observe(openai_client, Provider.OPENAI).chat.completions.with_streaming_response.create
    request: dict[str, Any] = {"model": "m", "messages": MESSAGES}
    answer = create(**request, stream=True) if streams else raw(**request).__enter__()
    pulse_otel.shutdown()
    answer.close()

    stream = "a stream that was not read to its end is not sent" in caplog.text
    assert stream is streams
    assert ("a call that ended after shutdown() is not sent" in caplog.text) is not streams


def test_an_exporter_that_exports_nothing_counts_nothing() -> None:
    stats = PulseSpanExporter(api_key=KEY, enabled=False).stats

    assert not any(dataclasses.asdict(stats).values())
    assert (stats.lost, stats.unaccounted) == (0, 0)


@pytest.mark.parametrize(
    "place",
    [
        "in_queue",
        "queue_overflow",
        "delivered",
        "pending_on_disk",
        "taken_over",
        "ignored",
        "not_sampled",
    ],
)
def test_a_span_in_any_place_is_accounted_for(place: str) -> None:
    assert DeliveryStats(ended=3, **{place: 3}).unaccounted == 0  # type: ignore[arg-type]
    assert DeliveryStats(ended=3, dropped={"rejected": 2, "refused": 1}).unaccounted == 0


def test_a_call_that_is_recorded_twice_is_ignored_once(server: FaultServer) -> None:
    ours, theirs = records(2)
    outer = replace(theirs, scope="another")
    inner = replace(ours, scope="ours", parent_span_id=outer.span_id)
    with sending(server.url) as delivery:
        delivery.submit([inner, outer])
        delivery.flush(20)
        stats = delivery.snapshot()

    assert (stats.ended, stats.delivered, stats.ignored, stats.unaccounted) == (2, 1, 1, 0)


def test_the_last_line_says_what_waits_on_disk_if_anything_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "pulse_otel"):
        log_lost_spans(DeliveryStats(ended=1, delivered=1), "", passing=True)
        assert caplog.messages == []
        log_lost_spans(DeliveryStats(ended=3, pending_on_disk=3), "", passing=True)

    assert caplog.messages == ["pulse-otel: waiting in spool_dir: 3"]
