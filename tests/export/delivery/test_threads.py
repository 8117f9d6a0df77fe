"""Many threads at once, and an end amid them."""

from __future__ import annotations

import threading
import time

import pytest

import pulse_otel
from pulse_otel.instrumentation.recorder import recorders
from tests.conftest import KEY
from tests.export.faulty import FaultyService
from tests.export.sending import Watch


@pytest.mark.row("P13")
@pytest.mark.parametrize("end", ["at the end", "amid"])
@pytest.mark.parametrize(
    ("threads", "spans"),
    [(16, 100), pytest.param(64, 1000, marks=[pytest.mark.long, pytest.mark.timeout(300)])],
)
def test_many_threads(threads: int, spans: int, end: str, faulty: FaultyService) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url, "protocol": "otlp"})
    assert recorders.observed is not None
    tracer = recorders.observed.tracer("test")

    def emit() -> None:
        for _ in range(spans):
            tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()
            time.sleep(0)

    emitting = [threading.Thread(target=emit) for _ in range(threads)]
    with Watch(pulse_otel.stats) as watch:
        for thread in emitting:
            thread.start()
        if end == "amid":
            pulse_otel.shutdown(10)
        for thread in emitting:
            thread.join()
        done = pulse_otel.flush_buffer(60)
        pulse_otel.shutdown(10)
    stats = pulse_otel.stats()

    assert watch.wrong == []
    assert stats.unaccounted == stats.in_queue == 0
    assert len(set(faulty.accepted)) == len(faulty.accepted)
    if end == "amid":  # the answer to what was under way then may come too late to be counted
        assert len(faulty.accepted) >= stats.delivered
        assert stats.ended <= threads * spans
        assert stats.delivered == stats.ended - stats.lost
    else:
        assert done is True
        assert len(faulty.accepted) == stats.delivered == threads * spans
