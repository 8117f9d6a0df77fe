"""Prints the reliability table: fault, figure to reach, figure reached.

Run it from the checkout:

    python scripts/reliability.py             # the short forms, about a minute
    python scripts/reliability.py --long      # the long ones, about 20 minutes
    python scripts/reliability.py N1 S1       # some rows

Exits 1 if a figure is not reached.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.reliability import ROWS


def main(arguments: list[str]) -> int:
    """Run the rows that are asked for."""
    is_long = "--long" in arguments
    wanted = [argument for argument in arguments if not argument.startswith("-")]
    failed = 0
    print("| row | fault | size | to reach | reached | |")
    print("|---|---|---|---|---|---|")
    for row in ROWS:
        if wanted and row.id not in wanted:
            continue
        size = row.long if is_long else row.short
        reached = row.run(size)
        failed += not reached.good
        cells = (row.id, row.fault, f"{size} {row.unit}", row.goal, reached.figure)
        print(f"| {' | '.join(cells)} | {'ok' if reached.good else 'MISSED'} |", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
