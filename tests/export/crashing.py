"""A program that is killed: it sends spans with a spool, and says which ones are safe.

    python -m tests.export.crashing URL DIRECTORY FIRST COUNT

Prints the ids of spans as soon as they are on disk or delivered; lives until it is killed.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import ROOT
from tests.export.sending import records, sending, until


def main(url: str, directory: str, first: int, count: int) -> None:
    with sending(url, spool_dir=Path(directory), lease_s=1.0, attempt_s=2.0) as delivery:
        print("ready", flush=True)  # noqa: T201
        for start in range(first, first + count, 5):
            batch = records(5, start)
            delivery.submit(batch)
            until(lambda: delivery.snapshot().in_queue == 0)
            print(*(record.span_id for record in batch), flush=True)  # noqa: T201
        time.sleep(60)


def run_and_kill(url: str, directory: Path, first: int, after_s: float) -> set[str]:
    """Start one, kill it `after_s` after its first span may be sent; what it said was safe."""
    program = [sys.executable, "-m", "tests.export.crashing", url, str(directory), str(first)]
    with subprocess.Popen(
        [*program, "1000"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        process.kill()
        lines = process.stdout.read().split("\n")
    # The last line may be cut short by the end itself.
    return {span_id for line in lines[:-1] for span_id in line.split()}


def crash(url: str, directory: Path, kills: int, seed: int) -> set[str]:
    """As many programs one after the other, each killed at a random moment."""
    chance = random.Random(seed)
    safe: set[str] = set()
    for number in range(kills):
        safe |= run_and_kill(url, directory, number * 1000, chance.uniform(0, 0.25))
    return safe


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
