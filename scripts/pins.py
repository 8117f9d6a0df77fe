"""Bring the exact versions that the tests run with up to date: the group `pins` in pyproject.toml.

``scripts/pins.py`` asks uv for the newest versions that go together, on every Python that is
supported, writes them and prints what changed. To pin one more of the packages that the tests
install, add its bare name to the group and run the script.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
OLDEST = re.compile(r'^requires-python = ">=(.+)"', re.MULTILINE)


def requirements(group: str) -> list[str]:
    """The requirements that a dependency group lists, with their markers."""
    return re.findall(r'^ +"([^"]+)"', _lines(group)[0], re.MULTILINE)


def name_of(requirement: str) -> str:
    """The package that a requirement is about."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


def _lines(group: str) -> re.Match[str]:
    text = PROJECT.read_text(encoding="utf-8")
    found = re.search(rf"(?<=^{group} = \[\n)(?:  .*\n)*(?=\])", text, re.MULTILINE)
    if found is None:
        sys.exit(f"{PROJECT} has no group {group}")
    return found


def newest(names: set[str]) -> list[str]:
    """The newest versions of `names` that go together, with the markers where they differ."""
    uv = shutil.which("uv")
    oldest = OLDEST.search(PROJECT.read_text(encoding="utf-8"))
    if uv is None or oldest is None:
        sys.exit("uv is needed: python -m pip install uv")
    # Universal: for every platform and every Python from the oldest on.
    resolve = [uv, "pip", "compile", "--universal", "--python-version", oldest[1]]
    done = subprocess.run(
        [*resolve, "--quiet", "--no-header", "--no-annotate", "--group", "tools", "-"],
        input="-e .[local]",
        capture_output=True,
        text=True,
        cwd=PROJECT.parent,
    )
    if done.returncode:
        sys.exit(done.stderr)
    found = [line.strip() for line in done.stdout.splitlines() if name_of(line) in names]
    if unknown := names - {name_of(line) for line in found}:
        sys.exit(f"not among what the tests install: {', '.join(sorted(unknown))}")
    # An order of our own, so that the difference shows new versions alone.
    return sorted(found, key=name_of)


def main() -> int:
    """Write the group anew."""
    before = requirements("pins")
    after = newest({name_of(pin) for pin in before})
    text, old = PROJECT.read_text(encoding="utf-8"), _lines("pins")
    new = "".join(f'  "{pin}",\n' for pin in after)
    PROJECT.write_text(text[: old.start()] + new + text[old.end() :], encoding="utf-8")
    changes = [f"- {pin}" for pin in before if pin not in after]
    changes += [f"+ {pin}" for pin in after if pin not in before]
    print(*changes or ["nothing is newer"], sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
