"""Processes of their own for what is measured: nothing of the caller's environment changes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Semaphore
from typing import Any, TypeVar

from counting import HOW, run_under_callgrind

HERE = Path(__file__).parent
MARK = "COUNTED_ANEW"  # the environment is the one that `environment` makes
_CORES = 2
_cores, _turn = Semaphore(_CORES), Lock()  # only who has the turn waits for cores
_Value, _Result = TypeVar("_Value"), TypeVar("_Result")
_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


def environment(**more: str) -> dict[str, str]:
    """No setting and no proxy, and the same hashes in each process."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, MARK: "1", "PYTHONHASHSEED": "0", **more}


@contextmanager
def beside_another() -> Iterator[None]:
    """A block that counts: one other may run meanwhile, as a busy machine changes no count."""
    with _turn:
        _cores.acquire()
    try:
        yield
    finally:
        _cores.release()


@contextmanager
def alone() -> Iterator[None]:
    """A block that takes times: no other of these blocks runs meanwhile."""
    with _turn:
        for _ in range(_CORES):
            _cores.acquire()
    try:
        yield
    finally:
        _cores.release(_CORES)


def output(
    script: str,
    *arguments: str,
    how: str = "calls",
    python: str = sys.executable,
    seed: int = 0,
) -> Any:
    """What a script of this folder prints last, as JSON; it counts `how`. `seed` is of the hashes.

    Raises RuntimeError if it fails; what it said stands above.
    """
    command = [python, str(HERE / script), *arguments]
    variables = environment(**{HOW: how, "PYTHONHASHSEED": str(seed)})
    with alone() if how == "time" else beside_another():
        if how == "instructions":
            done = run_under_callgrind(command, variables, stdout=subprocess.PIPE)
        else:
            done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        raise RuntimeError(f"{script} {' '.join(arguments)} failed")
    return json.loads(done.stdout.splitlines()[-1])


def at_once(work: Callable[[_Value], _Result], values: Iterable[_Value]) -> list[_Result]:
    """What `work` makes of each value, as many at once as the blocks above let run."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(work, values))
