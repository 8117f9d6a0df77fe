"""From the attributes of a span to the cost that the service stores."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from pulse_otel import semconv
from pulse_otel.export.dialects import read
from pulse_otel.export.exporter import PulseSpanExporter
from pulse_otel.export.records.record import Record, Usage
from pulse_otel.export.spool.batch import dump, load
from tests.conftest import KEY, Service
from tests.export.spans import one

CALL: dict[str, Any] = {
    semconv.OPERATION_NAME: semconv.OPERATION_CHAT,
    semconv.PROVIDER_NAME: "anthropic",
    semconv.REQUEST_MODEL: "claude-opus-5",
    semconv.RESPONSE_MODEL: "claude-opus-5",
    semconv.INPUT_TOKENS: 10_000,
    semconv.OUTPUT_TOKENS: 0,
}
USED: dict[str, Any] = {
    semconv.CACHE_WRITE_TOKENS: 9_000,
    semconv.PULSE_CACHE_WRITE_1H_TOKENS: 8_000,
    semconv.PULSE_TOOL_USES: '{"web_search": 2, "web_fetch": 0, "odd": "x"}',
    semconv.PULSE_OTHER_MODELS: json.dumps(
        [{"model": "claude-haiku-4-5", semconv.INPUT_TOKENS: 1000, semconv.OUTPUT_TOKENS: 0}]
    ),
    semconv.PULSE_SAMPLINGS: json.dumps(
        [{semconv.INPUT_TOKENS: 6000, semconv.CACHE_WRITE_TOKENS: 9}, {semconv.INPUT_TOKENS: 4000}]
    ),
    semconv.PULSE_SPEED: "fast",
    semconv.PULSE_INFERENCE_GEO: "us",
    semconv.SERVER_ADDRESS: "a.example",
    semconv.INPUT_IMAGE_TOKENS: 7,
    semconv.PULSE_AUDIO_SECONDS: 1.5,
}


def recorded(attributes: dict[str, Any]) -> Record:
    record = read(one(semconv.SCOPE_ANTHROPIC, "chat", attributes))
    assert record is not None
    return record


def test_a_record_has_what_the_span_says_of_the_bill() -> None:
    record = recorded(CALL | USED)

    assert record.usage == Usage(
        input=10_000,
        output=0,
        cache_write=9_000,
        cache_write_1h=8_000,
        input_image=7,
        audio_seconds=1.5,
        tool_uses={"web_search": 2},
        other_models=[{"model": "claude-haiku-4-5", "input": 1000, "output": 0}],
        samplings=[{"input": 6000, "cache_write": 9}, {"input": 4000}],
    )
    assert (record.speed, record.inference_geo) == ("fast", "us")
    assert (record.server, record.is_shared) == ("a.example", False)


def test_a_span_id_of_the_spans_own_wish_is_shared() -> None:
    record = recorded(CALL | {semconv.PULSE_SPAN_ID: "00000000000000ab"})

    assert (record.span_id, record.is_shared) == ("00000000000000ab", True)
    assert load(dump(record)) == record


def test_a_spool_keeps_what_the_span_says_of_the_bill() -> None:
    record = recorded(CALL | USED)

    assert load(dump(record)) == record


@pytest.mark.parametrize("odd", ["", "x", "[1]", "3", '{"a": -1}', '[{"model": 1}]'])
def test_odd_counts_of_tools_and_models_are_none(odd: str) -> None:
    usage = recorded(CALL | {semconv.PULSE_TOOL_USES: odd}).usage

    assert usage.tool_uses is None
    assert usage.other_models is None


@pytest.mark.parametrize(
    ("attributes", "prices", "expected"),
    [
        ({}, None, 5.0),
        ({}, {"claude-opus-5": {"input": 1, "output": 1}}, 1.0),
        ({semconv.PULSE_COST_CENTS: 0.25}, {"claude-opus-5": {"input": 1, "output": 1}}, 0.25),
        ({semconv.PULSE_SERVICE_TIER: "priority"}, None, None),
    ],
)
def test_the_service_stores_the_cost(
    service: Service, attributes: dict[str, Any], prices: Any, expected: float | None
) -> None:
    exporter = PulseSpanExporter(KEY, service.url, prices=prices)
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.get_tracer(semconv.SCOPE_ANTHROPIC).start_span(
        "chat", attributes=CALL | attributes
    ).end()
    tracing.shutdown()

    (trace,) = service.traces(1)
    (span,) = trace["spans"]
    assert span.get("costCents") == (None if expected is None else pytest.approx(expected))
    assert (semconv.PULSE_COST_UNKNOWN in span["metadata"]) is (expected is None)
