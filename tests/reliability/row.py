"""What a row of the reliability table is, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A row: a fault, and the figure to reach. `note`: what is not reached or not run, and why."""

    id: str
    fault: str
    figure: str
    note: str = ""


@dataclass(frozen=True)
class Reached:
    """What was measured, and whether it is good enough."""

    figure: str
    good: bool


@dataclass(frozen=True)
class Measured:
    """A row that a figure is measured of. `run` is given the size of its short or long form."""

    id: str
    run: Callable[[int], Reached]
    short: int
    long: int
    unit: str
