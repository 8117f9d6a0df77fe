"""How the cost of a call grows with its messages, its chunks and the threads that make calls.

    python benchmarks --only growth

The slopes are those of the straight line through the points, by least squares.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from counting import Effort
from fresh import at_once, output
from variants import counted
from workloads import WORKLOADS, Workload, conversation, stream_of, streams_at_once

_ONCE = Effort(warm_up=1, counted=1)
_UNITS = {"instructions": "instructions", "calls": "function calls"}
_CHUNKS_BESIDE_PIECES = 3


@dataclass(frozen=True)
class Series:
    """One thing that grows: its sizes, and what is counted."""

    name: str
    how: str
    sizes: tuple[int, ...]


SERIES = (
    Series("messages of 260 bytes", "instructions", (1, 10, 50, 100, 200, 400)),
    Series("chunks", "instructions", (10, 100, 1000)),
    Series("chunks", "calls", (10, 100, 1000, 10_000)),
    # Callgrind lets one thread run at a time: beside more, the service answers too late.
    Series("threads", "instructions", (1, 2, 4, 8)),
    Series("threads", "calls", (1, 4, 16, 64)),
    Series("streams at once", "calls", (1, 10, 100, 1000)),
)


def _work(series: Series, size: int) -> tuple[Workload, Effort]:
    if series.name == "threads":
        # Few, as the other threads fill the caches meanwhile, and keep the service busy.
        return WORKLOADS["chat small"], Effort(warm_up=3, other_threads=size - 1)
    if series.name == "chunks":
        # The SDK's own work on a chunk is far more than ours, and differs a little from call to
        # call: the median of several.
        effort = Effort(warm_up=1, counted=5) if series.how == "instructions" else _ONCE
        return stream_of(size - _CHUNKS_BESIDE_PIECES), effort
    if series.name == "streams at once":
        return streams_at_once(size, pieces=7), _ONCE
    return conversation(size, repeated=4), _ONCE


def slope(points: list[tuple[float, float]]) -> float:
    """The slope of the straight line through the points, by least squares."""
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    across = sum((x - middle_x) * (y - middle_y) for x, y in points)
    return across / sum((x - middle_x) ** 2 for x, _ in points)


def rows() -> list[dict[str, Any]]:
    """A row for each size, and one for each slope."""
    made = []
    for series, figures in zip(SERIES, at_once(_figures, SERIES), strict=True):
        unit = _UNITS[series.how]
        points = zip(series.sizes, figures, strict=True)
        made += [_row(f"{size:,} {series.name}", unit, *added) for size, added in points]
        slopes = [
            slope(list(zip(series.sizes, line, strict=True))) for line in zip(*figures, strict=True)
        ]
        made.append(_row(f"slope: each of the {series.name}", unit, *slopes))
    return made


def _figures(series: Series) -> list[list[int]]:
    found: list[list[int]] = output("growth.py", str(SERIES.index(series)), how=series.how)
    return found


def _row(size: str, unit: str, floor: float, ours: float) -> dict[str, Any]:
    ratio = round(ours / floor, 2) if floor else None
    return {
        "size": size,
        "counted": unit,
        "floor adds": round(floor),
        "ours adds": round(ours),
        "ours / floor": ratio,
    }


def _added(series: Series) -> list[tuple[int, int]]:
    """What floor and ours add to the bare call, for each size."""
    made = []
    for size in series.sizes:
        variants = counted(*_work(series, size))
        unit = next(iter(variants["bare"]))
        bare, floor, ours = (variants[name][unit] for name in ("bare", "floor", "ours"))
        made.append((floor - bare, ours - bare))
    return made


if __name__ == "__main__":
    print(json.dumps(_added(SERIES[int(sys.argv[1])])))
