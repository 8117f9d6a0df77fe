"""The three variants of a workload: the bare SDK, a span written by hand, an observed client.

Each is counted in a process of its own. The spans of the counted calls themselves are looked at
afterwards: a variant that records less is not compared.
"""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from by_hand import Attributes, by_hand
from counting import USUAL, Counted, Counts, Effort, count_with, in_child
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from workloads import Workload

import pulse_otel

NO_BATCH_MS = 3_600_000  # nothing is sent while calls are counted
KEY = "pulse_sk_counted"
_MODEL = "gen_ai.request.model"
_TOKENS = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
# Where a span holds the request and the answer: in the program, and on the wire.
RECORDED = ("gen_ai.input.messages", "gen_ai.output.messages")
DELIVERED = ("pulse.request", "pulse.response")


class IncompleteSpan(Exception):
    """A variant does not record what it is compared for."""


class Service(BaseHTTPRequestHandler):
    """A trace service that accepts every span, and keeps its attributes.

    Like Pulse, it ignores a span that comes again: under callgrind an answer may come too late.
    """

    protocol_version = "HTTP/1.1"
    spans: ClassVar[list[Attributes]] = []
    ids: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        """Accept an export."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for group in body["resourceSpans"]:
            for scope in group["scopeSpans"]:
                for span in scope["spans"]:
                    if span["spanId"] not in self.ids:
                        self.ids.add(span["spanId"])
                        self.spans.append(_attributes(span))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _attributes(span: dict[str, Any]) -> Attributes:
    return {item["key"]: next(iter(item["value"].values())) for item in span["attributes"]}


def started_service() -> str:
    """The URL of a service in a thread of this process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def _check(workload: Workload, span: Attributes, content: tuple[str, str]) -> None:
    """Raise IncompleteSpan unless the span has the model, the tokens, request and answer."""
    asked, answered = (str(span.get(key, "")) for key in content)
    complete = {
        "the model": span.get(_MODEL) == workload.request["model"],
        "tokens": all(int(span.get(key, 0)) > 0 for key in _TOKENS),
        "the request": workload.asked in asked,
        "the answer": workload.answer in answered,
    }
    missing = [what for what, there in complete.items() if not there]
    if missing:
        raise IncompleteSpan(f"the span lacks {', '.join(missing)}: {sorted(span)}")


def check_all(
    workload: Workload, calls: int, spans: list[Attributes], content: tuple[str, str] = DELIVERED
) -> None:
    """Raise IncompleteSpan unless each of the calls has one complete span."""
    if len(spans) != calls * workload.spans:
        raise IncompleteSpan(f"{calls} calls were recorded as {len(spans)} spans")
    for span in spans:
        _check(workload, span, content)


def _flush() -> None:
    if not pulse_otel.flush_buffer(60):
        raise IncompleteSpan("the service did not accept every span")


def _bare(workload: Workload, effort: Effort) -> Counted:
    return count_with(effort, partial(workload.call, workload.client()))


def _floor(workload: Workload, observed: Attributes, effort: Effort) -> Counted:
    """A batch processor hands each span over, as in most programs; nothing is sent."""
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(memory, schedule_delay_millis=NO_BATCH_MS, max_export_batch_size=512)
    )
    made = by_hand(workload, provider.get_tracer("app"), observed)
    counted = count_with(effort, made, provider.force_flush)
    provider.force_flush()
    spans = [dict(span.attributes or {}) for span in memory.get_finished_spans()]
    check_all(workload, counted.calls, spans, RECORDED)
    for span in spans:
        _check_equal(span, observed)
    return counted


def _ours(workload: Workload, effort: Effort) -> Counted:
    pulse_otel.init_pulse(
        api_key=KEY,
        api_url=started_service(),
        protocol="otlp",
        batch_size=100,
        flush_interval=NO_BATCH_MS,
    )
    client = pulse_otel.observe(workload.client(), workload.provider)
    counted = count_with(effort, partial(workload.call, client), _flush)
    _flush()
    check_all(workload, counted.calls, Service.spans)
    return counted


def observed_span(workload: Workload) -> Attributes:
    """The attributes of the span that an observed client makes of the workload."""
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    pulse_otel.init_pulse(api_key=KEY, api_url=started_service(), tracer_provider=provider)
    workload.call(pulse_otel.observe(workload.client(), workload.provider))
    span, *_ = [dict(span.attributes or {}) for span in memory.get_finished_spans()]
    _check(workload, span, RECORDED)
    return span


def _comparable(span: Attributes) -> Attributes:
    """The attributes without time, with JSON parsed and sequences as lists."""
    made: Attributes = {}
    for key, value in span.items():
        if key == "gen_ai.response.time_to_first_chunk":
            made[key] = value > 0
        elif isinstance(value, str) and value.startswith(("[", "{")):
            made[key] = json.loads(value)
        else:
            made[key] = list(value) if isinstance(value, tuple) else value
    return made


def _check_equal(span: Attributes, observed: Attributes) -> None:
    ours, theirs = _comparable(observed), _comparable(span)
    different = [key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)]
    if different:
        raise IncompleteSpan(f"the span by hand differs from the observed one in {different}")


def counted(workload: Workload, effort: Effort = USUAL) -> dict[str, Counts]:
    """The counts of the three variants."""
    observed = in_child(partial(observed_span, workload))
    works = {
        "bare": partial(_bare, workload, effort),
        "floor": partial(_floor, workload, observed, effort),
        "ours": partial(_ours, workload, effort),
    }
    return {name: Counted(*in_child(work)).counts for name, work in works.items()}
