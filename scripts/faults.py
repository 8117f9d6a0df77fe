"""Prints what becomes of a process that ends while its service fails: each fault x each end.

Run it from the checkout:

    python scripts/faults.py                      # all, about 15 minutes
    python scripts/faults.py 401 "TLS expired"    # these faults

A cell says how many spans arrived / wait on disk / were lost, as the process counts them (-: it
says nothing), and how long its end took, in seconds. Two processes run at a time.
Exits 1 if an end takes too long, its exit code is not that of the program without this package, the
accounts do not add up, or the spool does not keep what was not accepted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.reliability.ends import ENDS, FAULTS, TOO_LONG, Cell, bare_code, cell, matrix


def shown(one: Cell) -> str:
    """A cell of the table."""
    lost = "-" if one.lost is None else one.lost
    wrong = f" **{', '.join(one.wrong)}**" if one.wrong else ""
    return f"{one.arrived}/{one.on_disk}/{lost} {one.took_s:.1f}{wrong}"


def ended(one: tuple[str, str, bool], bare: int) -> Cell:
    """Run a cell; once more if it took too long, since the machine may have been busy."""
    fault, end, spool = one
    found = cell(fault, end, spool=spool, bare=bare)
    return cell(fault, end, spool=spool, bare=bare) if TOO_LONG in found.wrong else found


def main(arguments: Sequence[str]) -> int:
    """Run the faults that are asked for."""
    faults = {name: FAULTS[name] for name in arguments} or FAULTS
    bare = {end: bare_code(end) for end in ENDS}
    print(f"| fault | spool | {' | '.join(ENDS)} |")
    print(f"|---|---|{'---|' * len(ENDS)}")
    missed = 0
    with ThreadPoolExecutor(2) as pool:
        cells = pool.map(lambda one: ended(one, bare[one[1]]), matrix(faults))
        row: list[Cell] = []
        for one in cells:
            row.append(one)
            missed += bool(one.wrong)
            if len(row) == len(ENDS):
                kept = "yes" if one.spool else "no"
                print(f"| {one.fault} | {kept} | {' | '.join(map(shown, row))} |", flush=True)
                row = []
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
