"""Sort latencies into the classes of a histogram, and read percentiles from it.

The bounds of the classes are 12 % apart, so a percentile is within 6 %.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

_PER_DECADE = 20
_DECADES = 7  # up to 10,000 s

UNKNOWN: Final = -1
BOUNDS: Final = tuple(
    sorted({0, *(round(10 ** (step / _PER_DECADE)) for step in range(_DECADES * _PER_DECADE + 1))})
)
RESOLUTION: Final = "6 %"


def class_of(milliseconds: str) -> str:
    """Write the SQL expression of the class of a latency: its upper bound; the last has none."""
    return (
        f"CASE WHEN {milliseconds} IS NULL THEN {UNKNOWN} ELSE {_found(milliseconds, BOUNDS)} END"
    )


def _found(value: str, bounds: Sequence[int]) -> str:
    if len(bounds) == 1:
        return str(bounds[0])
    half = len(bounds) // 2
    lower, upper = _found(value, bounds[:half]), _found(value, bounds[half:])
    return f"CASE WHEN {value} <= {bounds[half - 1]} THEN {lower} ELSE {upper} END"


def percentiles(counts: Mapping[int, int], percents: Sequence[int]) -> list[float | None]:
    """Return for each of `percents` the latency in ms that so many % do not exceed, or None.

    `counts` maps classes to their number of calls.
    """
    known = sorted((bound, count) for bound, count in counts.items() if bound != UNKNOWN)
    bounds = [bound for bound, _ in known]
    ranks = list(accumulate(count for _, count in known))
    if not known:
        return [None] * len(percents)
    return [_middle(bounds[bisect_left(ranks, -(-ranks[-1] * n // 100))]) for n in percents]


def _middle(bound: int) -> float:
    at = bisect_left(BOUNDS, bound)
    below = BOUNDS[at - 1] if at else 0
    # Latencies are whole: a class of one value is exact.
    return bound if bound - below <= 1 else (below + bound) / 2
