"""OTLP/protobuf in, OTLP/JSON out: what rotel needs in front of Pulse, and nothing more.

rotel's OTLP exporter sends gzipped protobuf; Pulse takes plain JSON. The bridge keeps nothing: it
answers what Pulse answered, so that rotel sends again what Pulse could not take.

pip install requests opentelemetry-proto
PULSE_API_URL=http://localhost:3000 python examples/collector/json_bridge.py 4319
"""

import base64
import gzip
import json
import os
import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PULSE = os.environ.get("PULSE_API_URL", "http://localhost:3000").rstrip("/")
IDS = ("traceId", "spanId", "parentSpanId")


def to_json(body: bytes) -> bytes:
    """OTLP's own JSON: ids in hex, where protobuf's JSON has base64, and enums as numbers."""
    export = MessageToDict(ExportTraceServiceRequest.FromString(body), use_integers_for_enums=True)
    for resource in export.get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                for holder in (span, *span.get("links", [])):
                    _hex_ids(holder)
    return json.dumps(export).encode()


def _hex_ids(holder: dict[str, Any]) -> None:
    for key in IDS:
        if key in holder:
            holder[key] = base64.b64decode(holder[key]).hex()


class Bridge(BaseHTTPRequestHandler):
    """Answers one connection of rotel's."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """One export request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self._pass_on(body))
        self.send_header("Content-Length", "0")  # in protobuf: a message that says nothing
        self.end_headers()

    def _pass_on(self, body: bytes) -> int:
        """The status that Pulse answered; 503, for which rotel waits, if it did not."""
        try:
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            export = to_json(body)
        except (DecodeError, OSError, EOFError, zlib.error):
            return 400
        headers = {
            "Content-Type": "application/json",
            "Authorization": self.headers.get("Authorization", ""),
        }
        try:
            answer = requests.post(f"{PULSE}/v1/traces", export, headers=headers, timeout=30)
        except requests.RequestException:
            return 503
        if "partialSuccess" in answer.text:
            print("Pulse refused spans:", answer.text, file=sys.stderr, flush=True)
        return answer.status_code

    def log_message(self, format: str, *args: Any) -> None:
        """No line for each request."""


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 4319
    with ThreadingHTTPServer(("127.0.0.1", port), Bridge) as server:
        server.serve_forever()
