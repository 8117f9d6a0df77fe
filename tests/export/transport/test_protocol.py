"""Which form the service speaks: asked once, off the caller's thread, and again after a 404."""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import pulse_otel
from pulse_otel import Provider, observe
from pulse_otel.config import ApiKey, load_config
from pulse_otel.export.transport import http
from pulse_otel.export.transport.http import Request, Transport
from pulse_otel.export.transport.outcome import Outcome, Verdict, decide
from pulse_otel.export.transport.protocol import ProtocolDetector
from pulse_otel.instrumentation.recorder import recorders
from pulse_otel.local.provider.replies import DEFAULT_TEXT
from tests.conftest import KEY, MESSAGES
from tests.export.changing import ChangingService
from tests.export.faulty import NOT_FOUND, FaultyService
from tests.export.sending import records, sending, until
from tests.faults import FaultServer, hang

GPT = {"model": "gpt-4o-mini", "messages": MESSAGES}
OTLP, TRACES = "/v1/traces", "/v1/traces/async"


def _calls(count: int) -> None:
    """`count` spans of LLM calls, as fast as they can be made."""
    assert recorders.observed is not None
    tracer = recorders.observed.tracer("test")
    for _ in range(count):
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
        tracer.start_span("chat m", attributes=attributes).end()


@pytest.mark.parametrize(
    ("form", "asked"), [("otlp", [OTLP]), ("traces", [OTLP, TRACES])], ids=["otlp", "traces"]
)
def test_auto_asks_once_and_sends_in_the_form_it_finds(
    faulty: FaultyService, form: str, asked: list[str]
) -> None:
    faulty.form = form
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})

    for _ in range(3):
        _calls(120)
        assert pulse_otel.flush_buffer(10) is True

    assert faulty.asked == asked
    assert len(set(faulty.accepted)) == len(faulty.accepted) == 360
    assert max(faulty.requests) <= {"otlp": 1000, "traces": 100}[form]


@pytest.mark.parametrize("form", ["otlp", "traces"])
def test_a_fixed_protocol_never_asks(faulty: FaultyService, form: str) -> None:
    faulty.form = "none"
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url}, protocol=form)
    _calls(3)
    assert pulse_otel.flush_buffer(1.5) is False

    faulty.form = form
    assert pulse_otel.flush_buffer(10) is True

    assert faulty.asked == []
    assert len(faulty.accepted) == 3


def test_a_service_that_changes_its_form_loses_nothing(
    changing: ChangingService, openai_client: Any
) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": changing.url})
    client = observe(openai_client, Provider.OPENAI)

    for form in ("otlp", "traces", "otlp"):
        changing.form = form
        for _ in range(3):
            client.chat.completions.create(**GPT, pulse_session_id="session-123")
        assert pulse_otel.flush_buffer(20) is True

    stored = changing.traces("otlp", 6) + changing.traces("traces", 3)
    assert {trace["outputText"] for trace in stored} == {DEFAULT_TEXT}
    assert changing.posts["traces", TRACES] == 2  # one asks, one brings the spans
    assert changing.posts["traces", "/v1/traces/batch"] == 0


def test_a_404_that_a_gateway_gives_now_and_then_holds_nothing_up(faulty: FaultyService) -> None:
    """Three of four requests with spans are refused, as by an ingress whose backends change."""
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    _calls(1)
    assert pulse_otel.flush_buffer(10) is True
    faulty.answer = lambda number, spans: NOT_FOUND if spans and number % 4 else None

    for _ in range(3):
        _calls(10)
        pulse_otel.flush_buffer(10)

    assert len(faulty.accepted) == 31
    assert faulty.asked.count(OTLP) == 1


def test_a_service_that_does_not_even_say_its_form_is_said_to_be_silent() -> None:
    with FaultServer(then=hang()) as server:
        detector = ProtocolDetector(Transport(server.url, ApiKey(KEY)), "auto")
        with sending(server.url, form=detector.form, attempt_s=0.5) as delivery:
            delivery.submit(records(1))
            assert until(lambda: server.received)
            assert delivery._sender.trouble == "the service does not answer in time"
            assert until(lambda: delivery._sender.backoff.failures)
            assert delivery._sender.trouble == "the service does not answer in time"


def test_a_change_under_load_loses_nothing(changing: ChangingService) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": changing.url})
    changing.turns = 4
    for _ in range(40):
        _calls(25)
        time.sleep(0.05)

    assert pulse_otel.flush_buffer(20) is True
    changing.turns = 0
    deadline = time.monotonic() + 15  # what was accepted is stored a moment later
    while sum(stored := _stored(changing)) < 1000 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sum(stored) == 1000
    assert min(stored) > 0


def _stored(changing: ChangingService) -> list[int]:
    counts: list[int] = []
    for changing.form in ("otlp", "traces"):
        counts.append(changing.get("/v1/traces", limit=1).json()["total"])
    return counts


def test_what_is_written_for_one_form_is_written_anew_for_the_other(
    faulty: FaultyService,
) -> None:
    """250 spans are one request of the current form, and three of the legacy one."""
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    _calls(500)  # the first requests are small
    assert pulse_otel.flush_buffer(10) is True
    faulty.requests.clear()

    faulty.answer = lambda number, spans: (503, b"", {})
    _calls(250)
    deadline = time.monotonic() + 20
    while not max(faulty.requests, default=0) > 100 and time.monotonic() < deadline:
        assert pulse_otel.flush_buffer(1) is False
    faulty.form = "traces"
    faulty.answer = lambda number, spans: None
    assert pulse_otel.flush_buffer(20) is True

    assert len(set(faulty.accepted)) == 750
    assert max(faulty.requests) > 100
    assert sorted(faulty.requests[-3:]) == [50, 100, 100]


@pytest.mark.row("H7")
def test_a_dead_service_is_asked_once_for_each_step_of_the_back_off(faulty: FaultyService) -> None:
    faulty.answer = lambda number, spans: (500, b"", {})
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url, "flush_interval": 1000})

    _calls(500)
    time.sleep(3)

    assert 1 <= len(faulty.asked) <= 5  # at first, then after 0.5-1 s, 1-2 s, 2-4 s
    assert faulty.requests == []


def test_a_wrong_key_sends_no_spans(faulty: FaultyService) -> None:
    faulty.form = "traces"
    faulty.answer = lambda number, spans: (401, b'{"error":"Invalid API key"}', {})
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    _calls(5)
    assert pulse_otel.flush_buffer(1) is False
    assert faulty.requests == []

    faulty.answer = lambda number, spans: None
    assert pulse_otel.flush_buffer(10) is True
    assert len(faulty.accepted) == 5


def test_spans_that_are_not_ours_need_no_answer(faulty: FaultyService) -> None:
    faulty.form = "none"
    exporter = pulse_otel.PulseSpanExporter(api_key=KEY, api_url=faulty.url)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("app").start_span("GET /").end()

    assert exporter.force_flush(10_000) is True
    exporter.shutdown()

    assert exporter.stats.ignored == 1
    assert faulty.asked == []


def test_asking_delays_no_call(faulty: FaultyService, openai_client: Any) -> None:
    faulty.delay_s = 20
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    client = observe(openai_client, Provider.OPENAI)

    started = time.monotonic()
    for _ in range(30):  # three batches
        client.chat.completions.create(**GPT)

    assert time.monotonic() - started < 10
    assert pulse_otel.shutdown(0.1) is False


Reply = tuple[int, bytes]
NO: Reply = (404, b"404 Not Found")
YES: Reply = (200, b"{}")
QUEUED: Reply = (202, b'{"status":"queued","count":0}')
DENIED: Reply = (401, b'{"error":"Invalid API key"}')
PAGE: Reply = (200, b"<html></html>")


@pytest.mark.parametrize(
    ("otlp", "traces", "form", "verdict"),
    [
        (YES, NO, "otlp", Verdict.DELIVERED),
        (NO, QUEUED, "traces", Verdict.DELIVERED),
        (DENIED, NO, None, Verdict.PAUSED),
        (NO, DENIED, None, Verdict.PAUSED),
        ((405, b""), QUEUED, "traces", Verdict.DELIVERED),
        (NO, NO, None, Verdict.PAUSED),
        (PAGE, QUEUED, None, Verdict.PAUSED),
        ((500, b""), QUEUED, None, Verdict.RETRY),
        (NO, (503, b""), None, Verdict.RETRY),
        ((302, b""), QUEUED, None, Verdict.PAUSED),
        ((400, b'{"error":"x"}'), QUEUED, None, Verdict.PAUSED),
    ],
)
def test_what_the_answers_say(
    otlp: Reply, traces: Reply, form: str | None, verdict: Verdict
) -> None:
    class Answers(Transport):
        def send(self, request: Request, deadline: float) -> http.Reply:
            empty = {OTLP: b'{"resourceSpans":[]}', TRACES: b"[]"}
            assert request.body == empty[request.path]
            return http.Reply(decide(*{OTLP: otlp, TRACES: traces}[request.path]))

    detector = ProtocolDetector(Answers("http://localhost", ApiKey(KEY)), "auto")
    found = detector.form(time.monotonic() + 1)

    if isinstance(found, Outcome):
        assert (form, found.verdict) == (None, verdict)
    else:
        assert (found.name, Verdict.DELIVERED) == (form, verdict)


@pytest.mark.parametrize(("form", "asked"), [("otlp", [OTLP]), ("traces", [OTLP, TRACES])])
def test_a_wrong_key_is_asked_about_once_in_each_step(
    faulty: FaultyService, form: str, asked: list[str]
) -> None:
    """Once it is known where there is an endpoint."""
    faulty.form = form
    faulty.answer = lambda number, spans: (401, b'{"error":"Invalid API key"}', {})
    detector = ProtocolDetector(Transport(faulty.url, ApiKey(KEY)), "auto")

    for _ in range(4):
        assert isinstance(detector.form(time.monotonic() + 5), Outcome)

    assert faulty.asked == asked + asked[-1:] * 3


def test_a_senseless_answer_to_the_question_drops_nothing(faulty: FaultyService) -> None:
    faulty.answer = lambda number, spans: (400, b'{"error":"x"}', {})
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    _calls(3)
    assert pulse_otel.flush_buffer(1) is False

    faulty.answer = lambda number, spans: None
    assert pulse_otel.flush_buffer(10) is True
    assert len(faulty.accepted) == 3


@pytest.mark.parametrize("form", ["auto", "otlp", "traces", "collector"])
def test_the_environment_chooses_too(form: str) -> None:
    assert load_config({}, environ={"PULSE_PROTOCOL": form}).protocol == form
