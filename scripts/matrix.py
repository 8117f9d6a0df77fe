"""Run the tests of what a user touches against many versions: SDKs, OpenTelemetry, Python.

``scripts/matrix.py`` runs every row, ``--short`` the oldest and one between (the newest is what
the default test run has), ``--only TEXT`` the rows whose name contains the text, ``--list`` shows
them. Each row gets an environment of its own in a temporary directory, made with uv if it is
there, else with venv and pip. A row whose Python is not on this machine is named and left out.
Exit status 1 if a row failed.

What a version lacks is skipped by the tests, as the table in tests/versions.py says.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("pytest>=8.3", "pytest-timeout>=2.3", "pytest-xdist>=3.6", "hypothesis>=6.100")
# What the SDKs are reached through; the rest of the tests does not depend on versions of them.
TESTS = (
    "tests/test_versions.py",
    "tests/test_planted_bugs.py",
    "tests/instrumentation/test_observe.py",
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
    """One environment: `pins` are requirements, beside which everything is the newest."""

    name: str
    pins: tuple[str, ...] = ()
    python: str = ""  # "3.12"; empty is the one that runs this script
    short: bool = False


OLDEST_OTEL = (
    "opentelemetry-api==1.37.0",
    "opentelemetry-sdk==1.37.0",
    "opentelemetry-instrumentation==0.58b0",
    "wrapt==1.16.0",
)
ROWS = (
    Row("oldest", ("openai==1.66.0", "anthropic==0.43.0", *OLDEST_OTEL), short=True),
    Row("oldest, pydantic 1", ("openai==1.66.0", "anthropic==0.43.0", "pydantic<2")),
    Row("1.109 / 0.79", ("openai==1.109.1", "anthropic==0.79.0")),
    Row("2.20 / 0.125", ("openai==2.20.0", "anthropic==0.125.0"), short=True),
    Row("2.54 / 1.13", ("openai==2.54.0", "anthropic~=1.13.0")),
    Row("newest / 1.17", ("anthropic~=1.17.0",)),
    Row("newest, oldest OpenTelemetry", OLDEST_OTEL),
    Row("newest"),
    *(
        Row(f"newest, Python {version}", (), version)
        for version in ("3.10", "3.12", "3.13", "3.14")
    ),
    Row("oldest, Python 3.10", ("openai==1.66.0", "anthropic==0.43.0", *OLDEST_OTEL), "3.10"),
)
SHOWN = ("openai", "anthropic", "opentelemetry-sdk", "pydantic", "httpx", "httpx2")


def interpreter(version: str) -> str | None:
    """A Python of that version that runs, or None; a name in the path may be a mere stand-in."""
    if not version or version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [*sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
    for candidate in [shutil.which(f"python{version}"), *map(str, found)]:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return candidate
    return None


def environment(row: Row, python: str, folder: Path) -> Path:
    """Make the row's environment; returns its Python. Raises CalledProcessError."""
    made = folder / "bin" / "python"
    wanted = [f"{ROOT}[local]", *row.pins, *TOOLS]
    uv = shutil.which("uv")
    if uv:
        run([uv, "venv", "--quiet", "--python", python, str(folder)])
        run([uv, "pip", "install", "--quiet", "--python", str(made), *wanted])
    else:
        run([python, "-m", "venv", str(folder)])
        run([str(made), "-m", "pip", "install", "--quiet", *wanted])
    return made


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run it, with what it says kept for the case that it fails."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    done.check_returncode()
    return done


def versions(python: Path) -> str:
    """The versions that matter in an environment, on one line."""
    script = (
        "import importlib.metadata as m, sys\n"
        "known = {d.metadata['Name'].lower(): d.version for d in m.distributions()}\n"
        f"found = [f'{{n}} {{known[n]}}' for n in {SHOWN!r} if n in known]\n"
        "print('python', '.'.join(map(str, sys.version_info[:3])), *found)"
    )
    return run([str(python), "-c", script]).stdout.strip()


def test(python: Path) -> tuple[bool, str]:
    """Whether the tests pass, and their counts."""
    files = sorted({str(path) for pattern in TESTS for path in ROOT.glob(pattern)})
    done = subprocess.run(
        # What was compiled, or left by hypothesis, is nobody else's.
        [str(python), "-B", "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", *files],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    counts = re.findall(r"\d+ (?:passed|failed|skipped|errors?)", done.stdout.splitlines()[-1])
    if done.returncode:
        print(done.stdout[-8000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
    return done.returncode == 0, ", ".join(counts) or "no tests ran"


def row_passes(row: Row) -> bool:
    """Run one row and print its line."""
    python = interpreter(row.python)
    if python is None:
        print(f"{row.name:32} left out: no Python {row.python} here", flush=True)
        return True
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = environment(row, python, Path(folder) / "env")
        except subprocess.CalledProcessError:
            print(f"{row.name:32} FAILED: its versions cannot be installed", flush=True)
            return False
        print(f"{row.name:32} {versions(made)}", flush=True)
        passed, counts = test(made)
    spent = time.monotonic() - started
    print(f"{'':32} {'passed' if passed else 'FAILED'}: {counts} in {spent:.0f} s", flush=True)
    return passed


def main() -> int:
    """Run the rows that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="the oldest row and one between")
    parser.add_argument("--only", metavar="TEXT", default="", help="rows with TEXT in their name")
    parser.add_argument("--list", action="store_true", help="show the rows and do nothing")
    options = parser.parse_args()
    rows = [row for row in ROWS if options.only in row.name and (row.short or not options.short)]
    if options.list:
        print(*(f"{row.name:32} {' '.join(row.pins)}" for row in rows), sep="\n")
        return 0
    failed = [row.name for row in rows if not row_passes(row)]
    print(f"failed: {', '.join(failed)}" if failed else f"all {len(rows)} rows passed")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
