"""The instrumentors record every client of the process, and stop when told to."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor, observe
from tests.conftest import MESSAGES


@pytest.mark.parametrize("capture", [True, False])
def test_instrument_record_uninstrument(
    capture: bool, openai_client: Any, anthropic_client: Any
) -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    instrumentors = [OpenAIInstrumentor(), AnthropicInstrumentor()]

    def calls() -> None:
        openai_client.chat.completions.create(model="m", messages=MESSAGES)
        anthropic_client.messages.create(model="m", max_tokens=5, messages=MESSAGES)

    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=provider, capture_content=capture)
    try:
        calls()
        observe(openai_client, "openai")  # both at once: still one span
        calls()
        with suppress_instrumentation():
            calls()
    finally:
        for instrumentor in instrumentors:
            instrumentor.uninstrument()
    calls()

    spans = memory.get_finished_spans()
    assert len(spans) == 4
    for span in spans:
        assert span.attributes is not None
        assert ("gen_ai.input.messages" in span.attributes) is capture
        assert span.attributes["gen_ai.usage.input_tokens"] == 120
