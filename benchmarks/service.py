"""A trace service for measurements: it counts what arrives.

As a program it is a process of its own: it prints its address, takes OTLP in JSON or protobuf, and
answers a GET with its counts.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from fresh import HERE, environment

BEHAVIOURS = ("up", "down", "hanging")


class _Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ids: list[str] = []  # noqa: RUF012 - the one list of the process
    received = 0  # bytes of bodies and headers
    requests = 0
    lock = Lock()

    def do_POST(self) -> None:
        """Accept an export."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_json = "json" in self.headers["Content-Type"]
        ids = _ids_of_json(body) if is_json else _ids_of_protobuf(body)
        with self.lock:
            _Service.requests += 1
            _Service.received += len(body) + len(str(self.headers)) + len(self.requestline)
            self.ids.extend(ids)
        self._answer({} if is_json else None)

    def do_GET(self) -> None:
        """Tell the counts."""
        with self.lock:
            counts = {
                "spans": len(self.ids),
                "distinct": len(set(self.ids)),
                "requests": self.requests,
                "bytes": self.received,
            }
        self._answer(counts)

    def _answer(self, value: Any) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if body else "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _ids_of_json(body: bytes) -> list[str]:
    groups = json.loads(body)["resourceSpans"]
    scopes = [scope for group in groups for scope in group["scopeSpans"]]
    return [span["traceId"] + span["spanId"] for scope in scopes for span in scope["spans"]]


def _ids_of_protobuf(body: bytes) -> list[str]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    groups = ExportTraceServiceRequest.FromString(body).resource_spans
    scopes = [scope for group in groups for scope in group.scope_spans]
    return [(span.trace_id + span.span_id).hex() for scope in scopes for span in scope.spans]


def counts(url: str) -> dict[str, int]:
    """What has arrived at a service in a process of its own."""
    with urllib.request.urlopen(url) as answer:
        told: dict[str, int] = json.load(answer)
    return told


@contextmanager
def in_own_process() -> Iterator[str]:
    """The address of a service that is up."""
    command = [sys.executable, str(HERE / "service.py")]
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()  # it ends with its input


@contextmanager
def behaving(behaviour: str) -> Iterator[str]:
    """The address of a service that is up, down (no connection), or hangs (no answer)."""
    if behaviour == "up":
        with in_own_process() as url:
            yield url
        return
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        if behaviour == "down":
            listening.close()
        yield url


def main() -> None:
    """Serve until the input ends."""
    from threading import Thread

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
