"""Receivers of OTLP/JSON before a trace service: the real Collector, and a stand-in for it."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.collectors import Collector
from tests.conftest import KEY
from tests.faults import Action, FaultServer, Request, answer
from tests.faults.server import Exchange

TAKEN = b'{"partialSuccess":{}}'
_LIMIT = "receivers::otlp::protocols::http::max_request_body_size"


@contextlib.contextmanager
def collector(directory: Path, service_url: str, most_bytes: int = 20 << 20) -> Iterator[str]:
    """The address of the real Collector, which posts to the service."""
    limit = f"{_LIMIT}: {most_bytes}"
    with Collector("gateway.yaml", directory, limit, PULSE_API_URL=service_url) as running:
        yield running.url


class StandIn:
    """Takes what a Collector takes, notes what it would not, and passes it on with the key."""

    def __init__(self, service_url: str) -> None:
        self._service_url = service_url
        self.wrong: list[str] = []

    def __call__(self, exchange: Exchange) -> bool | None:
        self.wrong += wrong_with(exchange.request)
        passed_on = requests.post(
            f"{self._service_url}/v1/traces",
            data=exchange.request.body,
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
            timeout=20,
        )
        return answer(passed_on.status_code, TAKEN).do(exchange)


@contextlib.contextmanager
def stand_in(service_url: str) -> Iterator[str]:
    """The address of a stand-in; at the end, nothing was wrong with any request."""
    receiver = StandIn(service_url)
    with FaultServer(then=Action(receiver)) as server:
        yield server.url
    assert receiver.wrong == []
    assert server.received


def wrong_with(request: Request) -> list[str]:
    """Return what is wrong with a request to a Collector: a key, or no OTLP in JSON."""
    wrong = ["a header Authorization"] if "authorization" in request.headers else []
    if KEY in f"{request.path}{request.headers}{request.body!r}":
        wrong.append("the key")
    if (request.method, request.path) != ("POST", "/v1/traces"):
        wrong.append(f"{request.method} {request.path}")
    if request.headers.get("content-type") != "application/json":
        wrong.append("the type of the content")
    try:
        body = request.json()
        _to_base64(body)
        json_format.Parse(json.dumps(body), ExportTraceServiceRequest())
    except (ValueError, LookupError, json_format.Error) as error:
        wrong.append(str(error))
    return wrong


def _to_base64(body: Any) -> None:
    """Write ids as JSON of protobuf has them; OTLP's has them as hexadecimal digits."""
    for group in body["resourceSpans"]:
        for scope in group["scopeSpans"]:
            for span in scope["spans"]:
                for name, length in (("traceId", 16), ("spanId", 8), ("parentSpanId", 8)):
                    if name in span:
                        raw = bytes.fromhex(span[name])
                        if len(raw) != length:
                            raise ValueError(f"{name} has {len(raw)} bytes")
                        span[name] = base64.b64encode(raw).decode()
