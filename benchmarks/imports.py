"""What imports and the set-up cost: python benchmarks/imports.py

Starts a fresh process for each measurement and prints, for each way to begin, how many modules are
loaded and the median CPU time of the process (user and system, in ms). "More" is what that is
beyond a Python that does nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

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

# Ours; and with the other one nothing would stay compiled.
_LEFT_OUT = ("PULSE_", "PYTHONDONTWRITEBYTECODE")

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


def measured(rounds: int) -> dict[str, tuple[float, float]]:
    """The median modules and CPU ms of each way.

    The ways take turns, so that a busy moment of the machine meets them all.
    """
    for code in WAYS.values():
        measure(code)  # compiles what is not compiled yet
    found: dict[str, list[tuple[int, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, code in WAYS.items():
            found[way].append(measure(code))
    return {way: _middle(samples) for way, samples in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure what imports and the set-up cost.")
    parser.add_argument("--rounds", type=int, default=9, help="processes for each way")
    rounds = max(1, parser.parse_args().rounds)
    found = measured(rounds)
    print(f"Python {sys.version.split()[0]}, median of {rounds} processes\n")
    print(f"| {'way to begin':45} | modules | more | CPU ms | more |")
    print(f"|{'-' * 47}|--------:|-----:|-------:|-----:|")
    bare_modules, bare_ms = found[BARE]
    for way, (modules, cpu_ms) in found.items():
        more = f"{modules - bare_modules:4.0f} | {cpu_ms:6.0f} | {cpu_ms - bare_ms:4.0f}"
        print(f"| {way:45} | {modules:7.0f} | {more} |")


def _middle(samples: list[tuple[int, float]]) -> tuple[float, float]:
    return (
        statistics.median(modules for modules, _ in samples),
        statistics.median(cpu_ms for _, cpu_ms in samples),
    )


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}


if __name__ == "__main__":
    main()
