"""Faults of the service: nothing lost silently, the caller never waits, one line per cause."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import pulse_otel
import pulse_otel.log
from pulse_otel import Provider, observe
from pulse_otel.export.outcome import Verdict, decide
from tests.conftest import KEY, MESSAGES, Service

GPT = {"model": "gpt-4o-mini", "messages": MESSAGES}


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b"{}", Verdict.DELIVERED),
        (200, b"", Verdict.DELIVERED),
        (204, b"", Verdict.DELIVERED),
        (200, b"<html>welcome</html>", Verdict.PAUSED),
        (200, b"[]", Verdict.PAUSED),
        (301, b"", Verdict.PAUSED),
        (307, b"{}", Verdict.PAUSED),
        (400, b'{"error":"Invalid JSON body"}', Verdict.REJECTED),
        (401, b"", Verdict.PAUSED),
        (404, b"404 Not Found", Verdict.PAUSED),
        (408, b"", Verdict.RETRY),
        (413, b"", Verdict.TOO_LARGE),
        (429, b"", Verdict.RETRY),
        (500, b'{"error":"Internal server error"}', Verdict.RETRY),
        (503, b"", Verdict.RETRY),
    ],
)
def test_outcome_table(status: int, body: bytes, verdict: Verdict) -> None:
    assert decide(status, body).verdict is verdict


def test_partial_success_is_counted() -> None:
    outcome = decide(200, b'{"partialSuccess":{"rejectedSpans":3,"errorMessage":"no"}}')

    assert (outcome.verdict, outcome.refused) == (Verdict.DELIVERED, 3)


Answer = tuple[int, bytes, dict[str, str]]


class FaultyService:
    """A trace service that answers as it is told, and remembers the span ids it accepted."""

    def __init__(self) -> None:
        self.answer: Callable[[int, int], Answer] = lambda number, spans: (200, b"{}", {})
        self.delay_s = 0.0
        self.requests: list[int] = []
        self.accepted: list[str] = []
        self.keys: set[str] = set()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.serve(self)

            def log_message(self, format: str, *args: Any) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        ids = [
            span["spanId"]
            for group in body["resourceSpans"]
            for scope in group["scopeSpans"]
            for span in scope["spans"]
        ]
        time.sleep(self.delay_s)
        with self._lock:
            self.requests.append(len(ids))
            self.keys.add(handler.headers["Authorization"])
            status, answer, headers = self.answer(len(self.requests), len(ids))
            if status == 200 and answer == b"{}":
                self.accepted += ids
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(answer)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def faulty() -> Iterator[FaultyService]:
    service = FaultyService()
    yield service
    pulse_otel.shutdown(0)
    service.close()


@pytest.fixture
def client(faulty: FaultyService, openai_client: Any) -> Any:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": faulty.url})
    return observe(openai_client, Provider.OPENAI)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b'{"error":"Internal server error"}', {}), "the service answered 500"),
        ((401, b'{"error":"Invalid API key"}', {}), "does not know the API key (401)"),
        ((404, b"404 Not Found", {}), "no trace endpoint there (404)"),
        ((200, b"<html></html>", {}), "the answer is not a trace service's"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), "the address redirects (302)"),
    ],
    ids=["500", "401", "404", "html", "redirect"],
)
def test_a_fault_is_reported_once_and_nothing_is_lost_when_it_passes(
    faulty: FaultyService, client: Any, caplog: pytest.LogCaptureFixture, answer: Answer, said: str
) -> None:
    faulty.answer = lambda number, spans: answer
    pulse_otel.log.complaints.__init__()  # type: ignore[misc]
    with caplog.at_level(logging.WARNING, "pulse_otel"):
        for _ in range(3):
            client.chat.completions.create(**GPT)
        assert pulse_otel.flush_buffer(1.2) is False

    assert len(faulty.requests) >= 2
    assert [said in record.getMessage() for record in caplog.records] == [True]
    assert KEY not in caplog.text

    faulty.answer = lambda number, spans: (200, b"{}", {})
    assert pulse_otel.flush_buffer(10) is True
    assert len(faulty.accepted) == 3


def test_one_refused_span_never_costs_the_others(faulty: FaultyService, client: Any) -> None:
    """The service answers 400 to every request with more than one span, and to one single."""
    singles: list[int] = []

    def answer(number: int, spans: int) -> Answer:
        if spans == 1:
            singles.append(number)
        refused = spans > 1 or len(singles) == 3
        return (400, b'{"error":"x"}', {}) if refused else (200, b"{}", {})

    faulty.answer = answer
    for _ in range(10):
        client.chat.completions.create(**GPT)

    assert pulse_otel.flush_buffer(20) is False
    assert len(faulty.accepted) == 9


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
    from opentelemetry.sdk.trace import TracerProvider
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


def test_an_exporter_without_a_key_warns_and_exports_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pulse_otel.log.complaints.__init__()  # type: ignore[misc]
    exporter = pulse_otel.PulseSpanExporter()

    exporter.export([])
    exporter.shutdown()

    assert "set PULSE_API_KEY" in caplog.text


def _delivery(outcomes: Any) -> Any:
    from pulse_otel.export.delivery import Delivery, Steps

    return Delivery(
        Steps(
            encode=lambda item: (item, 1),
            post=outcomes,
            size=lambda item: 1,
            max_batch=1000,
            attempt_s=1.0,
        )
    )


def test_a_passing_fault_in_the_middle_of_a_split_loses_nothing() -> None:
    """Span 13 is poison, and posts 2, 5 and 7 meet a fault that passes."""
    from pulse_otel.export.outcome import Outcome

    posts: list[Any] = []
    accepted: list[int] = []

    def post(batch: Any, deadline: float) -> Outcome:
        posts.append(batch)
        if len(posts) in (2, 5, 7):
            return Outcome(Verdict.RETRY, "passing")
        if 13 in batch:
            return Outcome(Verdict.REJECTED, "poison")
        accepted.extend(batch)
        return Outcome(Verdict.DELIVERED)

    delivery = _delivery(post)
    delivery.submit(list(range(40)))

    assert delivery.flush(10) is False  # one is lost, and the flush says so
    assert sorted(accepted) == [n for n in range(40) if n != 13]
    assert (delivery.stats.received, delivery.stats.delivered) == (40, 39)
    assert dict(delivery.stats.dropped) == {"rejected": 1}


@pytest.mark.parametrize("refused", [50, -3])
def test_a_senseless_partial_success_keeps_the_accounts_right(refused: int) -> None:
    from pulse_otel.export.outcome import Outcome

    delivery = _delivery(lambda batch, deadline: Outcome(Verdict.DELIVERED, refused=refused))
    delivery.submit([1, 2])

    delivery.flush(5)

    stats = delivery.stats
    assert stats.delivered >= 0
    assert stats.delivered + stats.lost == stats.received == 2


def test_what_is_under_way_at_shutdown_is_counted_once() -> None:
    from pulse_otel.export.outcome import Outcome

    released = threading.Event()

    def post(batch: Any, deadline: float) -> Outcome:
        released.wait(5)
        return Outcome(Verdict.DELIVERED)

    delivery = _delivery(post)
    delivery.submit([1, 2, 3])

    assert delivery.shutdown(0.2) is False
    released.set()
    time.sleep(0.1)  # the answer comes after all

    assert delivery.stats.delivered + delivery.stats.lost == 3


def test_a_bug_of_ours_ends_neither_the_worker_nor_the_caller() -> None:
    from pulse_otel.export.outcome import Outcome

    posts: list[Any] = []

    def post(batch: Any, deadline: float) -> Outcome:
        posts.append(batch)
        if len(posts) == 1:
            raise RuntimeError("a bug")
        return Outcome(Verdict.DELIVERED)

    delivery = _delivery(post)
    delivery.submit([1])

    assert delivery.flush(10) is True
    assert delivery.stats.delivered == 1


def test_digits_that_are_no_number_are_no_number() -> None:
    body = '{"partialSuccess":{"rejectedSpans":"²"}}'.encode()

    assert decide(200, body).refused == 0
    assert decide(503, b"", "²").retry_after_s is None
