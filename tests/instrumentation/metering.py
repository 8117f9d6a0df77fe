"""A MeterProvider, what comes out of it, and both SDKs recorded with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor
from tests.conftest import MESSAGES
from tests.samplers import Switched

DURATION = "gen_ai.client.operation.duration"
USAGE = "gen_ai.client.token.usage"
FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"
NEXT_CHUNK = "gen_ai.client.operation.time_per_output_chunk"

GPT: dict[str, Any] = {"model": "gpt-5", "messages": MESSAGES}
CLAUDE: dict[str, Any] = {"model": "claude-sonnet-4-5", "max_tokens": 5, "messages": MESSAGES}


class Metrics:
    """A MeterProvider, and what comes out of it."""

    def __init__(self, *views: View, delta: bool = False) -> None:
        chosen = {Histogram: AggregationTemporality.DELTA} if delta else {}
        self.reader = InMemoryMetricReader(preferred_temporality=chosen)  # type: ignore[arg-type]
        self.provider = MeterProvider(
            [self.reader],
            views=views,
            shutdown_on_exit=False,
            exemplar_filter=AlwaysOnExemplarFilter(),
        )

    def read(self) -> dict[str, Any]:
        """The metrics by name; of one scope."""
        data = self.reader.get_metrics_data()
        scopes = [] if data is None else data.resource_metrics[0].scope_metrics
        assert len(scopes) <= 1
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def points(self) -> dict[str, list[Any]]:
        return {name: list(metric.data.data_points) for name, metric in self.read().items()}


class Recording:
    """Both SDKs, instrumented with a MeterProvider."""

    def __init__(self) -> None:
        self.sampler = Switched()
        self.memory = InMemorySpanExporter()
        self.traces = TracerProvider(sampler=self.sampler, shutdown_on_exit=False)
        self.traces.add_span_processor(SimpleSpanProcessor(self.memory))

    @property
    def spans(self) -> list[Any]:
        return list(self.memory.get_finished_spans())

    @contextmanager
    def to(self, meters: Any, **options: Any) -> Iterator[None]:
        ours = OpenAIInstrumentor(), AnthropicInstrumentor()
        for one in ours:
            one.instrument(tracer_provider=self.traces, meter_provider=meters, **options)
        yield
        for one in ours:
            one.uninstrument()
