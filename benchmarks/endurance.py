"""Many calls in one process: what arrives, what is lost, what stays in memory.

    python benchmarks --only endurance      # 20,000 calls
    python benchmarks --only memory         # 200,000 calls

The service is a process of its own. The calls follow one another at full speed.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from by_hand import by_hand
from counting import in_child
from fresh import output
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from service import counts, in_own_process
from variants import KEY, observed_span
from waiting_memory import resident_bytes
from workloads import WORKLOADS

import pulse_otel

_WORKLOAD = WORKLOADS["chat small"]
_WARM_UP = 500
_WAYS = {
    "bare": "bare",
    "stock": "by hand, OTLP/HTTP exporter",
    "ours": "ours",
    "spool": "ours, with a spool",
}
Flush = Callable[[], object]


def rows() -> list[dict[str, Any]]:
    """20,000 calls in each way."""
    return [_row(way, 20_000) for way in _WAYS]


def rows_of_memory() -> list[dict[str, Any]]:
    """200,000 observed calls, with the memory after each quarter."""
    found = _run("ours", 200_000, "calls")
    return [
        {
            "calls": (quarter + 1) * 50_000,
            "RSS grown since the start, kB": kb,
            "blocks grown, per 1,000 calls": blocks,
        }
        for quarter, (kb, blocks) in enumerate(found["quarters"])
    ] + [{"calls": f"{found['arrived']:,} arrived, {found['lost']:,} lost"}]


def _row(way: str, calls: int) -> dict[str, Any]:
    found = _run(way, calls, "time")
    return {
        "way": _WAYS[way],
        "arrived": found["arrived"],
        "lost": found["lost"],
        "bytes a span on the wire": found["bytes"],
        "RSS after the flush, kB": found["quarters"][-1][0],
        "CPU µs a call, all threads": found["cpu_us"],
        "wall µs a call": found["wall_us"],
        "flush s": found["flush_s"],
    }


def _run(way: str, calls: int, how: str) -> dict[str, Any]:
    """What the process of a way tells, and what the service got of it."""
    with in_own_process() as url:
        found: dict[str, Any] = output("endurance.py", way, str(calls), url, how=how)
        got = counts(url)
    sent = way != "bare"
    found["arrived"] = got["distinct"] if sent else None
    found["lost"] = _WARM_UP + calls - got["distinct"] if sent else None
    found["bytes"] = got["bytes"] // got["spans"] if sent else None
    return found


def _bare(url: str) -> tuple[Callable[[], None], Flush]:
    return partial(_WORKLOAD.call, _WORKLOAD.client()), bool


def _stock(url: str) -> tuple[Callable[[], None], Flush]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    observed = in_child(partial(observed_span, _WORKLOAD))
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces")))
    return by_hand(_WORKLOAD, provider.get_tracer("app"), observed), provider.force_flush


def _ours(url: str, **settings: Any) -> tuple[Callable[[], None], Flush]:
    pulse_otel.init_pulse(api_key=KEY, api_url=url, **settings)
    client = pulse_otel.observe(_WORKLOAD.client(), _WORKLOAD.provider)
    return partial(_WORKLOAD.call, client), partial(pulse_otel.flush_buffer, 60)


def _spool(url: str) -> tuple[Callable[[], None], Flush]:
    return _ours(url, spool_dir=tempfile.mkdtemp())


_MADE = {"bare": _bare, "stock": _stock, "ours": _ours, "spool": _spool}


def _settled(flush: Flush) -> tuple[int, int]:
    """The memory in bytes and in blocks once all is sent."""
    flush()
    gc.collect()
    return resident_bytes(), sys.getallocatedblocks()


def _endure(way: str, calls: int, url: str) -> dict[str, Any]:
    call, flush = _MADE[way](url)
    for _ in range(_WARM_UP):
        call()
    bytes_before, blocks_before = _settled(flush)
    quarters, cpu_s, wall_s, flush_s = [], 0.0, 0.0, 0.0
    for quarter in range(1, 5):
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(calls // 4):
            call()
        wall_s += time.perf_counter() - wall
        began = time.perf_counter()
        now_bytes, now_blocks = _settled(flush)
        flush_s += time.perf_counter() - began
        cpu_s += time.process_time() - cpu
        blocks = 1000 * (now_blocks - blocks_before) / (quarter * calls // 4)
        quarters.append(((now_bytes - bytes_before) // 1000, round(blocks, 1)))
    return {
        "quarters": quarters,
        "cpu_us": round(1e6 * cpu_s / calls),
        "wall_us": round(1e6 * wall_s / calls),
        "flush_s": round(flush_s, 2),
    }


if __name__ == "__main__":
    print(json.dumps(_endure(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
