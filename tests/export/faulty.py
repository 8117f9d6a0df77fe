"""A trace service of either form that fails as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, bytes, dict[str, str]]

NOT_FOUND: Answer = (404, b"404 Not Found", {})
_PATHS = {"otlp": "/v1/traces", "traces": "/v1/traces/async"}
_SUCCESS: dict[str, Answer] = {
    "otlp": (200, b"{}", {}),
    "traces": (202, b'{"status":"queued","count":1}', {}),
}


class FaultyService:
    """Speaks one form at a time; remembers what it was asked and the ids that it accepted.

    `answer` is given the request's number and how many spans it holds; a request without spans
    only asks. None is success.
    """

    def __init__(self) -> None:
        self.form = "otlp"  # "none": no trace endpoint at all
        self.answer: Callable[[int, int], Answer | None] = lambda number, spans: None
        self.delay_s = 0.0
        self.asked: list[str] = []
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
        ids = _ids(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        time.sleep(self.delay_s)
        with self._lock:
            status, answer, headers = self._answer(handler.path, ids)
            self.keys.add(handler.headers["Authorization"])
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(answer)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer)

    def _answer(self, path: str, ids: list[str]) -> Answer:
        if ids:
            self.requests.append(len(ids))
        else:
            self.asked.append(path)
        if path != _PATHS.get(self.form):
            return NOT_FOUND
        answer = self.answer(len(self.requests), len(ids))
        if answer is not None:
            return answer
        self.accepted += ids
        return _SUCCESS[self.form]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _ids(body: Any) -> list[str]:
    if isinstance(body, list):
        return [trace["trace_id"] for trace in body]
    return [
        span["spanId"]
        for group in body["resourceSpans"]
        for scope in group["scopeSpans"]
        for span in scope["spans"]
    ]
