"""Read the figures of calls over time and by model from their roll-up, never from the spans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pulse_otel.local.storage.latencies import percentile
from pulse_otel.local.storage.spans import Filters

Select: TypeAlias = Callable[[str, Filters], "list[tuple[Any, ...]]"]

CURRENT: Final = "usage"
LEGACY: Final = "legacy_usage"

_SUMS: tuple[str, ...] = (
    "calls",
    "errors",
    "input_tokens",
    "output_tokens",
    "cost_cents",
    "unpriced",
)


@dataclass
class Usage:
    """The figures of some calls; tokens and cost are None if no call has any."""

    calls: int = 0
    errors: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_cents: float | None = None
    unpriced: int = 0
    latencies: dict[int, int] = field(default_factory=dict[int, int])
    """The number of calls in each class of `latencies`."""

    def add(self, other: Usage) -> None:
        """Add the figures of `other`."""
        for name in _SUMS:
            value = getattr(other, name)
            if value is not None:
                setattr(self, name, (getattr(self, name) or 0) + value)
        for bound, count in other.latencies.items():
            self.latencies[bound] = self.latencies.get(bound, 0) + count

    def percentile(self, percent: int) -> float | None:
        """Return a percentile of the latencies in ms; None if none is known."""
        return percentile(self.latencies, percent)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The time from `since` to `until` in ms, in steps of `width`; `length` is a stored one."""

    length: int
    width: int
    since: int
    until: int

    def steps(self) -> int:
        """Count the steps; the last one contains `until`."""
        return (self.until - self.since) // self.width + 1


def extent(select: Select, table: str, length: int) -> tuple[int, int] | None:
    """Return the first and the last period of this length; None if there is no call."""
    sql = f"SELECT MIN(period), MAX(period) FROM {table} WHERE length = :length"  # noqa: S608
    ((first, last),) = select(sql, {"length": length})
    return None if first is None else (first, last)


def by_step(select: Select, table: str, window: Window) -> dict[int, Usage]:
    """Return the figures of each step that has any."""
    found = _read(select, table, window, ("(period - :since) / :width",))
    return {step: usage for (step,), usage in found.items()}


def by_model(select: Select, table: str, window: Window) -> dict[tuple[str, str], Usage]:
    """Return the figures of each provider and model."""
    found = _read(select, table, window, ("provider", "model"))
    return {(provider, model): usage for (provider, model), usage in found.items()}


def _read(
    select: Select, table: str, window: Window, key: tuple[str, ...]
) -> dict[tuple[Any, ...], Usage]:
    sums = ", ".join(f"SUM({name})" for name in _SUMS)
    groups = ", ".join((*key, "latency"))
    rows = select(
        f"SELECT {groups}, {sums} FROM {table} WHERE length = :length"  # noqa: S608 - our own names
        f" AND period BETWEEN :since AND :until GROUP BY {groups}",
        {
            "length": window.length,
            "since": window.since,
            "until": window.until,
            "width": window.width,
        },
    )
    classes: dict[tuple[Any, ...], dict[int, int]] = {}
    totals: dict[tuple[Any, ...], list[Any]] = {}
    at = len(key) + 1
    for row in rows:
        which = row[: at - 1]
        classes.setdefault(which, {})[row[at - 1]] = row[at]  # the number of calls
        total = totals.setdefault(which, [None] * len(_SUMS))
        for place, value in enumerate(row[at:]):
            if value is not None:
                total[place] = (total[place] or 0) + value
    return {
        which: Usage(**dict(zip(_SUMS, total, strict=True)), latencies=classes[which])
        for which, total in totals.items()
    }
