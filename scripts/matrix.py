"""Run the tests of what a user touches against many versions: SDKs, OpenTelemetry, Python.

``scripts/matrix.py`` runs every row, ``--short`` the oldest and one between (the default test run
has the pinned versions), ``--only TEXT`` the rows whose name contains the text, ``--but TEXT`` the
others, ``--list`` shows them. Each row gets an environment of its own in a temporary directory,
made with uv if it is there, else with venv and pip. A row whose Python is not on this machine is
named and left out. Exit status 1 if a row failed.

``--newest`` runs all tests, once, with the newest releases instead of the pinned ones, and says
which release breaks which test.

What a version lacks is skipped by the tests, as the table in tests/versions.py says.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from environments import ROOT, family, interpreter, make, pinned, test, versions
from newest import newest
from pins import requirements

TOOLS = ("pytest", "pytest-timeout", "pytest-xdist", "hypothesis")
# What the SDKs are reached through; the rest of the tests does not depend on versions of them.
TESTS = (
    "tests/test_versions.py",
    "tests/test_planted_bugs.py",
    "tests/instrumentation/test_observe.py",
    "tests/instrumentation/test_call_labels.py",
    "tests/instrumentation/test_every_client.py",
    "tests/instrumentation/test_paused.py",
    "tests/instrumentation/test_sessions.py",
    "tests/instrumentation/test_tools.py",
    "tests/instrumentation/test_stream*.py",
    "tests/instrumentation/test_instrumentors.py",
    "tests/instrumentation/test_uninstrument.py",
    "tests/instrumentation/test_differential.py",
    "tests/instrumentation/anthropic/test_*.py",
    "tests/instrumentation/openai/test_*.py",
)


@dataclass(frozen=True)
class Row:
    """One environment: `pins` are requirements, beside which the group `pins` holds."""

    name: str
    pins: tuple[str, ...] = ()
    python: str = ""  # "3.12"; empty is the one that runs this script
    short: bool = False


OLDEST = tuple(
    line.replace(">=", "==") for group in ("dependencies", "local") for line in requirements(group)
)
OLDEST_OTEL = tuple(line for line in OLDEST if family(line) in ("opentelemetry", "wrapt"))
ROWS = (
    Row("oldest", OLDEST, short=True),
    Row("oldest, pydantic 1", (*OLDEST, "pydantic<2")),
    Row("1.109 / 0.79", ("openai==1.109.1", "anthropic==0.79.0")),
    Row("2.20 / 0.125", ("openai==2.20.0", "anthropic==0.125.0"), short=True),
    Row("2.54 / 1.13", ("openai==2.54.0", "anthropic~=1.13.0")),
    Row("pinned / 1.17", ("anthropic~=1.17.0",)),
    Row("pinned, oldest OpenTelemetry", OLDEST_OTEL),
    Row("pinned"),
    *(
        Row(f"pinned, Python {version}", (), version)
        for version in ("3.10", "3.12", "3.13", "3.14")
    ),
    Row("oldest, Python 3.10", OLDEST, "3.10"),
)
SHOWN = ("python", "openai", "anthropic", "opentelemetry-sdk", "pydantic", "httpx", "httpx2")


def row_passes(row: Row) -> bool:
    """Run one row and print its line."""
    python = interpreter(row.python)
    if python is None:
        print(f"{row.name:32} left out: no Python {row.python} here", flush=True)
        return True
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        wanted = [f"{ROOT}[local]", *row.pins, *TOOLS]
        try:
            made = make(python, Path(folder) / "env", wanted, pinned(but=map(family, row.pins)))
        except subprocess.CalledProcessError:
            print(f"{row.name:32} FAILED: its versions cannot be installed", flush=True)
            return False
        found = versions(made)
        known = [f"{name} {found[name]}" for name in SHOWN if name in found]
        print(f"{row.name:32}", *known, flush=True)
        files = sorted({str(path) for pattern in TESTS for path in ROOT.glob(pattern)})
        failed, counts = test(made, files)
    spent = time.monotonic() - started
    print(f"{'':32} {'FAILED' if failed else 'passed'}: {counts} in {spent:.0f} s", flush=True)
    return not failed


def main() -> int:
    """Run the rows that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="the oldest row and one between")
    parser.add_argument("--only", metavar="TEXT", default="", help="rows with TEXT in their name")
    parser.add_argument("--but", metavar="TEXT", help="rows without TEXT in their name")
    parser.add_argument("--list", action="store_true", help="show the rows and do nothing")
    parser.add_argument("--newest", action="store_true", help="all tests, with newest releases")
    options = parser.parse_args()
    if options.newest:
        return newest()
    rows = [row for row in ROWS if options.only in row.name and (row.short or not options.short)]
    rows = [row for row in rows if options.but is None or options.but not in row.name]
    if options.list:
        print(*(f"{row.name:32} {' '.join(row.pins)}" for row in rows), sep="\n")
        return 0
    failed = [row.name for row in rows if not row_passes(row)]
    print(f"failed: {', '.join(failed)}" if failed else f"all {len(rows)} rows passed")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
