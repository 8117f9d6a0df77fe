"""Prints the reliability table: fault, figure to reach, figure reached, and what was run.

Run it from the checkout:

    python scripts/reliability.py                 # the short forms, about five minutes
    python scripts/reliability.py --long          # the long ones, about an hour
    python scripts/reliability.py --long=N8,S1    # these rows in the long form, the others short
    python scripts/reliability.py N1 S1           # some rows
    python scripts/reliability.py --markdown      # the page docs/reliability.md

Exits 1 if a figure is not reached. A row without a figure of its own has tests: they carry its
marker, and are run once.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.conftest import ROOT
from tests.reliability import GOALS, MEASURED, Goal

PAGE = """# Reliability: faults, figures to reach, figures reached

Each row names a fault and what must hold while it lasts. The tests use real sockets, processes and
disks. The column "runs" has the size of a measurement, or the number of tests with the row's
marker (`pytest -m row`). "Beside it" lists what a row does not reach and what was not run.

    python scripts/reliability.py --markdown > docs/reliability.md

writes this page; `--long` gives the measured rows their full size. [Delivery](delivery.md) says
what users can rely on.

Made on {date} with Python {python} on {system}, in {minutes} minutes.

"""

Cells = tuple[str, str, bool]  # reached, runs, whether it is good


def tested(rows: list[str], *, is_long: bool) -> dict[str, Any]:
    """What became of the tests of `rows`, by row."""
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder, "counts.json")
        which = "long or not long" if is_long else "not long"
        options = ["-q", "-m", which, "-p", "tests.reliability.marked", "--rows", ",".join(rows)]
        subprocess.run(
            [sys.executable, "-m", "pytest", *options, "--rows-to", str(counts)],
            cwd=ROOT,
            stdout=sys.stderr,
            check=False,
        )
        found: dict[str, Any] = json.loads(counts.read_text())
        return found


def cells(row: str, counts: Any, long_ones: set[str]) -> Cells:
    """What is shown of a row."""
    reached: list[str] = []
    runs: list[str] = []
    good = True
    for measured in (one for one in MEASURED if one.id == row):
        size = measured.long if row in long_ones else measured.short
        figure = measured.run(size)
        reached.append(figure.figure)
        runs.append(f"{size} {measured.unit}")
        good = good and figure.good
    if counts:
        run = counts["passed"] + counts["failed"]
        reached.append(f"{counts['passed']} of {run} tests")
        skipped = f", {counts['skipped']} not: {'; '.join(counts['reasons'])}"
        runs.append(f"{run} test{'s' * (run != 1)}" + (skipped if counts["skipped"] else ""))
        good = good and not counts["failed"] and run > 0
    return "; ".join(reached), "; ".join(runs), good and bool(reached)


def lines(rows: list[Goal], counts: dict[str, Any], long_ones: set[str]) -> Iterator[str]:
    """The table."""
    yield "| row | fault | to reach | reached | runs | | beside it |"
    yield "|---|---|---|---|---|---|---|"
    for goal in rows:
        reached, runs, good = cells(goal.id, counts.get(goal.id), long_ones)
        shown = [goal.id, goal.fault, goal.figure, reached, runs]
        shown += ["ok" if good else "MISSED", goal.note]
        yield f"| {' | '.join(cell.replace('|', '/') for cell in shown)} |"


def main(arguments: list[str]) -> int:
    """Run the rows that are asked for."""
    started = time.monotonic()
    long_ones: set[str] = set()
    for argument in arguments:
        if argument.partition("=")[0] == "--long":
            long_ones = set(argument.partition("=")[2].split(",")) - {""} or set(GOALS)
    wanted = [argument for argument in arguments if not argument.startswith("-")]
    rows = [goal for goal in GOALS.values() if not wanted or goal.id in wanted]
    counts = tested([goal.id for goal in rows], is_long=long_ones == set(GOALS))
    page = "--markdown" in arguments
    table: list[str] = []
    for line in lines(rows, counts, long_ones):
        table.append(line)
        print(line, flush=True, file=sys.stderr if page else sys.stdout)
    if page:
        facts = {
            "date": time.strftime("%Y-%m-%d"),
            "python": platform.python_version(),
            "system": platform.system(),
            "minutes": round((time.monotonic() - started) / 60) or 1,
        }
        print(PAGE.format(**facts) + "\n".join(table))
    return 1 if any("| MISSED |" in line for line in table) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
