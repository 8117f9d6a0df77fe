"""Faults of the service: nothing lost silently, the caller never waits, one line per cause."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

import pulse_otel
import pulse_otel.log
from pulse_otel import Provider, observe
from pulse_otel.export.delivery import queue as intake
from pulse_otel.export.delivery.span_size import SPAN_BYTES
from tests.conftest import KEY, MESSAGES, Service
from tests.export.faulty import Answer, FaultyService

GPT = {"model": "gpt-4o-mini", "messages": MESSAGES}


@pytest.fixture
def client(faulty: FaultyService, openai_client: Any) -> Any:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    return observe(openai_client, Provider.OPENAI)


@pytest.mark.row("H4", "H5", "H7", "H8", "U4")
@pytest.mark.parametrize("protocol", ["auto", "otlp"])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b'{"error":"Internal server error"}', {}), "the service answered 500"),
        ((401, b'{"error":"Invalid API key"}', {}), "does not know the API key (401)"),
        ((404, b"404 Not Found", {}), "no trace endpoint at that address (404)"),
        ((200, b"<html></html>", {}), "the answer does not come from a trace service"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), "the address redirects (302)"),
    ],
    ids=["500", "401", "404", "html", "redirect"],
)
def test_a_fault_is_reported_once_and_nothing_is_lost_when_it_passes(
    faulty: FaultyService,
    client: Any,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
    said: str,
    protocol: str,
) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url}, protocol=protocol)
    faulty.answer = lambda number, spans: answer
    with caplog.at_level(logging.WARNING, "pulse_otel"):
        for _ in range(3):
            client.chat.completions.create(**GPT)
        deadline = time.monotonic() + 10
        while len(faulty.asked) + len(faulty.requests) < 2 and time.monotonic() < deadline:
            assert pulse_otel.flush_buffer(0.3) is False

    assert len(faulty.asked) + len(faulty.requests) >= 2
    assert (not faulty.requests) == (protocol == "auto")  # no spans are sent to who does not answer
    # A flush of 0.3 s may itself end an attempt, on a busy machine; that is said too, once.
    messages = [m for r in caplog.records if "in time" not in (m := r.getMessage())]
    assert [said in message for message in messages] == [True], messages
    assert KEY not in caplog.text

    faulty.answer = lambda number, spans: None
    assert pulse_otel.flush_buffer(10) is True
    assert len(faulty.accepted) == 3


def test_one_refused_span_never_costs_the_others(faulty: FaultyService, client: Any) -> None:
    """The service answers 400 to every request with more than one span, and to one single."""
    singles: list[int] = []

    def answer(number: int, spans: int) -> Answer | None:
        if spans == 1:
            singles.append(number)
        refused = spans > 1 or len(singles) == 3
        return (400, b'{"error":"x"}', {}) if spans and refused else None

    faulty.answer = answer
    for _ in range(10):
        client.chat.completions.create(**GPT)

    assert pulse_otel.flush_buffer(20) is False
    assert len(faulty.accepted) == 9


@pytest.mark.row("N3", "U3")
def test_a_hanging_service_delays_no_call(faulty: FaultyService, client: Any) -> None:
    faulty.delay_s = 30
    client.chat.completions.create(**GPT)
    pulse_otel.flush_buffer(0.3)  # the worker hangs in a request now

    started = time.monotonic()
    for _ in range(40):  # four batches
        client.chat.completions.create(**GPT)
    took = time.monotonic() - started

    assert took < 10  # one call that waited for the service would take 10 s alone
    started = time.monotonic()
    assert pulse_otel.shutdown(1) is False
    assert time.monotonic() - started < 3


@pytest.mark.row("H11", "U9")
def test_5000_spans_at_full_speed_all_arrive_in_few_requests(faulty: FaultyService) -> None:
    """Default settings, 50 ms per request: batches of ten coalesce while one is under way."""
    from pulse_otel.instrumentation.recorder import recorders

    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    faulty.delay_s = 0.05
    assert recorders.observed is not None
    tracer = recorders.observed.tracer("test")

    for number in range(5000):
        with tracer.start_as_current_span(
            "chat m", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
        ) as span:
            span.set_attribute("n", number)

    assert pulse_otel.flush_buffer(30) is True
    assert len(faulty.accepted) == len(set(faulty.accepted)) == 5000
    assert len(faulty.requests) < 250
    assert max(faulty.requests) <= 1000
    assert faulty.keys == {f"Bearer {KEY}"}


def test_ordinary_spans_are_left_out(service: Service, openai_client: Any) -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    exporter = pulse_otel.PulseSpanExporter(api_key=KEY, api_url=service.url)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("app")
    with tracer.start_as_current_span("GET /"), tracer.start_as_current_span("chat m") as span:
        span.set_attribute("gen_ai.operation.name", "chat")

    assert exporter.force_flush(10_000)
    exporter.shutdown()

    (trace,) = service.traces(1)
    assert trace["spanCount"] == 1
    assert (exporter.stats.delivered, exporter.stats.ignored, exporter.stats.lost) == (1, 1, 0)


@pytest.mark.row("U9")
def test_other_spans_take_no_place_in_the_queue(
    faulty: FaultyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is away for long, in a program with many spans of its own."""
    monkeypatch.setattr(intake, "MAX_QUEUED_BYTES", 20 * (SPAN_BYTES + 200))
    provider = TracerProvider(shutdown_on_exit=False)
    faulty.answer = lambda number, spans: (503, b"", {})
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url, "tracer_provider": provider})
    tracer = provider.get_tracer("app")
    for _ in range(20):
        tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()
    for _ in range(1000):
        tracer.start_span("GET /", attributes={"http.request.method": "GET"}).end()
    during = pulse_otel.stats()
    faulty.answer = lambda number, spans: None

    assert pulse_otel.flush_buffer(20) is True
    after = pulse_otel.stats()
    assert (during.ended, during.ignored, during.unaccounted) == (1020, 1000, 0)
    assert (after.delivered, after.ignored, after.lost, after.unaccounted) == (20, 1000, 0, 0)


def test_an_exporter_without_a_key_warns_and_exports_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exporter = pulse_otel.PulseSpanExporter()

    exporter.export([])
    exporter.shutdown()

    assert "set PULSE_API_KEY" in caplog.text
