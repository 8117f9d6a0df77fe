"""Changes the code in small ways, and shows which changes the tests notice.

Run it from the checkout:

    python scripts/mutation.py --markdown                # writes docs/mutation.md, half an hour
    python scripts/mutation.py batches spool             # files whose path has one of these words
    python scripts/mutation.py batches --seed 7 --part 1 # other mutants of them, or all

A mutant is a file with one change; cosmic-ray makes them, in an environment of its own. For a part
of the places where a file can be changed, one change is drawn by the seed. Each mutant meets the
tests of its file, in a copy of the checkout, until one fails; what takes far longer than without
the change counts as noticed. One mutant at a time runs on each core.

`mutation_cases.py` has the tests of each file, and why some mutants survive.
Exits 1 if a mutant survives for which no reason is written there.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import itertools
import json
import os
import platform
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import make
from mutation_cases import SURVIVORS, TESTS

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(__file__).resolve().parent / "mutation_programs"
TOOL = "cosmic-ray>=8.4"
PYTEST = ["-q", "-x", "-n", "0", "--assert=plain", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
CLEAN_S = 600.0  # the most that a file of tests may take
TIMES = 4.0  # what takes as many times as long hangs,
MORE_S = 10.0  # and so much longer
OUTCOMES = {"failed": "killed", "timeout": "timeout", "passed": "survived"}

PAGE = """# Mutation testing

Written by `python scripts/mutation.py --markdown`. A mutant is a file of the package with one
change: a condition negated, a comparison or an operator exchanged, a number changed, a statement
deleted, a result replaced by None, a decorator or a loop left out. Each meets the tests of its
file (`scripts/mutation_cases.py`); the change was noticed if one fails ("killed") or never ends
("timeout"). Of the places that can be changed, {part:.0%} were drawn by a seed ({seed}), and one
change of each. What only a type checker sees is not changed: annotations, `frozen`, `slots`.

Made on {date} with Python {python}, in {minutes:.0f} minutes on {cores} cores:
{noticed} of {all} mutants noticed, {share:.1%}.

"""


Known = dict[str, dict[str, Any]]  # the outcomes of mutants, and the times of tests


@dataclass(frozen=True)
class Mutant:
    """A changed file."""

    path: str
    line: int
    operator: str
    code: str

    def key(self) -> str:
        """Return what identifies it."""
        return hashlib.sha256(f"{self.path}\n{self.code}".encode()).hexdigest()

    def diff(self) -> tuple[str, str]:
        """Return the lines that changed: as they are, and as they become."""
        code = (ROOT / self.path).read_text(encoding="utf-8")
        pair = code.splitlines(), self.code.splitlines()
        lines = list(difflib.unified_diff(*pair, n=0, lineterm=""))[3:]
        before = [line[1:].strip() for line in lines if line[0] == "-"]
        after = [line[1:].strip() for line in lines if line[0] == "+"]
        return " ".join(before), " ".join(after)

    def why(self) -> str:
        """Return why it may survive, or nothing."""
        asked = (self.path, *self.diff())
        return next((s.why for s in SURVIVORS if (s.path, s.line, s.mutant) == asked), "")


class Copy:
    """A copy of the checkout, and a process that runs tests in it."""

    _times = itertools.count(1_000_000_000)  # what is compiled is known by its source's time

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.check_output(listed, cwd=ROOT, text=True).splitlines():
            if (ROOT / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self._runner = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "run_tests.py")],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the process."""
        self._runner.communicate()

    def run(self, tests: Sequence[str], timeout_s: float) -> dict[str, Any]:
        """Run tests, until one fails."""
        assert self._runner.stdin is not None
        assert self._runner.stdout is not None
        job = json.dumps([[*PYTEST, *tests], timeout_s])
        print(job, file=self._runner.stdin, flush=True)
        found: dict[str, Any] = json.loads(self._runner.stdout.readline())
        return found

    def run_clean(self, test: str) -> dict[str, Any]:
        """Run a file of tests while nothing is changed; once more, if one fails by chance."""
        found = self.run([test], CLEAN_S)
        return found if found["outcome"] == "passed" else self.run([test], CLEAN_S)

    def run_mutant(self, mutant: Mutant, order: Order) -> dict[str, Any]:
        """Run the tests of a file while it is changed."""
        original = (ROOT / mutant.path).read_text(encoding="utf-8")
        self._write(mutant.path, mutant.code)
        try:
            found = self.run(order.tests(mutant.path), order.timeout_s(mutant.path))
            order.noticed(mutant.path, found["by"])
            return found
        finally:
            self._write(mutant.path, original)

    def _write(self, path: str, code: str) -> None:
        (self._folder / path).write_text(code, encoding="utf-8")
        written = next(self._times)
        os.utime(self._folder / path, (written, written))


class Copies:
    """Some copies, each used by one thread at a time."""

    def __init__(self, folder: Path, count: int) -> None:
        self._all = [Copy(folder / str(number)) for number in range(count)]
        self._free: queue.Queue[Copy] = queue.Queue()
        for each in self._all:
            self._free.put(each)
        self._pool = ThreadPoolExecutor(count)

    def each(self, method: Any, arguments: Sequence[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield each of `arguments` with what `method`, of some copy, returns for them."""
        futures = {self._pool.submit(self._one, method, args): args[0] for args in arguments}
        for future in as_completed(futures):
            yield futures[future], future.result()

    def _one(self, method: Any, arguments: Sequence[Any]) -> dict[str, Any]:
        copy = self._free.get()
        try:
            found: dict[str, Any] = method(copy, *arguments)
            return found
        finally:
            self._free.put(copy)

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)
        for each in self._all:
            each.close()


def mutants(folder: Path, paths: Sequence[str], seed: str, part: float) -> list[Mutant]:
    """Return the sample."""
    python = make(sys.executable, folder / "tool", [TOOL], [])
    command = [str(python), str(PROGRAMS / "mutants.py"), seed, str(part), *paths]
    made = subprocess.check_output(command, cwd=ROOT, text=True)
    return [Mutant(**json.loads(line)) for line in made.splitlines()]


class Order:
    """The tests of each file: first those that noticed most mutants of it for their time."""

    def __init__(self, times: dict[str, float]) -> None:
        self._times = times
        self._noticed: Counter[tuple[str, str]] = Counter()

    def tests(self, path: str) -> list[str]:
        """Return the tests of a file that pass without a change."""
        found = [test for test in TESTS[path] if test in self._times]
        return sorted(found, key=lambda test: self._times[test] / (0.2 + self._noticed[path, test]))

    def timeout_s(self, path: str) -> float:
        """Return how long the tests of a file may take."""
        return TIMES * sum(self._times[test] for test in self.tests(path)) + MORE_S

    def noticed(self, path: str, by: str) -> None:
        """Count a mutant, as what pytest says of the test that failed."""
        self._noticed[path, by.partition(" ")[2].partition("::")[0]] += 1


def clean_times(copies: Copies, sample: Sequence[Mutant], known: dict[str, float]) -> None:
    """Put into `known` the seconds that each file of tests takes, unless it fails."""
    tests = {test for mutant in sample for test in TESTS[mutant.path]} - known.keys()
    for test, found in copies.each(Copy.run_clean, [(test,) for test in sorted(tests)]):
        if found["outcome"] == "passed":
            known[test] = found["seconds"]
        else:
            print(f"left out, as it fails without a change: {found['by']}", file=sys.stderr)
    print(f"all tests, without a change: {sum(known.values()):.0f} s", file=sys.stderr, flush=True)


def run(copies: Copies, sample: Sequence[Mutant], known: Known) -> Iterator[tuple[Mutant, str]]:
    """Yield each mutant with what became of it; those that were noticed before are not run."""
    outcomes, times = known.setdefault("outcomes", {}), known.setdefault("times", {})
    left = [mutant for mutant in sample if outcomes.get(mutant.key()) in (None, "survived")]
    yield from ((mutant, outcomes[mutant.key()]) for mutant in sample if mutant not in left)
    clean_times(copies, left, times)
    order = Order(times)
    jobs = [(mutant, order) for mutant in of_each_file(left)]
    for count, (mutant, found) in enumerate(copies.each(Copy.run_mutant, jobs), 1):
        outcome = OUTCOMES[found["outcome"]]
        before, after = mutant.diff()
        print(
            f"{count}/{len(jobs)} {mutant.path}:{mutant.line} {mutant.operator} {outcome}"
            f" {found['seconds']:.1f} s: {before} => {after} {found['by']}",
            file=sys.stderr,
            flush=True,
        )
        outcomes[mutant.key()] = outcome
        yield mutant, outcome


def of_each_file(sample: Sequence[Mutant]) -> Iterator[Mutant]:
    """Yield the first mutant of each file, then the second, so that a part of a run shows much."""
    by_file: dict[str, list[Mutant]] = {}
    for mutant in sample:
        by_file.setdefault(mutant.path, []).append(mutant)
    for some in itertools.zip_longest(*by_file.values()):
        yield from (mutant for mutant in some if mutant is not None)


def table(results: Sequence[tuple[Mutant, str]]) -> Iterator[str]:
    """Yield the lines of the table, and the survivors."""
    yield "| file | mutants | killed | timeout | survived | noticed |"
    yield "|---|---|---|---|---|---|"
    paths = [path for path in TESTS if any(mutant.path == path for mutant, _ in results)]
    for path in [*paths, ""]:
        counts = Counter(outcome for mutant, outcome in results if path in ("", mutant.path))
        total = counts.total()
        cells = [f"`{path}`" if path else "all", total]
        cells += [counts[outcome] for outcome in OUTCOMES.values()]
        cells.append(f"{1 - counts['survived'] / total:.0%}")
        yield f"| {' | '.join(map(str, cells))} |"
    yield "\n## What survives, and why\n"
    for mutant in survivors(results):
        before, after = mutant.diff()
        why = mutant.why() or "no reason is written yet."
        yield f"`{mutant.path}`, line {mutant.line}: {why}\n"
        yield f"```diff\n-{before}\n+{after}\n```\n"


def survivors(results: Sequence[tuple[Mutant, str]]) -> list[Mutant]:
    """Return the survivors, by place."""
    found = [mutant for mutant, outcome in results if outcome == "survived"]
    return sorted(found, key=lambda mutant: (mutant.path, mutant.line))


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--markdown", action="store_true", help="write docs/mutation.md")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--part", type=float, default=0.15, help="of the places, 0 to 1")
    parser.add_argument("--results", type=Path, help="a file; what it has as noticed is not run")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # what was found is kept
    words = asked.words or [""]
    paths = [path for path in TESTS if any(word in path for word in words)]
    start = time.monotonic()
    known: Known = {}
    if asked.results and asked.results.exists():
        known = json.loads(asked.results.read_text())
    with tempfile.TemporaryDirectory() as folder:
        sample = mutants(Path(folder), paths, asked.seed, asked.part)
        copies = Copies(Path(folder), asked.cores)
        try:
            results = list(run(copies, sample, known))
        finally:
            if asked.results:
                asked.results.write_text(json.dumps(known))
            copies.close()
    lines = "\n".join(table(results))
    print(lines)
    if asked.markdown:
        noticed = sum(outcome != "survived" for _, outcome in results)
        head = PAGE.format(
            **vars(asked),
            date=time.strftime("%Y-%m-%d"),
            python=platform.python_version(),
            minutes=(time.monotonic() - start) / 60,
            noticed=noticed,
            all=len(results),
            share=noticed / len(results),
        )
        (ROOT / "docs/mutation.md").write_text(head + lines + "\n", encoding="utf-8")
    return int(any(not mutant.why() for mutant in survivors(results)))


if __name__ == "__main__":
    sys.exit(main())
