"""What the instrumentors are told: by argument, by environment, or by nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import OpenAIInstrumentor, PulseSpanExporter
from pulse_otel.config import load_config
from pulse_otel.instrumentation.options import content_bytes, content_wanted, usage_policy
from pulse_otel.log import rate_limited
from pulse_otel.settings import ConfigError

OTEL = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
PULSE = "PULSE_CAPTURE_CONTENT"


@pytest.fixture
def spans() -> Iterator[Any]:
    """Instruments with the given options; returns what is exported."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))

    def instrument(**options: Any) -> InMemorySpanExporter:
        OpenAIInstrumentor().instrument(tracer_provider=provider, **options)
        return memory

    yield instrument
    if OpenAIInstrumentor().is_instrumented_by_opentelemetry:
        OpenAIInstrumentor().uninstrument()


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_the_options_reach_the_span(
    by: str, spans: Any, openai_client: Any, provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"capture_content": True, "max_content_bytes": 1024, "stream_usage": "always"}
    if by == "environment":
        for name, value in options.items():
            monkeypatch.setenv(f"PULSE_{name.upper()}", str(value))
        options = {}
    memory = spans(**options)

    messages = [{"role": "user", "content": "long " * 1000}]
    list(openai_client.chat.completions.create(model="m", messages=messages, stream=True))

    (span,) = memory.get_finished_spans()
    assert 0 < len(span.attributes["gen_ai.input.messages"].encode()) <= 1024
    assert span.attributes["gen_ai.usage.input_tokens"] == 120
    assert provider.requests[0].json()["stream_options"] == {"include_usage": True}


CONFIGS = {
    "batch": "tracer_provider: {processors: [{batch: {exporter: {pulse: }}}]}",
    "simple": "tracer_provider: {processors: [{batch: {}}, {simple: {exporter: {pulse: {}}}}]}",
    "other": "tracer_provider: {processors: [{batch: {exporter: {pulsar: {}}}}]}",
    "comment": "tracer_provider:\n  processors: # [{batch: {exporter: {pulse: {}}}}]",
    "list": "[pulse]",
    "no yaml": "a: [",
}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp, pulse"}, True),
        ({"OTEL_TRACES_EXPORTER": "pulse", OTEL: "NO_CONTENT"}, False),
        ({"OTEL_TRACES_EXPORTER": "pulse", OTEL: "event_only"}, False),
        ({OTEL: "SPAN_AND_EVENT"}, True),
        ({OTEL: "true", PULSE: "off"}, False),
        ({OTEL: "no_content", PULSE: "1"}, True),
        ({OTEL: "nonsense"}, False),
        ({"OTEL_TRACES_EXPORTER": "pulse", "OTEL_CONFIG_FILE": "other"}, False),
        ({"OTEL_CONFIG_FILE": "batch"}, True),
        ({"OTEL_CONFIG_FILE": "simple"}, True),
        ({"OTEL_CONFIG_FILE": "simple", PULSE: "false"}, False),
        ({"OTEL_CONFIG_FILE": "comment"}, False),
        ({"OTEL_CONFIG_FILE": "list"}, False),
        ({"OTEL_CONFIG_FILE": "no yaml"}, False),
        ({"OTEL_CONFIG_FILE": "no such file"}, False),
    ],
)
def test_content_is_on_where_pulse_is_the_destination(
    environ: dict[str, str],
    wanted: bool,
    spans: Any,
    openai_client: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pytest.importorskip("yaml")
    for name, value in environ.items():
        if name == "OTEL_CONFIG_FILE":
            path = tmp_path / "otel.yaml"
            if value in CONFIGS:
                path.write_text(CONFIGS[value])
            value = str(path)
        monkeypatch.setenv(name, value)
    memory = spans()

    openai_client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])

    (span,) = memory.get_finished_spans()
    assert ("gen_ai.input.messages" in span.attributes) is wanted


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        (lambda value: content_wanted(value, True), "perhaps"),
        (content_bytes, 10),
        (content_bytes, True),
        (usage_policy, "sometimes"),
    ],
)
def test_a_wrong_argument_raises(read: Any, wrong: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        read(wrong)


def test_a_wrong_argument_leaves_the_sdk_as_it_was(spans: Any) -> None:
    with pytest.raises(ValueError, match="stream_usage: expected 'auto', 'always' or 'never'"):
        spans(stream_usage="sometimes")
    assert not OpenAIInstrumentor().is_instrumented_by_opentelemetry


@pytest.mark.parametrize(
    ("variable", "read", "default"),
    [
        ("PULSE_CAPTURE_CONTENT", lambda: content_wanted(None, True), False),
        ("PULSE_MAX_CONTENT_BYTES", lambda: content_bytes(None), 262_144),
        ("PULSE_STREAM_USAGE", lambda: usage_policy(None), "auto"),
    ],
)
def test_a_wrong_variable_is_told_and_never_taken_for_a_yes(
    variable: str,
    read: Any,
    default: object,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(variable, "12 or so")
    with caplog.at_level(logging.WARNING, "pulse_otel"):
        assert read() == default
    assert variable in caplog.text


@pytest.mark.parametrize(
    ("variable", "read"),
    [
        ("PULSE_CAPTURE_CONTENT", lambda: content_wanted(None, True)),
        ("PULSE_MAX_CONTENT_BYTES", lambda: content_bytes(None)),
        ("PULSE_STREAM_USAGE", lambda: usage_policy(None)),
    ],
)
@pytest.mark.parametrize("text", ["SPAN_ONLY", " no_content ", "On", "4096", "12", "always", "?"])
def test_init_pulse_and_the_instrumentors_read_a_variable_alike(
    variable: str, read: Any, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one accepts the other accepts; what one warns about raises in the other."""
    monkeypatch.setenv(variable, text)
    setting = variable.removeprefix("PULSE_").lower()
    try:
        strict = getattr(load_config(), setting)
    except ConfigError:
        strict = None

    found = read()

    warned = variable in rate_limited._next
    assert warned is (strict is None)
    assert warned or found == strict


def test_the_exporter_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    """Not for names it does not know, nor for values that are wrong; and no value is told."""
    secret = "pulse_sk_secret"
    with caplog.at_level(logging.WARNING, "pulse_otel"):
        exporter = PulseSpanExporter(api_ky=secret, colour="blue")
        PulseSpanExporter(secret, protocol="carrier pigeon")
        PulseSpanExporter(api_key=12, api_url=["x"], enabled="perhaps")  # type: ignore[arg-type]
    exporter.shutdown()
    assert "api_ky, colour" in caplog.text
    assert secret not in caplog.text


@pytest.mark.parametrize("disabled_by", ["argument", "environment"])
def test_a_disabled_exporter_says_nothing_about_its_other_settings(
    disabled_by: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PULSE_BATCH_SIZE", "abc")
    arguments: dict[str, Any] = {"api_key": "your-key-here", "protocol": "carrier pigeon"}
    if disabled_by == "argument":
        arguments["enabled"] = False
    else:
        monkeypatch.setenv("PULSE_ENABLED", "false")

    exporter = PulseSpanExporter(**arguments)

    assert exporter.stopped
    assert exporter.export([]) is SpanExportResult.SUCCESS
    assert exporter.force_flush()
    assert caplog.messages == []


def test_what_is_nearly_an_option_is_asked_about(
    spans: Any, caplog: pytest.LogCaptureFixture
) -> None:
    spans(capture_contents=False, meter_provider=None)
    assert caplog.messages == [
        "pulse-otel: capture_contents is no option; did you mean capture_content?"
    ]


def test_a_tracer_provider_that_is_none_of_the_kind(spans: Any) -> None:
    with pytest.raises(TypeError, match="tracer_provider: expected a TracerProvider, got str"):
        OpenAIInstrumentor().instrument(tracer_provider="x")
    assert not OpenAIInstrumentor().is_instrumented_by_opentelemetry
