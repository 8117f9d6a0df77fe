"""Lay out small plots of figures over time; a template draws them as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 400, 170
LEFT, RIGHT, TOP, BOTTOM = 58, 390, 12, 146
_MOST_LABELS = 5

Series = Mapping[str, Sequence["float | None"]]


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: its place, and what is written there."""

    at: float
    label: str


@dataclass(frozen=True)
class Bar:
    """One bar; `series` is its place among those that are stacked."""

    x: float
    y: float
    width: float
    height: float
    series: int
    title: str


@dataclass(frozen=True)
class Line:
    """The line of a series: an SVG path, and the points that stand alone in it."""

    path: str
    points: Sequence[tuple[float, float]]
    series: int


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One plot, ready for the template."""

    name: str
    title: str
    summary: str
    description: str
    names: Sequence[str]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    bars: Sequence[Bar] = ()
    lines: Sequence[Line] = ()


@dataclass(frozen=True)
class Axis:
    """The time axis: the name of each step, and the short one that the axis shows."""

    names: Sequence[str]
    labels: Sequence[str]

    def left_of(self, step: int) -> float:
        """Return where a step begins."""
        return LEFT + (RIGHT - LEFT) * step / len(self.names)

    def ticks(self) -> list[Tick]:
        """Mark the begin of every n-th step."""
        every = -(-len(self.names) // _MOST_LABELS)
        return [
            Tick(self.left_of(step), self.labels[step]) for step in range(0, len(self.names), every)
        ]


def bars(
    name: str, title: str, summary: str, axis: Axis, series: Series, shown: Callable[[float], str]
) -> Chart:
    """Plot the sums of each step; several series are stacked."""
    top = _top([sum(value or 0 for value in step) for step in zip(*series.values(), strict=True)])
    drawn: list[Bar] = []
    for step, at in enumerate(axis.names):
        below = 0.0
        for number, (label, values) in enumerate(series.items()):
            value = values[step] or 0
            low, high = _height(below, top), _height(below + value, top)
            below += value
            if value:
                # A small value is not no value.
                high = min(high, low - 1)
                text = f"{at}: {shown(value)}{f' {label}' if len(series) > 1 else ''}"
                x, width = axis.left_of(step), (RIGHT - LEFT) / len(axis.names)
                drawn.append(Bar(x + width * 0.1, high, width * 0.8, low - high, number, text))
    return Chart(
        name=name,
        title=title,
        summary=summary,
        description=_described(axis, series, shown),
        names=tuple(series) if len(series) > 1 else (),
        x_ticks=axis.ticks(),
        y_ticks=_y_ticks(top, shown),
        bars=drawn,
    )


def lines(
    name: str, title: str, summary: str, axis: Axis, series: Series, shown: Callable[[float], str]
) -> Chart:
    """Plot each series as a line, with a gap where a step has no value."""
    top = _top([value or 0 for values in series.values() for value in values])
    return Chart(
        name=name,
        title=title,
        summary=summary,
        description=_described(axis, series, shown),
        names=tuple(series),
        x_ticks=axis.ticks(),
        y_ticks=_y_ticks(top, shown),
        lines=[_line(axis, values, top, n) for n, values in enumerate(series.values())],
    )


def _line(axis: Axis, values: Sequence[float | None], top: float, series: int) -> Line:
    half = (RIGHT - LEFT) / len(axis.names) / 2
    path: list[str] = []
    points: list[tuple[float, float]] = []
    before: float | None = None
    for step, value in enumerate(values):
        after = values[step + 1] if step + 1 < len(values) else None
        if value is not None:
            x, y = axis.left_of(step) + half, _height(value, top)
            path.append(f"{'M' if before is None else 'L'}{x:.1f} {y:.1f}")
            if before is None and after is None:
                points.append((x, y))
        before = value
    return Line(" ".join(path), points, series)


def _height(value: float, top: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * value / top


def _top(values: Sequence[float]) -> float:
    """Return the first of 1, 2, 4, 10, 20, 40, ... that no value exceeds."""
    most = max(values, default=0)
    if most <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(most))
    return float(next(step * power for step in (1, 2, 4, 10, 20) if most <= step * power))


def _y_ticks(top: float, shown: Callable[[float], str]) -> list[Tick]:
    found = {shown(value): value for value in (top, top / 2, 0)}
    return [Tick(_height(value, top), label) for label, value in found.items()]


def _described(axis: Axis, series: Series, shown: Callable[[float], str]) -> str:
    """Say in words what the plot shows: for readers who do not see it."""
    said: list[str] = []
    for label, values in series.items():
        most = max(range(len(values)), key=lambda step: values[step] or 0)
        if values[most] is not None:
            said.append(f"{label}: at most {shown(values[most] or 0)}, {axis.names[most]}.")
    return f"From {axis.names[0]} to {axis.names[-1]}. {' '.join(said) or 'No values.'}"
