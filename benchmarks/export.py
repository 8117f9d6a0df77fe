"""What the export thread does for a span: counted, beside OpenTelemetry's own OTLP/HTTP exporter.

    python benchmarks/export.py [--how instructions|calls] [--only NAME] [--json]

Both exporters get the same spans, and send them to a service on loopback, which works in threads
that are not counted. The counts are per span, of our export in stages; the bytes are of the bodies
of the requests.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeAlias

from counted import MARK, start_anew
from counting import (
    Counts,
    again_under_callgrind,
    calls_of_a_count,
    count,
    in_child,
    under_callgrind,
)
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanKind
from variants import IncompleteSpan, observed_span
from workloads import WORKLOADS

from pulse_otel.export import dialects
from pulse_otel.export.accounts.span_ends import End
from pulse_otel.export.delivery import queue
from pulse_otel.export.delivery.span_size import size_of
from pulse_otel.export.exporter import PulseSpanExporter
from pulse_otel.export.payloads import otlp

Batch: TypeAlias = list[ReadableSpan]
Figures: TypeAlias = dict[str, dict[str, Counts]]  # batches -> part -> unit -> count per span

# What is exported: a workload, and how many of its spans a request has.
BATCHES = {
    "small, 10 a request": ("chat small", 10),
    "small, 100 a request": ("chat small", 100),
    "30 kB, 10 a request": ("chat, 30 kB history", 10),
}
STAGES = ("read", "records", "encode", "body", "HTTP", "rest")
_SCOPE, _RESPONSE_ID = "pulse_otel.openai", "gen_ai.response.id"
_BYTES = "bytes"
_PATIENCE_S = 60.0  # under callgrind, all is slow


class _Service(BaseHTTPRequestHandler):
    """A trace service that accepts every request, and keeps its body."""

    protocol_version = "HTTP/1.1"
    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        """Accept an export."""
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        answer = b"{}" if "json" in self.headers["Content-Type"] else b""
        self.send_response(200)
        self.send_header("Content-Type", self.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _started_service() -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def _batches(attributes: dict[str, Any], size: int) -> list[Batch]:
    """As many batches as a count takes, of ended spans as our instrumentation makes them."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer(_SCOPE)
    made: list[Batch] = []
    for number in range(calls_of_a_count()):
        batch: Batch = []
        for index in range(size):
            own = {**attributes, _RESPONSE_ID: f"chatcmpl-{number}-{index}"}
            span: Any = tracer.start_span("chat gpt-4o-mini", kind=SpanKind.CLIENT, attributes=own)
            span.end()
            size_of(span)  # as the thread does that ends it
            batch.append(span)
        made.append(batch)
    return made


@dataclass(frozen=True)
class _Counted:
    """The counts per span, and what was made of each batch."""

    counts: Counts
    made: list[Any]


def _per_span(batches: list[Any], work: Callable[[Any], Any], size: int = 0) -> _Counted:
    """Count `work` on batches of `size` spans; each time it gets the next one of `batches`."""
    waiting: Iterator[Any] = iter(batches)
    made: list[Any] = []
    counts = count(lambda: made.append(work(next(waiting))))
    size = size or len(batches[0])
    return _Counted({unit: n // size for unit, n in counts.items() if unit != "blocks kept"}, made)


class _Export:
    """Our export without its threads."""

    def __init__(self) -> None:
        queue.ROUND_S = _PATIENCE_S  # a round ends by the number of spans
        self.exporter = PulseSpanExporter("pulse_sk_counted", _started_service(), protocol="otlp")
        self.exporter.prepare()
        self.delivery: Any = self.exporter._delivery

    def submit(self, batch: Batch) -> None:
        """Queue a batch."""
        with self.delivery._ledger.lock:
            self.delivery._queue.add(batch)

    def drained(self, batch: Batch) -> list[Any]:
        """Make the records of a batch."""
        self.submit(batch)
        stored: list[Any] = []
        self.delivery._queue._store = stored.extend
        self.delivery._queue.drain(time.monotonic() + _PATIENCE_S, False)
        self.delivery._ledger.read(End.IGNORED, len(stored))  # nothing is lost
        return stored

    def send(self, batch: Batch) -> None:
        """Do all that the thread does for a batch."""
        self.submit(batch)
        while len(self.delivery._queue) or len(self.delivery._batches):
            self.delivery._sender.send(time.monotonic() + _PATIENCE_S, float("inf"))

    def post(self, body: bytes) -> None:
        """Post a body."""
        self.exporter._transport.post(otlp.FORM.path, body, time.monotonic() + _PATIENCE_S)


def _read(batch: Batch) -> None:
    for span in batch:
        dialects.read(span)


def _encoded(records: list[Any]) -> list[Any]:
    return [otlp.encode(record) for record in records]


def _whole(batches: list[Batch]) -> Counts:
    counts = _per_span(batches, _Export().send).counts
    spans = [
        {item["key"]: next(iter(item["value"].values())) for item in span["attributes"]}
        for body in _Service.bodies
        for group in json.loads(body)["resourceSpans"]
        for span in group["scopeSpans"][0]["spans"]
    ]
    return counts | _checked(spans, batches, "pulse.request")


def _stock(batches: list[Batch]) -> Counts:
    exporter = OTLPSpanExporter(endpoint=_started_service() + otlp.FORM.path)
    counts = _per_span(batches, exporter.export).counts
    spans = [
        {item.key: item.value.string_value for item in span.attributes}
        for body in _Service.bodies
        for group in ExportTraceServiceRequest.FromString(body).resource_spans
        for span in group.scope_spans[0].spans
    ]
    return counts | _checked(spans, batches, "gen_ai.input.messages")


def _checked(spans: list[dict[str, Any]], batches: list[Batch], request: str) -> Counts:
    """The bytes of a span on the wire. Raises IncompleteSpan unless all came, with the question."""
    asked = json.loads(dict(batches[0][0].attributes or {})["gen_ai.input.messages"])  # type: ignore[arg-type]
    last = asked[-1]["parts"][0]["content"]
    complete = [span for span in spans if last in span[request]]
    if len({span[_RESPONSE_ID] for span in complete}) != sum(map(len, batches)):
        raise IncompleteSpan(f"{len(complete)} complete spans came")
    return {_BYTES: sum(map(len, _Service.bodies)) // len(spans)}


def _stages(batches: list[Batch]) -> dict[str, Counts]:
    """The counts of each of our stages alone, and of what OpenTelemetry's exporter encodes."""
    export = _Export()
    records, read = _per_span(batches, export.drained), _per_span(batches, _read)
    encode = _per_span(records.made, _encoded)
    body = _per_span(encode.made, otlp.body)
    size = len(batches[0])
    return {
        "read": read.counts,
        "records": {unit: n - read.counts[unit] for unit, n in records.counts.items()},
        "encode": encode.counts,
        "body": body.counts,
        "HTTP": _per_span(body.made, export.post, size).counts,
        "stock encode": _per_span(
            batches, lambda batch: encode_spans(batch).SerializeToString()
        ).counts,
    }


def counted(name: str) -> dict[str, Counts]:
    """The counts of both exporters, and of stages."""
    workload, size = BATCHES[name]
    batches = _batches(in_child(partial(observed_span, WORKLOADS[workload])), size)
    whole = {"ours": in_child(lambda: _whole(batches)), "stock": in_child(lambda: _stock(batches))}
    stages: dict[str, Counts] = in_child(lambda: _stages(batches))
    units = stages["read"]
    known = {unit: sum(stages[stage][unit] for stage in STAGES[:-1]) for unit in units}
    return {**stages, "rest": {unit: whole["ours"][unit] - known[unit] for unit in units}, **whole}


def table(figures: Figures, unit: str) -> str:
    """The counts of one unit, a line per kind of batch."""
    columns = (*STAGES, "ours", "stock encode", "stock")
    lines = [
        f"{unit + ' a span':30}" + "".join(f"{c:>13}" for c in columns) + f"{'ours/stock':>12}"
    ]
    for name, parts in figures.items():
        row = "".join(
            f"{parts[part][unit]:>13,}" if unit in parts[part] else 13 * " " for part in columns
        )
        ratio = parts["ours"][unit] / parts["stock"][unit]
        lines.append(f"{name:30}{row}{ratio:>10.2f} x")
    return "\n".join(lines)


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Count what exporting costs a span.")
    parser.add_argument(
        "--how",
        choices=("instructions", "calls"),
        default="instructions" if shutil.which("valgrind") else "calls",
        help="instructions need valgrind, and are the default where it is installed",
    )
    parser.add_argument("--only", default="", metavar="NAME", help="those with this in the name")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Count and print."""
    parsed = _parsed(arguments)
    if MARK not in os.environ:
        start_anew()
    if parsed.how == "instructions" and not under_callgrind():
        return again_under_callgrind(sys.argv)
    figures = {name: counted(name) for name in BATCHES if parsed.only in name}
    units = [unit for parts in figures.values() for unit in parts["ours"]]
    tables = [table(figures, unit) for unit in dict.fromkeys(units)]
    print(json.dumps(figures) if parsed.json else "\n\n".join(tables))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
