"""Run all tests and checks with the newest releases, and find the release that breaks one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from environments import ROOT, family, make, pinned, test, versions
from pins import name_of, requirements

EVERYTHING = ("--editable", f"{ROOT}[local]", "--group", "tools")
CHECKS = ("ruff check .", "ruff format --check .", "mypy", "pyright", "lint-imports")


def newest() -> int:
    """Run it all; print what is newer than the pins, and what that breaks."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = make(sys.executable, folder / "newest", EVERYTHING, ())
        releases = newer(versions(python))
        for changes in releases.values():
            print(*changes, sep="\n", flush=True)
        print(f"{sum(map(len, releases.values()))} packages are newer than the pins", flush=True)
        failed, counts = test(python, ())
        broken = {*failed, *failing(python, CHECKS)}
        print(f"tests: {counts}; checks that fail: {len(broken) - len(failed)}", flush=True)
        if broken:
            blame(broken, releases, folder)
    return 1 if broken else 0


def newer(found: dict[str, str]) -> dict[str, list[str]]:
    """Say of each family of packages which versions differ from the pins."""
    pins: dict[str, list[str]] = {}
    for pin in requirements("pins"):
        version = pin.partition("==")[2].partition(" ")[0]
        pins.setdefault(name_of(pin), []).append(version)
    changes: dict[str, list[str]] = {}
    for package, known in pins.items():
        now = found.get(package, known[0])
        if now not in known:
            line = f"{package} {' or '.join(known)} -> {now}"
            changes.setdefault(family(package), []).append(line)
    return changes


def failing(python: Path, checks: tuple[str, ...]) -> set[str]:
    """Run `checks` in an environment; return those that fail."""
    return {check for check in checks if not passes(python, check)}


def passes(python: Path, check: str) -> bool:
    """Run one check, and print what it says if it fails."""
    program, *options = check.split()
    if program == "pyright":
        options = ["--pythonpath", str(python)]
    command = [str(python.with_name(program)), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        print(done.stdout[-8000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
    return done.returncode == 0


def blame(broken: set[str], releases: dict[str, list[str]], folder: Path) -> None:
    """Repeat what is `broken` with the pins, then with one newer family at a time."""
    also_pinned = repeated(broken, folder / "pinned", ())
    report("the pinned versions fail, too", also_pinned)
    left = broken - also_pinned
    for name, changes in releases.items():
        found = repeated(left, folder / name, (name,)) if left else set()
        report(f"broken by {', '.join(changes)}", found)
        left = left - found
    report("not broken by one release alone, or not each time", left)


def repeated(broken: set[str], folder: Path, free: tuple[str, ...]) -> set[str]:
    """Return what still fails where only the families in `free` are newer than the pins."""
    try:
        python = make(sys.executable, folder, EVERYTHING, pinned(but=free))
    except subprocess.CalledProcessError:
        print(f"{', '.join(free)}: not to be installed beside the pins", flush=True)
        return set()
    checks = failing(python, tuple(broken.intersection(CHECKS)))
    tests = sorted(broken.difference(CHECKS))
    return checks | (broken.intersection(test(python, tests)[0]) if tests else set())


def report(cause: str, what: set[str]) -> None:
    """Print `cause` and what fails by it, if anything does."""
    if what:
        print(f"{cause}:", *sorted(what), sep="\n  ", flush=True)
