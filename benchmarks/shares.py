"""Where the work of recording goes: python benchmarks --only shares

A timer interrupts observed calls 250 times in a second of CPU time, and the functions that run then
tell what part of the work it was. Unlike a profiler, that makes no function dearer.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import opentelemetry
from fresh import HERE, at_once, output
from variants import KEY, NO_BATCH_MS, started_service
from workloads import WORKLOADS

import pulse_otel

# Files and functions of our package, or OpenTelemetry's; the first row with the beginning of one
# tells. The rest of values.py copies what the program may write to.
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("OpenTelemetry's API and SDK", ("opentelemetry/",)),
    (
        "JSON text within the limits",
        (
            *("values.py:to_json", "values.py:_json", "values.py:_standard_json"),
            *("bounds", "pieces", "sizes", "texts"),
        ),
    ),
    ("counting and queueing the span that ended", ("export/", "unsampled")),
    (
        "reading request and answer",
        (
            *("instrumentation/openai/", "instrumentation/anthropic/", "kinds", "values"),
            *("instrumentation/reading", "instrumentation/fields", "instrumentation/tool"),
            *("instrumentation/request_reader", "instrumentation/span_attributes"),
            *("instrumentation/usage_rules", "instrumentation/finish_reasons"),
        ),
    ),
    ("following the call: its span, its context, its end", ("",)),
)
_WORKLOADS = tuple(name for name in WORKLOADS if name != "chat async")  # much like chat small
_PERIOD_S = 0.004
_SAMPLES = 400  # of ours: a share of a third is right within 5 %
_FEW = 50  # calls between two flushes
_OURS = str(Path(pulse_otel.__file__).parent)
_OTEL = str(Path(next(iter(opentelemetry.__path__))).parent)
_GENERATED = "<pulse_otel"  # functions that we compile to look like the SDK's


def rows() -> list[dict[str, Any]]:
    """A row for each part: its share in percent, in a process per workload."""
    found = dict(zip(_WORKLOADS, at_once(_shares_of, _WORKLOADS), strict=True))
    return [
        {"part": part, **{f"{name}, %": shares[part] for name, shares in found.items()}}
        for part, _ in PARTS
    ]


def _shares_of(workload: str) -> dict[str, int]:
    shares: dict[str, int] = output("shares.py", workload, how="time")
    return shares


def part_of(frame: FrameType | None) -> str | None:
    """The part of the work that `frame` belongs to; None for that of the SDK or the program.

    The standard library works for who calls it.
    """
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith((_OURS, _GENERATED)):
            place = f"{file.removeprefix(_OURS)[1:]}:{frame.f_code.co_name}"
            return next(part for part, places in PARTS if place.startswith(places))
        if file.startswith(f"{_OTEL}/opentelemetry/"):
            return PARTS[0][0]
        if "site-packages" in file or file.startswith(str(HERE)):
            return None
        frame = frame.f_back
    return None


def _shares(name: str) -> dict[str, int]:
    workload, found = WORKLOADS[name], Counter[str | None]()
    pulse_otel.init_pulse(
        api_key=KEY,
        api_url=started_service(),
        protocol="otlp",
        batch_size=2 * _FEW,
        flush_interval=NO_BATCH_MS,
    )
    client = pulse_otel.observe(workload.client(), workload.provider)
    signal.signal(signal.SIGPROF, lambda number, frame: found.update((part_of(frame),)))
    while found.total() - found[None] < _SAMPLES:
        signal.setitimer(signal.ITIMER_PROF, _PERIOD_S, _PERIOD_S)
        for _ in range(_FEW):
            workload.call(client)
        signal.setitimer(signal.ITIMER_PROF, 0)
        pulse_otel.flush_buffer(60)  # the timer counts the work of all threads
    ours = found.total() - found[None]
    return {part: round(100 * found[part] / ours) for part, _ in PARTS}


if __name__ == "__main__":
    print(json.dumps(_shares(sys.argv[1])))
