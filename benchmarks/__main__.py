"""All measurements, one command.

python benchmarks                        # all; prints the tables (40 minutes)
python benchmarks --only growth          # again this one; what else is in the file stays
python benchmarks --list                 # their names
python benchmarks --print --markdown     # nothing anew: the tables and the page
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from counted import installed
from fresh import HERE
from measurements import MEASUREMENTS, Measurement
from page import PAGE, PLOT, Results, page, section
from plot import plot

RESULTS, BEFORE = HERE / "results.json", HERE / "before.json"


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks", description=__doc__)
    names = [each.name for each in MEASUREMENTS]
    parser.add_argument("--only", action="append", choices=names, help="this one; may be repeated")
    parser.add_argument("--print", action="store_true", help="measure nothing")
    parser.add_argument("--list", action="store_true", help="print the names of the measurements")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the rows are kept")
    parser.add_argument(
        "--before", type=Path, default=BEFORE, help="earlier results, shown beside these"
    )
    parser.add_argument("--markdown", action="store_true", help=f"write docs/{PAGE.name}")
    parser.add_argument("--plot", action="store_true", help=f"write docs/images/{PLOT.name}")
    return parser.parse_args(arguments)


def _chosen(only: list[str] | None, anew: bool) -> list[Measurement]:
    """Those of these names; without names all, but to measure anew not those asked for by name."""
    if only:
        return [each for each in MEASUREMENTS if each.name in only]
    return [each for each in MEASUREMENTS if not (anew and each.only_by_name)]


def _read(path: Path) -> Results:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _measure(chosen: list[Measurement], results: Results, path: Path) -> bool:
    """Measure all at once, as far as they bear it; keep rows at once. Return if all succeeded."""
    succeeded = True
    with ThreadPoolExecutor(len(chosen)) as pool:
        measured = {pool.submit(each.rows): each for each in chosen}
        for done in as_completed(measured):
            name = measured[done].name
            error = done.exception()
            if error is not None:
                print(f"{name}: FAILED: {error!r}", file=sys.stderr)
                succeeded = False
                continue
            versions = {"Python": sys.version.split()[0], **installed()}
            results[name] = {"versions": versions, "rows": done.result()}
            path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            print(f"{name}: done", file=sys.stderr)
    return succeeded


def main(arguments: list[str]) -> int:
    """Measure, print, and write what is asked for; 1 if a measurement failed."""
    parsed = _parsed(arguments)
    chosen = _chosen(parsed.only, anew=not parsed.print)
    if parsed.list:
        for each in MEASUREMENTS:
            print(f"{each.name:14}{each.minutes:5g} min  {each.title}")
        return 0
    results, before = _read(parsed.results), _read(parsed.before)
    succeeded = parsed.print or _measure(chosen, results, parsed.results)
    for each in chosen:
        if each.name in results:
            print("\n".join(section(each, results, before)))
    if parsed.markdown:
        PAGE.write_text(page(MEASUREMENTS, results, before), encoding="utf-8")
    if parsed.plot:
        PLOT.write_text(plot(results), encoding="utf-8")
    return 0 if succeeded else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
