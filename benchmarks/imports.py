"""What imports and the set-up cost: python benchmarks/imports.py

Starts a fresh process for each measurement and prints, for each way to begin, the instructions, how
many modules are loaded and the median CPU time of the process (user and system, in ms), all beyond
a Python that does nothing. The instructions need valgrind.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

BARE = "bare Python"
BY_HAND = "OpenTelemetry by hand, with a batch processor"
_INIT = "init_pulse({'api_key': 'pulse_sk_benchmark', 'api_url': 'http://127.0.0.1:9'})"
_NAMES = "from {} import init_pulse, observe, Provider"

WAYS = {
    BARE: "",
    BY_HAND: """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
trace.set_tracer_provider(provider)
""",
    "import pulse_otel": "import pulse_otel",
    "import pulse_sdk": "import pulse_sdk",
    "the names from pulse_otel": _NAMES.format("pulse_otel"),
    "the names from pulse_otel, init_pulse(...)": f"{_NAMES.format('pulse_otel')}\n{_INIT}",
    "the names from pulse_sdk, init_pulse(...)": f"{_NAMES.format('pulse_sdk')}\n{_INIT}",
}

# The process ends without its exit hooks: they are not what is measured.
_REPORT = """
import os, sys, time
cpu_s = time.process_time()
print(len(sys.modules), cpu_s, flush=True)
os._exit(0)
"""


def measure(code: str) -> tuple[int, float]:
    """The modules that `code` has loaded, and the CPU time of its process in ms."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{_REPORT}"],
        env=_without_settings(),
        capture_output=True,
        text=True,
        check=True,
    )
    modules, cpu_s = done.stdout.split()
    return int(modules), 1000 * float(cpu_s)


def instructions(code: str) -> int:
    """The instructions of a process that runs `code`, from its start on."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "counts")
        subprocess.run(
            [
                *("valgrind", "--tool=callgrind", f"--callgrind-out-file={written}"),
                *(sys.executable, "-c", f"{code}\n{_REPORT}"),
            ],
            env=_without_settings(),
            capture_output=True,
            check=True,
        )
        (total,) = re.findall(r"^(?:totals|summary): (\d+)", written.read_text(), re.MULTILINE)[-1:]
    return int(total)


def rows(rounds: int = 9, counted: int = 3) -> list[dict[str, Any]]:
    """A row for each way to begin: what it takes beyond a Python that does nothing.

    The ways take turns, so that a busy moment of the machine meets them all.
    """
    for code in WAYS.values():
        measure(code)  # compiles what is not compiled yet
    found: dict[str, list[tuple[int, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, code in WAYS.items():
            found[way].append(measure(code))
    bare_modules, bare_ms = _middle(found[BARE])
    million = _million(counted if shutil.which("valgrind") else 0)
    made = []
    for way in WAYS:
        modules, cpu_ms = _middle(found[way])
        row = {
            "way to begin": way,
            "instructions, million": million[way] or None,
            "modules": round(modules - bare_modules),
            "CPU ms": round(cpu_ms - bare_ms),
        }
        made += [row] if way != BARE else []
    return made


def _million(rounds: int) -> dict[str, list[int]]:
    """The instructions of each way beyond those of a bare Python, in millions."""
    ways = [way for way in WAYS for _ in range(rounds)]
    with ThreadPoolExecutor(2) as pool:  # a busy machine does not change counts
        totals = list(pool.map(lambda way: instructions(WAYS[way]), ways))
    found: dict[str, list[int]] = {way: [] for way in WAYS}
    for way, total in zip(ways, totals, strict=True):
        found[way].append(total - min(totals[:rounds]))
    return {way: [round(each / 1e6) for each in more] for way, more in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure what imports and the set-up cost.")
    parser.add_argument("--rounds", type=int, default=9, help="processes for each way")
    for row in rows(max(1, parser.parse_args().rounds)):
        print(*(f"{name}: {value}" for name, value in row.items()), sep=", ")


def _middle(samples: list[tuple[int, float]]) -> tuple[float, float]:
    return (
        statistics.median(modules for modules, _ in samples),
        statistics.median(cpu_ms for _, cpu_ms in samples),
    )


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}


if __name__ == "__main__":
    main()
