"""The instrumentors record every client of the process, and stop when told to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor, observe
from pulse_otel.instrumentation.recorder import recorders
from tests.conftest import KEY, MESSAGES


def in_memory() -> tuple[TracerProvider, InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return provider, memory


@pytest.mark.parametrize("capture", [True, False])
def test_instrument_record_uninstrument(
    capture: bool, openai_client: Any, anthropic_client: Any
) -> None:
    provider, memory = in_memory()
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


Init = Callable[..., InMemorySpanExporter]


@pytest.fixture
def init() -> Iterator[Init]:
    """`init_pulse` with the given settings; returns what it records. All ends with the test."""

    def init_pulse(**settings: Any) -> InMemorySpanExporter:
        provider, memory = in_memory()
        pulse_otel.init_pulse(
            {"api_key": KEY, "api_url": "http://127.0.0.1:9", "tracer_provider": provider},
            **settings,
        )
        return memory

    yield init_pulse
    OpenAIInstrumentor().uninstrument()
    pulse_otel.shutdown(0)


@pytest.mark.parametrize("first", ["init_pulse", "instrument"])
def test_without_a_provider_the_pipeline_records_as_it_was_told(
    first: str, init: Init, openai_client: Any, provider: Any
) -> None:
    settings = {"max_content_bytes": 1024, "stream_usage": "always"}
    if first == "instrument":
        OpenAIInstrumentor().instrument()
    memory = init(**settings)
    if first == "init_pulse":
        OpenAIInstrumentor().instrument()

    messages = [{"role": "user", "content": "long " * 1000}]
    list(openai_client.chat.completions.create(model="m", messages=messages, stream=True))

    (span,) = memory.get_finished_spans()
    assert span.attributes is not None
    assert 0 < len(str(span.attributes["gen_ai.input.messages"]).encode()) <= 1024
    assert provider.requests[0].json()["stream_options"] == {"include_usage": True}


def test_what_the_instrumentor_is_told_wins_over_the_pipeline(
    init: Init, openai_client: Any
) -> None:
    memory = init(capture_content=True)
    OpenAIInstrumentor().instrument(capture_content=False)

    openai_client.chat.completions.create(model="m", messages=MESSAGES)

    (span,) = memory.get_finished_spans()
    assert "gen_ai.input.messages" not in (span.attributes or {})


def test_a_provider_that_was_given_is_used_beside_a_pipeline(
    init: Init, openai_client: Any
) -> None:
    memory = init()
    provider, given = in_memory()
    OpenAIInstrumentor().instrument(tracer_provider=provider)

    openai_client.chat.completions.create(model="m", messages=MESSAGES)

    (span,) = given.get_finished_spans()
    assert "gen_ai.input.messages" not in (span.attributes or {})
    assert memory.get_finished_spans() == ()


@pytest.mark.parametrize("reason", ["nobody", "disabled", "shut down", "SDK disabled"])
def test_where_nothing_can_be_recorded_it_is_said_once(
    reason: str,
    init: Init,
    openai_client: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And not where somebody wants it so."""
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    monkeypatch.setattr(recorders, "initialised", False)
    if reason == "SDK disabled":
        monkeypatch.setenv("OTEL_SDK_DISABLED", "True")
    elif reason != "nobody":
        init(enabled=reason != "disabled")
        pulse_otel.shutdown(0)
    OpenAIInstrumentor().instrument()

    with caplog.at_level(logging.WARNING, "pulse_otel"):
        for _ in range(2):
            openai_client.chat.completions.create(model="m", messages=MESSAGES)

    said = [record.message for record in caplog.records if "not recorded" in record.message]
    assert len(said) == (reason == "nobody")
