"""Spans of the openai instrumentor at a user's own exporter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import OpenAIInstrumentor


class Spans:
    """What arrived at the exporter."""

    def __init__(self, memory: InMemorySpanExporter) -> None:
        self.memory = memory

    def one(self) -> ReadableSpan:
        """The only span."""
        (span,) = self.memory.get_finished_spans()
        return span

    @property
    def attributes(self) -> dict[str, Any]:
        """Those of the only span."""
        return dict(self.one().attributes or {})

    def json(self, name: str) -> Any:
        """The attribute `name` of the only span, parsed."""
        return json.loads(self.attributes[name])

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts of the first output message."""
        parts: list[dict[str, Any]] = self.json("gen_ai.output.messages")[0]["parts"]
        return parts


Instrument = Callable[[bool], Spans]


@pytest.fixture
def instrument() -> Iterator[Instrument]:
    """Turn the instrumentor on, with content or without."""
    instrumentor = OpenAIInstrumentor()

    def on(capture_content: bool) -> Spans:
        memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(memory))
        instrumentor.instrument(tracer_provider=provider, capture_content=capture_content)
        return Spans(memory)

    yield on
    instrumentor.uninstrument()


@pytest.fixture
def spans(instrument: Instrument) -> Spans:
    """The instrumentor is on, with content."""
    return instrument(True)
