"""What recording adds to each workload: instructions, with CPU time beside them.

    python benchmarks --only instructions

Five processes count instructions, and two take the time, each all workloads and variants.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from fresh import at_once, output

# A process for each. Equal hashes would make equal processes: how names fall into tables decides
# some of the work, and the spread shows how much. The seed decides the layout of types as well.
HASH_SEEDS = (0, 1, 2, 3, 4)
_TIMED = 2  # so many of them
_Run = dict[str, dict[str, dict[str, int]]]  # workload -> variant -> unit -> count


def rows() -> list[dict[str, Any]]:
    """A row for each workload; where there are several figures, each is of a process."""
    counted = at_once(partial(_run, "instructions"), HASH_SEEDS)
    timed = at_once(partial(_run, "time"), HASH_SEEDS[:_TIMED])
    return [_row(name, counted, timed) for name in counted[0]]


def _run(how: str, seed: int) -> _Run:
    figures: _Run = output("counted.py", "--how", how, "--json", how=how, seed=seed)
    return figures


def _row(name: str, counted: list[_Run], timed: list[_Run]) -> dict[str, Any]:
    bare = [run[name]["bare"]["instructions"] // 1000 for run in counted]
    floor, ours = (_added(counted, name, variant, "instructions") for variant in ("floor", "ours"))
    floor_ns, ours_ns = (_added(timed, name, variant, "CPU ns") for variant in ("floor", "ours"))
    return {
        "workload": name,
        "bare, k": bare,
        "floor adds, k": floor,
        "ours adds, k": ours,
        "ours / floor": [round(mine / hand, 2) for mine, hand in zip(ours, floor, strict=True)],
        "floor adds, µs": floor_ns,
        "ours adds, µs": ours_ns,
    }


def _added(runs: list[_Run], name: str, variant: str, unit: str) -> list[int]:
    """Thousandths of what the variant adds to the bare call, for each process."""
    return [(run[name][variant][unit] - run[name]["bare"][unit]) // 1000 for run in runs]
