"""Run agent frameworks with their calls recorded, and print what the service has of each run.

Run it from the checkout:

    python scripts/frameworks.py                       # all, about 20 minutes
    python scripts/frameworks.py langchain pydantic    # rows whose name contains one of these
    python scripts/frameworks.py --way "own spans"     # one of the three ways
    python scripts/frameworks.py --spans dspy          # what the service has, span by span
    python scripts/frameworks.py --markdown            # writes docs/frameworks.md of all runs

Each framework has an environment of its own, with its newest version; it is made once, in the
folder that `--folder` names (its default is outside of the checkout), where the results are kept
too. `--renew` makes the environment anew. The programs are those of examples/frameworks; they call
a scripted provider on loopback, and nothing leaves the machine. Exits 1 if a cell of this run is
not as it should be and the page does not say so.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from environments import ROOT, make, run, versions
from framework_cases import CASES, WAYS, Case
from framework_cell import run_cell
from framework_figures import Figures
from framework_page import page

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pulse-otel"
ALWAYS = ("opentelemetry-distro", "openai", "anthropic")


def environment(packages: Iterable[str], place: Path, renew: bool) -> Path:
    """Make an environment in `place` unless it is there, with this checkout; return its Python."""
    if renew:
        shutil.rmtree(place, ignore_errors=True)
    python = place / "bin" / "python"
    if not python.exists():
        make(sys.executable, place, (*packages, *ALWAYS), ())
    uv = shutil.which("uv")
    install = [uv, "pip", "install", "--python", str(python)] if uv else []
    install = install or [str(python), "-m", "pip", "install"]
    run([*install, "--quiet", "-e", str(ROOT)])  # another checkout may have been there
    return python


def measure(cases: list[Case], options: argparse.Namespace) -> list[str]:
    """Run `cases`, note each cell in the results; return the names of the cells at fault."""
    wrong: list[str] = []
    for case in cases:
        try:
            python = environment(case.packages, options.folder / case.program.stem, options.renew)
        except subprocess.CalledProcessError:
            wrong.append(f"{case.name} (cannot be installed)")
            continue
        installed = versions(python)
        shown = {name: installed.get(name, "?") for name in (*case.versions_shown, "openai")}
        print(f"{case.name}: {', '.join(f'{n} {v}' for n, v in shown.items())}", flush=True)
        for way in options.way or WAYS:
            started = time.monotonic()
            figures = run_cell(case, way, python, options.spans)
            spent = time.monotonic() - started
            faults = figures.faults()
            found = "; ".join(f"{name} {text}" for name, text in faults.items()) or "good"
            print(f"  {way:10} {spent:3.0f} s  {found}", flush=True)
            if figures.failed:
                print(figures.failed, file=sys.stderr)
            if set(faults) - case.limited(way):
                wrong.append(f"{case.name}, {way}")
            note(options.folder, case, way, shown, figures)
    return wrong


def results(folder: Path) -> dict[str, Any]:
    """Read the results of all runs so far."""
    file = folder / "results.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def note(folder: Path, case: Case, way: str, shown: dict[str, str], figures: Figures) -> None:
    """Keep a cell with those of earlier runs."""
    kept = results(folder)
    row = kept.setdefault(case.name, {})
    row["versions"] = shown
    row[way] = asdict(figures)
    (folder / "results.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")


def main() -> int:
    """Run the cases, print the cells; write the page if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of the names of rows")
    parser.add_argument("--way", choices=WAYS, action="append", help="only this way")
    parser.add_argument("--folder", type=Path, default=CACHE / "frameworks")
    parser.add_argument("--renew", action="store_true", help="make the environments anew")
    parser.add_argument("--spans", action="store_true", help="print the spans of each cell")
    parser.add_argument("--markdown", action="store_true", help="write docs/frameworks.md")
    parser.add_argument("--page-only", action="store_true", help="run nothing")
    options = parser.parse_args()
    os.nice(10)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended, too
    options.folder.mkdir(parents=True, exist_ok=True)
    names = [name.lower() for name in options.names]
    cases = [
        case
        for case in CASES
        if not names or any(n in f"{case.name} {case.file}".lower() for n in names)
    ]
    chosen = [] if options.page_only else cases
    wrong = measure(chosen, options)
    if options.markdown or options.page_only:
        (ROOT / "docs" / "frameworks.md").write_text(
            page(results(options.folder)), encoding="utf-8"
        )
    print(f"not as it should be: {'; '.join(wrong) or 'none'}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
