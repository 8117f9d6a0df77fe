"""What a row of the reliability table is, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reached:
    """What was measured, and whether it is good enough."""

    figure: str
    good: bool


@dataclass(frozen=True)
class Row:
    """`run` is given the size of the short or of the long form."""

    id: str
    fault: str
    goal: str
    run: Callable[[int], Reached]
    short: int
    long: int
    unit: str
