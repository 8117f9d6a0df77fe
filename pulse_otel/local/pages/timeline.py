"""Arrange the spans of a trace as a tree on a time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulse_otel.local.storage.spans import SpanRow

_UNITS = ((3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms"))
_STEPS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(1000 * seconds for seconds in (1, 2, 5, 10, 20, 30)),
    *(60_000 * minutes for minutes in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)),
)
_MAX_DEPTH = 12  # deeper spans are indented no further


@dataclass(frozen=True)
class TimelineRow:
    """The depth of a span, and its bar in percent of the trace's duration."""

    span_id: str
    depth: int
    left: float
    width: float


def timeline(spans: Sequence[SpanRow]) -> list[TimelineRow]:
    """Make the rows of `spans`, which are sorted by start: children below their parents."""
    first, last = _bounds(spans)
    scale = 100 / ((last - first) or 1)
    return [
        TimelineRow(
            span.span_id,
            min(depth, _MAX_DEPTH),
            left=(span.timestamp - first) * scale,
            width=(span.duration_ms or 0) * scale,
        )
        for span, depth in _in_tree_order(spans)
    ]


def ticks(duration_ms: int) -> list[tuple[float, str]]:
    """Return the marks of the axis, in percent of the duration: 3 to 6 round figures."""
    if duration_ms <= 0:
        return []
    step = next((step for step in _STEPS if duration_ms / step <= 5), 0)
    while not step or duration_ms / step > 5:  # no trace of a program takes so long
        step = 10 * (step or _STEPS[-1])
    unit, name = next(unit for unit in _UNITS if step >= unit[0])
    marks = range(0, duration_ms + 1, step)
    return [(100 * mark / duration_ms, f"{mark / unit:,g} {name}") for mark in marks]


def wall_ms(spans: Sequence[SpanRow]) -> int:
    """Return the time from the first start to the last end."""
    first, last = _bounds(spans)
    return last - first


def _bounds(spans: Sequence[SpanRow]) -> tuple[int, int]:
    first = min(span.timestamp for span in spans)
    return first, max(span.timestamp + (span.duration_ms or 0) for span in spans)


def _in_tree_order(spans: Sequence[SpanRow]) -> list[tuple[SpanRow, int]]:
    """Order the spans as a tree, each once, with its depth.

    A span whose parent is missing is a root (contract §3.2). In a cycle of parents, the first span
    is the root.
    """
    known = {span.span_id for span in spans}
    children: dict[str, list[SpanRow]] = {}
    for span in spans:
        children.setdefault(span.parent_span_id or "", []).append(span)
    roots = [span for span in spans if span.parent_span_id not in known]
    ordered: dict[str, tuple[SpanRow, int]] = {}
    for root in (*roots, *spans):
        waiting = [(root, 0)]
        while waiting:
            span, depth = waiting.pop()
            if span.span_id not in ordered:
                ordered[span.span_id] = (span, depth)
                below = reversed(children.get(span.span_id, ()))
                waiting += [(child, depth + 1) for child in below]
    return list(ordered.values())
