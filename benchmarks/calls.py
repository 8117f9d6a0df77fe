"""What recording costs a call: bare client, hand-written span, observed client, in one run.

    python benchmarks/calls.py [CALLS]

The provider is an in-process transport; the trace service takes 50 ms per request. Each way is
run in turn, call by call. Printed is CPU time of the calling thread, in µs: the tenth percentile,
which is what a busy machine disturbs least, of a call, and what is added to it; then the ratio
to a span with the same attributes that is written by hand, and how many of the recorded calls
arrived.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anthropic
import httpx2
import openai
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

import pulse_otel
from pulse_otel.local.provider.replies import Reply, chat, chat_stream, message

WORDS = " ".join(["word"] * 200)
Call = Callable[[], Any]
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
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def transport(reply: Reply) -> httpx2.Client:
    """An HTTP client whose every request is answered at once."""
    body = b"".join(reply.chunks) if reply.chunks else reply.body

    def handle(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body, headers=dict(reply.headers))

    return httpx2.Client(transport=httpx2.MockTransport(handle))


def small_chat() -> tuple[Any, Callable[[Any], Any]]:
    """One short question to openai."""
    client = openai.OpenAI(api_key="k", http_client=transport(chat("Hello Paris.")), max_retries=0)
    request: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello?"}]}
    return client, lambda c: c.chat.completions.create(**request).choices[0].message.content


def stream_of_200() -> tuple[Any, Callable[[Any], Any]]:
    """One openai stream of about 200 chunks."""
    client = openai.OpenAI(api_key="k", http_client=transport(chat_stream(WORDS)), max_retries=0)
    request: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello?"}]}

    def call(used: Any) -> str:
        stream = used.chat.completions.create(**request, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

    return client, call


def small_message() -> tuple[Any, Callable[[Any], Any]]:
    """One short question to anthropic."""
    client = anthropic.Anthropic(
        api_key="k", http_client=transport(message("Hello Paris.")), max_retries=0
    )
    request: Any = {
        "model": "claude-haiku-4-5",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": "Hello?"}],
    }
    return client, lambda c: c.messages.create(**request).content[0].text


WORKLOADS = {
    "small chat": small_chat,
    "stream, 200 chunks": stream_of_200,
    "small message": small_message,
}


def recorded_attributes(client: Any, call: Callable[[Any], Any], url: str) -> dict[str, Any]:
    """What the observed client records of one such call."""
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    pulse_otel.init_pulse(api_key="pulse_sk_bench", api_url=url, tracer_provider=provider)
    call(client)
    pulse_otel.shutdown()
    return dict(memory.get_finished_spans()[0].attributes or {})


def by_hand(client: Any, call: Callable[[Any], Any], recorded: dict[str, Any]) -> Call:
    """The same attributes, set where the program makes the call; exported to nowhere."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    tracer = provider.get_tracer("app")
    content = {"gen_ai.input.messages", "gen_ai.output.messages"}
    constant = {key: value for key, value in recorded.items() if key not in content}

    def instrumented() -> None:
        with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT) as span:
            asked = [{"role": "user", "parts": [{"type": "text", "content": "Hello?"}]}]
            span.set_attribute("gen_ai.input.messages", json.dumps(asked))
            answer = call(client)
            for key, value in constant.items():
                span.set_attribute(key, value)
            said = [{"role": "assistant", "parts": [{"type": "text", "content": answer}]}]
            span.set_attribute("gen_ai.output.messages", json.dumps(said))

    return instrumented


def cpu_us(call: Call) -> float:
    """CPU time of this thread for one call."""
    started = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - started) / 1000


def tenth(times: list[float]) -> float:
    """The tenth percentile."""
    return sorted(times)[len(times) // 10]


def measure(name: str, url: str, calls: int) -> None:
    """One workload: a line of the table."""
    bare_client, call = WORKLOADS[name]()
    observed = pulse_otel.observe(
        WORKLOADS[name]()[0], "anthropic" if "message" in name else "openai"
    )
    hand = by_hand(bare_client, call, recorded_attributes(observed, call, url))
    pulse_otel.init_pulse({"api_key": "pulse_sk_bench", "api_url": url})
    ways = {"bare": lambda: call(bare_client), "hand": hand, "observed": lambda: call(observed)}
    times: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(calls):
        for way, instrumented in ways.items():
            times[way].append(cpu_us(instrumented))
        if number % 50 == 49:
            print(f"\r{name}: {number + 1} of {calls}", end="", file=sys.stderr, flush=True)
    print("\r\033[K", end="", file=sys.stderr)
    bare = tenth(times["bare"])
    hand_added, added = tenth(times["hand"]) - bare, tenth(times["observed"]) - bare
    print(f"{name:20}{bare:10.0f}{hand_added:10.0f}{added:10.0f}{added / hand_added:9.2f} x")


def main(calls: int) -> int:
    """Measure, print, and fail if a recorded call did not arrive."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowService)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    print(f"{'µs of CPU per call':20}{'bare':>10}{'by hand +':>10}{'observe +':>10}{'ratio':>11}")
    done = True
    for name in WORKLOADS:
        measure(name, url, calls)
        done &= pulse_otel.flush_buffer(60)
    expected = (calls + 1) * len(WORKLOADS)  # and one of each for its attributes
    print(f"{arrived} of {expected} calls arrived, all accepted: {done}")
    server.shutdown()
    return 0 if done and arrived == expected else 1


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
