"""What recording costs the thread that makes a call: counted, not timed.

    python benchmarks/counted.py [--how instructions|calls|time] [--only NAME] [--json]
    python benchmarks/counted.py --check | --update

Eight workloads in three variants: the bare SDK, a span written by hand with the same content
(the floor), an observed client (ours). Printed are the counts of a bare call, what the others
add to it, and the ratio of ours to the floor. --check compares with counted.json, and fails if
what we add grew by more than 5 %; --update writes that file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import layouts  # noqa: F401 - before all that makes types
from counting import HOW, Counts, again_under_callgrind, under_callgrind
from fresh import MARK, environment
from variants import counted
from workloads import WORKLOADS

RECORDED = Path(__file__).with_name("counted.json")
ALLOWED_GROWTH = 0.05
UPDATE = "python benchmarks/counted.py --update"
# What the counts depend on; a figure is compared with one of the same versions only.
PACKAGES = ("openai", "anthropic", "opentelemetry-api", "opentelemetry-sdk")
Figures = dict[str, dict[str, Counts]]  # workload -> variant -> unit -> count


def added(variants: dict[str, Counts], variant: str, unit: str) -> int:
    """What the variant adds to the bare call."""
    return variants[variant][unit] - variants["bare"][unit]


def table(figures: Figures, unit: str) -> str:
    """The counts of one unit, a line per workload."""
    lines = [f"{unit + ' per call':30}{'bare':>13}{'floor +':>12}{'ours +':>12}{'ours/floor':>12}"]
    for name, variants in figures.items():
        floor, ours = (added(variants, variant, unit) for variant in ("floor", "ours"))
        ratio = f"{ours / floor:.2f} x" if floor > 0 else "-"
        bare = variants["bare"][unit]
        lines.append(f"{name:30}{bare:>13,}{floor:>12,}{ours:>12,}{ratio:>12}")
    return "\n".join(lines)


def grown(figures: Figures, before: Figures) -> list[str]:
    """A sentence for each count of ours that is more than 5 % above the recorded one."""
    sentences = []
    for name, variants in figures.items():
        if name not in before:
            sentences.append(f"{name}: nothing is recorded of this workload")
            continue
        for unit in variants["ours"]:
            now, then = added(variants, "ours", unit), added(before[name], "ours", unit)
            if now > then * (1 + ALLOWED_GROWTH):
                growth = f"{then:,} -> {now:,} ({now / then - 1:+.1%})"
                sentences.append(f"{name}: {unit} that recording adds: {growth}")
    return sentences


def installed() -> dict[str, str]:
    """The versions that the counts depend on."""
    return {package: version(package) for package in PACKAGES}


def python() -> str:
    """The minor version of Python."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def why_not_comparable(recorded: dict[str, Any]) -> str:
    """Say why the recorded figures say nothing about this environment; empty if they do."""
    here = recorded.get(python())
    if here is None:
        return f"no figures for Python {python()}, only for {', '.join(recorded) or 'none'}"
    different = [
        f"{package} {is_here} (recorded with {here['versions'].get(package)})"
        for package, is_here in installed().items()
        if here["versions"].get(package) != is_here
    ]
    return f"other versions: {', '.join(different)}" if different else ""


def check(figures: Figures, recorded: dict[str, Any]) -> int:
    """Compare with the recorded figures; return the exit code."""
    reason = why_not_comparable(recorded)
    if reason:
        print(f"not compared: {reason}. To record these: {UPDATE}")
        return 0
    sentences = grown(figures, recorded[python()]["workloads"])
    if not sentences:
        print(f"no workload grew by more than {ALLOWED_GROWTH:.0%}")
        return 0
    print("\n".join(sentences), file=sys.stderr)
    print(f"If it is worth that, write the new figures: {UPDATE}", file=sys.stderr)
    return 1


def update(figures: Figures, recorded: dict[str, Any]) -> None:
    """Write the figures of this version of Python into the file."""
    recorded[python()] = {"versions": installed(), "workloads": figures}
    RECORDED.write_text(json.dumps(dict(sorted(recorded.items())), indent=1) + "\n")
    print(f"written: {RECORDED}")


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Count what recording costs a call.")
    parser.add_argument(
        "--how",
        choices=("instructions", "calls", "time"),
        default="instructions" if shutil.which("valgrind") else "calls",
        help="instructions need valgrind, and are the default where it is installed",
    )
    parser.add_argument(
        "--only", default="", metavar="NAME", help="workloads with this in the name"
    )
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    compare = parser.add_mutually_exclusive_group()
    compare.add_argument("--check", action="store_true", help="compare with counted.json")
    compare.add_argument("--update", action="store_true", help="write counted.json")
    parsed = parser.parse_args(arguments)
    if parsed.check or parsed.update:
        parsed.how, parsed.only = "calls", ""
    return parsed


def main(arguments: list[str]) -> int:
    """Count, print, and compare or record."""
    parsed = _parsed(arguments)
    if MARK not in os.environ:
        start_anew()
    os.environ[HOW] = parsed.how
    if parsed.how == "instructions" and not under_callgrind():
        return again_under_callgrind(sys.argv)
    figures = {
        name: counted(workload)
        for name, workload in WORKLOADS.items()
        if parsed.only.lower() in name.lower()
    }
    units = [unit for variants in figures.values() for unit in variants["bare"]]
    tables = [table(figures, unit) for unit in dict.fromkeys(units)]
    print(json.dumps(figures) if parsed.json else "\n\n".join(tables))
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if parsed.update:
        update(figures, recorded)
    return check(figures, recorded) if parsed.check else 0


def start_anew() -> None:
    """Run this program in an environment that changes no count: no setting, no proxy."""
    os.execve(sys.executable, [sys.executable, *sys.argv], environment())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
