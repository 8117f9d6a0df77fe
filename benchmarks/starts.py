"""What import and set-up take: the ways of `imports.py`, counted, with CPU time beside.

python benchmarks --only imports
"""

from __future__ import annotations

from typing import Any

from fresh import alone, at_once, beside_another
from imports import BARE, WAYS, instructions, measured

_TIMED, _COUNTED = 9, 3  # processes for each way


def rows() -> list[dict[str, Any]]:
    """A row for each way to begin: what it takes beyond a Python that does nothing."""
    ways = [way for way in WAYS for _ in range(_COUNTED)]
    totals = list(zip(ways, at_once(_instructions, ways), strict=True))
    bare_total = min(total for way, total in totals if way == BARE)
    with alone():
        found = measured(_TIMED)
    bare_modules, bare_ms = found.pop(BARE)
    return [
        {
            "way to begin": way,
            "million instructions": [
                round((total - bare_total) / 1e6) for each, total in totals if each == way
            ],
            "modules": round(modules - bare_modules),
            "CPU ms": round(cpu_ms - bare_ms),
        }
        for way, (modules, cpu_ms) in found.items()
    ]


def _instructions(way: str) -> int:
    with beside_another():
        return instructions(WAYS[way])
