"""Build the OpenTelemetry Collector that the tests run, and measure with it.

Run it from the checkout:

    python scripts/collector.py build             # compiles it, unless that was done
    python scripts/collector.py build --gate      # the same, or says why the tests go without
    python scripts/collector.py table             # what arrives by three roads, field by field
    python scripts/collector.py faults            # a fleet under load and faults, twelve minutes

The Collector is the program of `tests/collector`: the components that `examples/collector` names,
and two that fleets often add, all of one release. It needs Go as `tests/collector/go.mod` says; the
modules come from the proxy that Go is set up with. The program is kept in the user's cache, and
compiled anew when its source changes; PULSE_COLLECTOR_BINARY names another program to take.
`--gate` compiles only if PULSE_COLLECTOR=1: where Go's own cache is empty, it takes two to four
minutes on two cores. What is measured is written into docs/collector.md.
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.collectors import NOT_BUILT, SOURCE, program

Version = tuple[int, ...]


def build() -> Path:
    """Return the Collector's program; compile it if it is not there.

    Raises RuntimeError without a Go that can, CalledProcessError if Go fails.
    """
    target = program()
    if target.exists():
        return target
    lacking = lacks_go()
    if lacking:
        raise RuntimeError(lacking)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Another build may run at the same time: what has the final name is complete.
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    command = [
        "go",
        "build",
        "-mod=readonly",
        "-trimpath",
        "-ldflags=-s -w",
        "-o",
        str(unfinished),
        ".",
    ]
    try:
        subprocess.run(command, cwd=SOURCE, check=True)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def lacks_go() -> str | None:
    """Say why there is no Go that can compile the Collector; None if there is one."""
    wanted = _version((SOURCE / "go.mod").read_text(encoding="utf-8"), r"^go ")
    if not shutil.which("go"):
        return f"there is no Go; {_text(wanted)} or newer is needed"
    found = _version(subprocess.check_output(["go", "version"], text=True), r"\bgo")
    return None if found >= wanted else f"Go is {_text(found)}; {_text(wanted)} or newer is needed"


def _version(text: str, before: str) -> Version:
    found = re.search(rf"{before}(\d+)\.(\d+)", text, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else ()


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def gate() -> int:
    """Build for the tests, or say why they go without; fails only if the compiler does."""
    if program().exists() or (os.environ.get("PULSE_COLLECTOR") == "1" and not lacks_go()):
        print(f"the tests run {build()}")
    elif os.environ.get("PULSE_COLLECTOR") == "1":
        print(f"the tests with the Collector are skipped: {lacks_go()}")
    else:
        print(f"the tests with the Collector are skipped: {NOT_BUILT}")
    return 0


def measure_fields() -> int:
    """Write the table of fields."""
    from collector_page import keep_section
    from collector_table import fetch, table

    with tempfile.TemporaryDirectory() as folder:
        lines = table(fetch(Path(folder)))
    keep_section("fields", "\n".join(lines))
    return 0


def measure_faults() -> int:
    """Write the tables of faults, of costs, and of capacity; 1 if a loss is not counted."""
    from collector_capacity import sheet
    from collector_faults import cost_table, fault_table, rows
    from collector_page import keep_section

    with tempfile.TemporaryDirectory() as folder:
        found, figures = rows(Path(folder))
    sections = {
        "faults": fault_table(found), "costs": cost_table(figures), "capacity": sheet(figures)
    }  # fmt: skip
    for name, lines in sections.items():
        keep_section(name, "\n".join(lines))
        print(*lines, "", sep="\n")
    return 0 if all(isinstance(result, str) or result.good for _, result in found) else 1


def main(arguments: list[str]) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build").add_argument("--gate", action="store_true")
    commands.add_parser("table")
    commands.add_parser("faults")
    options = parser.parse_args(arguments)
    if options.command == "build" and options.gate:
        return gate()
    started = time.monotonic()
    print(build())
    print(f"in {time.monotonic() - started:.0f} s", file=sys.stderr)
    run = {"build": lambda: 0, "table": measure_fields, "faults": measure_faults}
    return run[options.command]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
