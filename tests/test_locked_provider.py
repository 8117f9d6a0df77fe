"""Global providers like Logfire's: not hashable, and locked while they flush."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import KEY, RunPython, Service

PROVIDER = """
import threading
from dataclasses import dataclass, field
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
import pulse_otel

@dataclass
class Locked:
    provider: TracerProvider = field(default_factory=TracerProvider)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get_tracer(self, *args, **kwargs):
        return self.provider.get_tracer(*args, **kwargs)

    def add_span_processor(self, processor):
        with self.lock:
            self.provider.add_span_processor(processor)

    def force_flush(self, timeout_millis=30_000):
        with self.lock:
            return self.provider.force_flush(timeout_millis)

class Unhashable(MeterProvider):
    __hash__ = None

locked, reader = Locked(), InMemoryMetricReader()
trace.set_tracer_provider(locked)
metrics.set_meter_provider(Unhashable([reader]))
"""
EXPORTER = """
locked.add_span_processor(BatchSpanProcessor(pulse_otel.PulseSpanExporter()))
pulse_otel.OpenAIInstrumentor().instrument()
"""
CALL = """
import openai
openai.OpenAI().chat.completions.create(model="gpt-4o-mini", messages=[])
locked.force_flush()
print("gen_ai.client.operation.duration" in reader.get_metrics_data().to_json())
"""


@pytest.mark.parametrize("setup", [EXPORTER, "pulse_otel.init_pulse(instrument=True)"])
def test_calls_are_sent_and_measured_by_a_provider_that_locks_itself_to_flush(
    setup: str, provider: Any, service: Service, run_python: RunPython
) -> None:
    """When its first batch is exported, the flush has its lock."""
    done = run_python(
        PROVIDER + setup + CALL,
        OPENAI_API_KEY="sk-caller",
        OPENAI_BASE_URL=provider.openai_url,
        PULSE_API_KEY=KEY,
        PULSE_API_URL=service.url,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
    service.traces(1)
