"""Environments to run the tests in: some packages at the versions asked for, the rest as pinned."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from pins import name_of, requirements

ROOT = Path(__file__).resolve().parent.parent
FAILED = re.compile(r"(?:FAILED|ERROR) (\S+\.py(?:::.+?)?)(?: - .*)?$")


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


def family(requirement: str) -> str:
    """Name what is released together: the first word of a package's name."""
    return name_of(requirement).partition("-")[0]


def pinned(but: Iterable[str] = ()) -> list[str]:
    """List the pins of the project, without those of the families in `but`."""
    free = set(but)
    return [pin for pin in requirements("pins") if family(pin) not in free]


def make(python: str, folder: Path, wanted: Iterable[str], pins: Iterable[str]) -> Path:
    """Make an environment with `wanted`, within `pins`; return its Python.

    Raises CalledProcessError if it cannot be made.
    """
    made = folder / "bin" / "python"
    constraints = folder.with_suffix(".txt")
    constraints.write_text("\n".join(pins), encoding="utf-8")
    install = ["install", "--quiet", "--constraint", str(constraints), *wanted]
    uv = shutil.which("uv")
    if uv:
        run([uv, "venv", "--quiet", "--python", python, str(folder)])
        run([uv, "pip", *install, "--python", str(made)])
    else:
        run([python, "-m", "venv", str(folder)])
        run([str(made), "-m", "pip", "install", "--quiet", "--upgrade", "pip"])  # knows groups
        run([str(made), "-m", "pip", *install])
    return made


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run it, and print what it says if it fails. Raises CalledProcessError."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    done.check_returncode()
    return done


def versions(python: Path) -> dict[str, str]:
    """Return the version of each package in an environment, and of its Python."""
    script = (
        "import importlib.metadata as m, json, platform\n"
        "found = {d.metadata['Name'].lower(): d.version for d in m.distributions()}\n"
        "print(json.dumps({**found, 'python': platform.python_version()}))"
    )
    found: dict[str, str] = json.loads(run([str(python), "-c", script]).stdout)
    return found


def test(python: Path, what: Iterable[str]) -> tuple[list[str], str]:
    """Run `what`, or all tests; return the names of those that fail, and the counts."""
    done = subprocess.run(
        # What was compiled, or left by hypothesis, is nobody else's.
        [str(python), "-B", "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", *what],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "500"},  # it cuts longer names
    )
    lines = done.stdout.splitlines() or [""]
    counts = re.findall(r"\d+ (?:passed|failed|skipped|errors?)", lines[-1])
    failed = [found[1] for line in lines if (found := FAILED.match(line))]
    if done.returncode:
        print(done.stdout[-8000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
        failed = failed or ["the run of the tests"]
    return failed, ", ".join(counts) or "no tests ran"
