"""How much memory spans take while they wait: python benchmarks/waiting_memory.py

Prints the growth of the process per span that waits, beside what the delivery counts for it. Runs
on Linux, as it reads the size of the process there.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from pulse_otel.export.delivery.span_size import size_of

TWO = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
CHAT = {
    **TWO,
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "server.port": 443,
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ("stop",),
}


def attributes_of(kind: str, number: int) -> dict[str, Any]:
    """The attributes of a span; what differs between calls is a new object in each."""
    if kind == "two attributes":
        return dict(TWO)
    content = {"small chat": 150, "30 kB chat": 30_000}[kind]
    return {
        **CHAT,
        "gen_ai.response.id": f"chatcmpl-{number}",
        "gen_ai.usage.input_tokens": 1000 + number,
        "gen_ai.usage.output_tokens": 2000 + number,
        "gen_ai.input.messages": f"{number}".ljust(content, "x"),
        "gen_ai.output.messages": f"{number}".ljust(150, "y"),
    }


def resident_bytes() -> int:
    """The memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(kind: str, count: int) -> dict[str, Any]:
    """What one kind of span takes."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("pulse_otel.openai")
    waiting: list[ReadableSpan] = []
    gc.collect()
    before = resident_bytes()
    for number in range(count):
        span: Any = tracer.start_span("chat m", attributes=attributes_of(kind, number))
        span.end()
        waiting.append(span)
    grown = (resident_bytes() - before) / count
    counted = sum(size_of(span) for span in waiting) / count
    return {
        "span": kind,
        "bytes that the process grows": round(grown),
        "bytes that the queue counts": round(counted),
    }


def rows() -> list[dict[str, Any]]:
    """Measure each kind in a process of its own: what is freed in one would be used again."""
    context = multiprocessing.get_context("spawn")
    made = []
    for kind, count in (("two attributes", 20_000), ("small chat", 20_000), ("30 kB chat", 3_000)):
        with context.Pool(1) as pool:
            made.append(pool.apply(measure, (kind, count)))
    return made


def main() -> None:
    """Print a line for each kind of span."""
    for row in rows():
        print(*(f"{name}: {value}" for name, value in row.items()), sep=", ")


if __name__ == "__main__":
    main()
