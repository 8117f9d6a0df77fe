"""Writes the README's table of supported versions, from pyproject.toml and scripts/matrix.py.

``scripts/version_table.py`` replaces the table, ``--check`` fails if it is not current.
"""

from __future__ import annotations

import re
import sys

from environments import ROOT
from matrix import ROWS
from pins import PROJECT, name_of, requirements

README = ROOT / "README.md"
HEAD = """\
| | oldest | newest tested | also tested |
|---|---|---|---|
"""
OLD_TABLE = re.compile(r"^\| \| oldest \|.*\n(?:\|.*\n)+", re.MULTILINE)
PACKAGES = {
    "`openai`": "openai",
    "`anthropic`": "anthropic",
    "OpenTelemetry API and SDK": "opentelemetry-sdk",
}


def table() -> str:
    """Return the table."""
    project = PROJECT.read_text(encoding="utf-8")
    oldest = re.findall(r'requires-python = ">=(.+)"', project)[0]
    pythons = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    if missing := {row.python for row in ROWS if row.python} - set(pythons):
        sys.exit(f"the matrix has a Python without a classifier: {', '.join(missing)}")
    rows = [_row("Python", oldest, pythons[-1], pythons)]
    for title, package in PACKAGES.items():
        (lower,) = set(re.findall(rf'"{package}>=(.+?)"', project))
        rows.append(_row(title, lower, _pin(package), _between(package)))
    return HEAD + "".join(rows)


def _row(title: str, oldest: str, newest: str, tested: list[str]) -> str:
    between = [version for version in tested if not f"{version}.".startswith(f"{oldest}.")]
    others = [version for version in between if version != newest]
    return f"| {title} | {oldest} | {newest} | {', '.join(others)} |\n"


def _pin(package: str) -> str:
    (pin,) = {line.partition("==")[2] for line in requirements("pins") if name_of(line) == package}
    return pin


def _between(package: str) -> list[str]:
    """List the versions that rows of the matrix install, in their order; `~=1.13.0` is 1.13."""
    pins = [pin for row in ROWS for pin in row.pins if name_of(pin) == package]
    versions = [re.sub(r"^~=(\d+\.\d+)\.\d+$", r"\1", pin.removeprefix(package)) for pin in pins]
    return list(dict.fromkeys(version.removeprefix("==") for version in versions))


def main() -> int:
    """Write the table, or check it."""
    readme = README.read_text(encoding="utf-8")
    written, count = OLD_TABLE.subn(table().replace("\\", r"\\"), readme)
    if count != 1:
        sys.exit(f"{README} has {count} tables of versions")
    if "--check" in sys.argv[1:]:
        return int(readme != written)
    README.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
