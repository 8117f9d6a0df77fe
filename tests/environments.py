"""Virtual environments that hold some of the distributions installed here, without a download.

Their packages and metadata are links to ours, so an absent distribution is absent to `import`
and to whoever looks for entry points.
"""

from __future__ import annotations

import os
import re
import subprocess
import venv
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from tests.conftest import ROOT

_LAUNCHER = (
    "#!{python}\nfrom opentelemetry.instrumentation.auto_instrumentation import run\nrun()\n"
)


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _closure(wanted: tuple[str, ...]) -> set[str]:
    """`wanted`, and what they need."""
    found: set[str] = set()
    rest = [_name(name) for name in wanted]
    while rest:
        name = rest.pop()
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                rest.append(_name(requirement.name))
    return found


@cache
def _sources() -> list[Path]:
    """The folders in which distributions are installed here."""
    return sorted({Path(str(d.locate_file(""))) for d in metadata.distributions()})


@cache
def _files(source: Path) -> list[tuple[list[str], str]]:
    """The files installed in `source`, and the distribution that each belongs to."""
    found: list[tuple[list[str], str]] = []
    for distribution in metadata.distributions(path=[str(source)]):
        owner = _name(distribution.metadata["Name"])
        record = (distribution.read_text("RECORD") or "").splitlines()
        found += [(line.split(",")[0].strip('"').split("/"), owner) for line in record]
    return [file for file in found if file[0][0] not in ("..", "__pycache__")]


def _link(files: list[tuple[list[str], str]], wanted: set[str], source: Path, to: Path) -> None:
    """Link what only `wanted` distributions own; look into what they share with others."""
    to.mkdir(exist_ok=True)
    groups: dict[str, list[tuple[list[str], str]]] = {}
    for parts, owner in files:
        groups.setdefault(parts[0], []).append((parts[1:], owner))
    for first, inside in groups.items():
        owners = {owner for _, owner in inside}
        if owners <= wanted:
            (to / first).symlink_to(source / first)
        elif owners & wanted and all(parts for parts, _ in inside):
            _link(inside, wanted, source / first, to / first)


class Environment:
    """A virtual environment, and how to run a program in it, instrumented or as it is."""

    def __init__(self, path: Path, *wanted: str) -> None:
        venv.EnvBuilder(symlinks=True).create(path)
        (self.packages,) = path.glob("lib/python*/site-packages")
        self._bin = path / "bin"
        names = _closure(wanted)
        for path in _sources():
            _link(_files(path), names, path, self.packages)
        launcher = self._bin / "opentelemetry-instrument"
        launcher.write_text(_LAUNCHER.format(python=self._bin / "python"))
        launcher.chmod(0o755)

    def found_first(self, distribution: str, at: Path) -> str:
        """A ``PYTHONPATH`` by which the entry points of `distribution` come before all others."""
        (found,) = self.packages.glob(distribution.replace("-", "_") + "-*.dist-info")
        at.mkdir()
        (at / found.name).symlink_to(found)
        return f"{at}{os.pathsep}{ROOT}"

    def instrument(
        self, program: Path, *options: str, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """``opentelemetry-instrument OPTIONS python PROGRAM`` with little but `environ` set."""
        return self._run("opentelemetry-instrument", *options, "python", program=program, **environ)

    def python(self, program: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """``python PROGRAM`` with little but `environ` set."""
        return self._run("python", program=program, **environ)

    def _run(
        self, command: str, *arguments: str, program: Path, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._bin / command), *arguments, str(program)],
            env={
                "PATH": f"{self._bin}{os.pathsep}{os.defpath}",
                "HOME": str(program.parent),
                "PYTHONPATH": str(ROOT),
                "PULSE_STRICT": "1",
                "PYTHONWARNINGS": os.environ["PYTHONWARNINGS"],
                **environ,
            },
            cwd=program.parent,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
