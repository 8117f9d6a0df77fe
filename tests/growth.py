"""How the time of a function grows with the length of its text."""

from __future__ import annotations

import time
from collections.abc import Callable

LINEAR = 6.0
_LEAST_S = 0.002  # a time that the clock and the caches do not blur
_MOST = 1 << 15  # longer texts measure the memory, which comes in pages
_RUNS = 5
_LEAST_ROUNDS, _MOST_ROUNDS = 9, 90


def growth(function: Callable[[str], object], part: str, start: str = "", end: str = "") -> float:
    """Return how many times the CPU time of four times the text is that of the text.

    The text is `part`, repeated until it takes some time, between `start` and `end`. Linear time
    gives about 4, quadratic time about 16. Other threads and programs do not count. A busy machine
    makes some figures larger, so that others follow one that is not below `LINEAR`; the least
    counts.
    """
    count = 1000
    while count < _MOST and _seconds(function, start + count * part + end) < _LEAST_S:
        count *= 2
    found = float("inf")
    # A step, as where an object outgrows a cache, is seen at one length only.
    for length in (count, 4 * count, count // 4, count, count // 4):
        if found >= LINEAR:
            found = min(found, _growth(function, start, length * part, end))
    return found


def _growth(function: Callable[[str], object], start: str, parts: str, end: str) -> float:
    short = [_seconds(function, start + parts + end) for _ in range(_RUNS)]
    long = [_seconds(function, start + 4 * parts + end) for _ in range(_RUNS)]
    # What takes next to no time, as the pattern fails at once, has no growth to speak of.
    return min(long) / max(min(short), _LEAST_S / 20)


def _seconds(function: Callable[[str], object], text: str) -> float:
    begin = time.thread_time()
    function(text)
    return time.thread_time() - begin


def ratio(bound: Callable[[], object], plain: Callable[[], object], enough: float) -> float:
    """Return how many times the CPU time of `plain` that of `bound` is, each at best.

    A busy machine makes some rounds slower, so more of them follow while it is not below `enough`.
    """
    times: tuple[list[float], list[float]] = ([], [])
    found = float("inf")
    while len(times[0]) < _LEAST_ROUNDS or (found >= enough and len(times[0]) < _MOST_ROUNDS):
        for function, taken in zip((bound, plain), times, strict=True):
            begin = time.thread_time()
            function()
            taken.append(time.thread_time() - begin)
        found = min(times[0]) / min(times[1])
    return found
