"""Read the figures of calls over time and by model from their roll-up, never from the spans."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pulse_otel.local.storage.database import Select
from pulse_otel.local.storage.latencies import percentiles

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
    latencies: dict[str, int] = field(default_factory=dict[str, int])
    """How many calls each class of latencies has, by the name of the class in JSON."""

    def add(self, other: Usage) -> None:
        """Add the figures of `other`."""
        for name in _SUMS:
            value = getattr(other, name)
            if value is not None:
                setattr(self, name, (getattr(self, name) or 0) + value)
        for name, count in other.latencies.items():
            self.latencies[name] = self.latencies.get(name, 0) + count

    def percentiles(self, percents: Sequence[int]) -> list[float | None]:
        """Return percentiles of the latencies in ms; each is None if no latency is known."""
        return percentiles({int(name): count for name, count in self.latencies.items()}, percents)


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


@dataclass
class Figures:
    """The figures of a window: of each step, and of each provider and model, that has any."""

    steps: dict[int, Usage] = field(default_factory=dict[int, Usage])
    models: dict[tuple[str, str], Usage] = field(default_factory=dict[tuple[str, str], Usage])


def read(select: Select, table: str, window: Window) -> Figures:
    """Read the figures of the window."""
    rows = select(
        "SELECT (period - :since) / :width, provider, model, latencies,"  # noqa: S608 - our own names
        f" {', '.join(_SUMS)} FROM {table}"
        " WHERE length = :length AND period BETWEEN :since AND :until",
        dataclasses.asdict(window),
    )
    found = Figures()
    for step, provider, model, latencies, *sums in rows:
        one = Usage(**dict(zip(_SUMS, sums, strict=True)), latencies=json.loads(latencies))
        found.steps.setdefault(step, Usage()).add(one)
        found.models.setdefault((provider, model), Usage()).add(one)
    return found
