"""The accounts hold when the thread that reads them ends a span amid the reading.

The garbage collector does that: it finalizes a stream that the program dropped, wherever it runs.
Here a span ends at one step of the reading after another, until the reading has no more steps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

import pulse_otel
from pulse_otel.export.accounts.stats import DeliveryStats
from tests.conftest import KEY
from tests.faults import FaultServer

_EXPORT = str(Path(pulse_otel.__file__).parent / "export")


def struck_at(step: int, read: Callable[[], DeliveryStats], strike: Callable[[], None]) -> Any:
    """What `read` returns if `strike` runs at the given step of it; None if it has fewer."""
    left, struck = step, False

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left, struck
        if not frame.f_code.co_filename.startswith(_EXPORT):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and not struck:
            left -= 1
            if left < 0:
                struck = True
                strike()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        stats = read()
    finally:
        sys.settrace(before)
    return stats if struck else None


@pytest.fixture
def provider(server: FaultServer) -> Iterator[TracerProvider]:
    made = TracerProvider(shutdown_on_exit=False)
    pulse_otel.init_pulse(api_key=KEY, api_url=server.url, protocol="otlp", tracer_provider=made)
    yield made
    pulse_otel.shutdown(0)


@pytest.mark.parametrize("way", ["into the batch processor", "into the queue", "after the end"])
def test_a_span_may_end_at_any_step_of_a_reading(way: str, provider: TracerProvider) -> None:
    tracer = provider.get_tracer("pulse_otel.openai")

    def end_span() -> None:
        tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()

    exporter = pulse_otel.pipeline._state.pipeline.exporter  # type: ignore[union-attr]
    if way == "into the queue":
        exporter.expedite()
    elif way == "after the end":
        pulse_otel.shutdown(0)
    end_span()

    step, wrong = 0, list[DeliveryStats]()
    while (stats := struck_at(step, pulse_otel.stats, end_span)) is not None:
        step += 1
        if stats.unaccounted or min(stats.in_queue, stats.ignored, stats.delivered) < 0:
            wrong.append(stats)

    assert wrong == []
    assert step > 100
    assert pulse_otel.stats().ended == step + 1
