"""What recording costs a call: bare client, hand-written span, observed client, in one run.

    python benchmarks/calls.py [CALLS]

The provider is an in-process transport; the trace service takes 50 ms per request. Prints the
CPU time of the calling thread per call (medians of interleaved blocks, in µs), the ratio of
what is added to that of a hand-written span with the same attributes, and how many of the
recorded calls arrived.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import openai
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

import pulse_otel
from pulse_otel.local.replies import chat

BLOCK = 50
MESSAGES: Any = [{"role": "user", "content": "Say hello to Paris."}]
arrived = 0


class SlowService(BaseHTTPRequestHandler):
    """Counts the spans of each request, and answers after 50 ms."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Accept an export."""
        global arrived
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(0.05)
        arrived += sum(
            len(scope["spans"]) for group in body["resourceSpans"] for scope in group["scopeSpans"]
        )
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def client() -> openai.OpenAI:
    """A real client over a transport that answers at once."""
    reply = chat("Hello Paris.", model="gpt-4o-mini")

    def handle(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=reply.body, headers=dict(reply.headers))

    http_client = httpx2.Client(transport=httpx2.MockTransport(handle))
    return openai.OpenAI(api_key="k", http_client=http_client, max_retries=0)


def hand_written(bare: openai.OpenAI) -> Callable[[], Any]:
    """The same attributes, set by hand where the program makes the call; exported to nowhere."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    tracer = provider.get_tracer("app")

    def call() -> None:
        with tracer.start_as_current_span("chat gpt-4o-mini", kind=SpanKind.CLIENT) as span:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.provider.name", "openai")
            span.set_attribute("gen_ai.request.model", "gpt-4o-mini")
            span.set_attribute("server.address", "api.openai.com")
            span.set_attribute("server.port", 443)
            span.set_attribute("gen_ai.input.messages", json.dumps(MESSAGES))
            answer: Any = bare.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
            span.set_attribute("gen_ai.response.id", answer.id)
            span.set_attribute("gen_ai.response.model", answer.model)
            span.set_attribute("gen_ai.response.finish_reasons", [answer.choices[0].finish_reason])
            span.set_attribute("openai.api.type", "chat_completions")
            span.set_attribute("openai.response.service_tier", str(answer.service_tier))
            span.set_attribute("openai.response.system_fingerprint", str(answer.system_fingerprint))
            span.set_attribute("gen_ai.usage.input_tokens", answer.usage.prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", answer.usage.completion_tokens)
            details, parts = answer.usage.prompt_tokens_details, []
            span.set_attribute("gen_ai.usage.cache_read.input_tokens", details.cached_tokens)
            parts.append({"type": "text", "content": answer.choices[0].message.content})
            span.set_attribute("gen_ai.output.messages", json.dumps(parts))

    return call


def block(call: Callable[[], Any]) -> float:
    """CPU time of this thread per call, in µs."""
    started = time.thread_time()
    for _ in range(BLOCK):
        call()
    return (time.thread_time() - started) / BLOCK * 1e6


def main(calls: int) -> int:
    """Measure, print, and fail if a recorded call did not arrive."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowService)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    pulse_otel.init_pulse({"api_key": "pulse_sk_bench", "api_url": url})
    bare, recorded = client(), pulse_otel.observe(client(), "openai")
    ways: dict[str, Callable[[], Any]] = {
        "bare": lambda: bare.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES),
        "by hand": hand_written(bare),
        "observed": lambda: recorded.chat.completions.create(
            model="gpt-4o-mini", messages=MESSAGES
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(calls // BLOCK):
        for name, call in ways.items():
            times[name].append(block(call))
        print(f"\r{(number + 1) * BLOCK} of {calls} calls", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    done = pulse_otel.flush_buffer(60)
    added = {
        name: statistics.median(a - b for a, b in zip(times[name], times["bare"], strict=True))
        for name in ("by hand", "observed")
    }
    print(f"bare call         {statistics.median(times['bare']):8.0f} µs")
    print(f"added by hand     {added['by hand']:8.0f} µs")
    print(f"added by observe  {added['observed']:8.0f} µs", end="")
    print(f"   {added['observed'] / added['by hand']:.2f} x by hand")
    print(f"arrived           {arrived:8d} of {calls // BLOCK * BLOCK}, all accepted: {done}")
    server.shutdown()
    return 0 if done and arrived == calls // BLOCK * BLOCK else 1


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
