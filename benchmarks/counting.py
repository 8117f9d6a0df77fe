"""The ways of counting what a call costs the thread that makes it.

Instructions are counted by callgrind, which must run this process; function calls and memory
blocks by the interpreter itself. CPU time stands beside a count, never alone.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

Call = Callable[[], Any]
Counts = dict[str, int]

# Callgrind counts what a thread does inside this function of the C library, and writes a file
# when it returns. `qsort` calls it, it calls back, and Python sorts without it. It goes by its
# second name where the library's debug symbols are not installed.
_COUNTED_FUNCTIONS = ("qsort_r", "qsort_r@@GLIBC_2.8", "qsort_r@@GLIBC_2.17")
_FOLDER = "COUNTED_CALLGRIND_FOLDER"
HOW = "COUNTED_HOW"  # a variable of the environment: a key of _COUNTERS
_TIMED_CALLS = 15  # no batch is full then
# CPython 3.11 and later rewrite a function's code, for the types that it meets, when it is called
# for the eighth time. A running program is past that, as its SDK is: its calls are counted.
# https://docs.python.org/3/whatsnew/3.11.html#whatsnew311-pep659
WARM_UP = 12


@dataclass(frozen=True)
class Effort:
    """How often a call is made, and how many more threads make it meanwhile."""

    warm_up: int = WARM_UP
    counted: int = 5
    other_threads: int = 0


USUAL = Effort()


class Counted(NamedTuple):
    """What a call takes, and how often it was made to find out."""

    counts: Counts
    calls: int


def again_under_callgrind(arguments: list[str]) -> int:
    """Run this program anew under callgrind; return its exit code."""
    return run_under_callgrind([sys.executable, *arguments], dict(os.environ)).returncode


def run_under_callgrind(
    command: list[str], environment: dict[str, str], stdout: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program that counts by `count`; it counts instructions."""
    with tempfile.TemporaryDirectory() as folder:
        valgrind = [
            "valgrind",
            "--tool=callgrind",
            *(f"--toggle-collect={name}" for name in _COUNTED_FUNCTIONS),
            *(f"--dump-after={name}" for name in _COUNTED_FUNCTIONS),
            "--dump-line=no",
            f"--callgrind-out-file={folder}/counts.%p",
            f"--log-file={folder}/log.%p",
        ]
        return subprocess.run(
            [*valgrind, *command], env={**environment, _FOLDER: folder}, stdout=stdout, text=True
        )


def under_callgrind() -> bool:
    """Whether callgrind runs this process."""
    return _FOLDER in os.environ


def _instructions(call: Call) -> Counts:
    """What `call` takes of this thread, in machine instructions."""
    folder, names = Path(os.environ[_FOLDER]), f"counts.{os.getpid()}.*"
    written = set(folder.glob(names))
    returned: list[Any] = []

    def compare(left: Any, right: Any) -> int:
        returned.append(call())
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    two, size = (ctypes.c_int * 2)(), ctypes.sizeof(ctypes.c_int)
    ctypes.CDLL(None).qsort(two, ctypes.c_size_t(2), ctypes.c_size_t(size), kind(compare))
    if not returned:
        raise RuntimeError("the call failed; its traceback stands above")
    reports = [path.read_text() for path in set(folder.glob(names)) - written]
    if len(reports) != 1:
        raise RuntimeError("callgrind does not find qsort_r in this C library: use --how calls")
    totals = [line for line in reports[0].splitlines() if line.startswith("totals:")]
    return {"instructions": int(totals[0].split()[1])}


def _function_calls(call: Call) -> Counts:
    """The functions that `call` enters in this thread, those written in C included."""
    count = 0

    def notice(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    sys.setprofile(notice)
    try:
        call()
    finally:
        sys.setprofile(None)
    return {"function calls": count}


def _blocks(call: Call) -> Counts:
    """The memory blocks that `call` leaves behind: what a span holds until it is sent."""
    _collect()
    before = sys.getallocatedblocks()
    call()
    _collect()
    return {"blocks kept": sys.getallocatedblocks() - before}


def _collect() -> None:
    """Free all that nobody holds; the interpreter's cache of methods holds names by address."""
    clear = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
    clear()
    gc.collect()


def _cpu_time(call: Call) -> Counts:
    """The CPU time of this thread for a call: the least of several."""
    times = []
    for _ in range(_TIMED_CALLS):
        started = time.thread_time_ns()
        call()
        times.append(time.thread_time_ns() - started)
    return {"CPU ns": min(times)}


# Each with the number of calls that it makes.
_COUNTERS: dict[str, dict[Callable[[Call], Counts], int]] = {
    "instructions": {_instructions: 1},
    "calls": {_function_calls: 1, _blocks: 1},
    "time": {_cpu_time: _TIMED_CALLS},
}


def _counters() -> dict[Callable[[Call], Counts], int]:
    return _COUNTERS["instructions" if under_callgrind() else os.environ.get(HOW, "calls")]


def calls_of_a_count(effort: Effort = USUAL) -> int:
    """How often `count` makes the call."""
    return effort.warm_up + effort.counted * sum(_counters().values())


def count(call: Call, settle: Call | None = None) -> Counts:
    """The counts of the median call, after some that fill the caches.

    `settle` is called in between: it ends what the first calls set going in other threads.
    """
    return count_with(USUAL, call, settle).counts


def count_with(effort: Effort, call: Call, settle: Call | None = None) -> Counted:
    """Count as `count` does, with more or less effort."""
    for _ in range(effort.warm_up):
        call()
    if settle is not None:
        settle()
    # When a collection is due depends on all that was allocated before.
    gc.collect()
    gc.freeze()
    gc.disable()
    counts: Counts = {}
    with _Others(call, effort.other_threads) as others:
        for counter in _counters():
            counts |= _median([counter(call) for _ in range(effort.counted)])
    return Counted(counts, calls_of_a_count(effort) + sum(others.calls))


class _Others:
    """Threads that make the same call over and over, until the block ends."""

    def __init__(self, call: Call, number: int) -> None:
        self.calls = [0] * number
        self._call = call
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(number)]

    def _work(self, number: int) -> None:
        while not self._end.is_set():
            self._call()
            self.calls[number] += 1

    def __enter__(self) -> _Others:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


def _median(counts: list[Counts]) -> Counts:
    return {unit: statistics.median_low(each[unit] for each in counts) for unit in counts[0]}


def in_child(work: Callable[[], Any]) -> Any:
    """The result of `work`, done in a fork: whatever it patches and starts ends there.

    The result must be JSON. Raises RuntimeError when the child fails; its traceback is printed.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.write(writer, json.dumps(work()).encode())
            code = 0
        except BaseException:  # noqa: BLE001 - nothing may leave the fork
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with open(reader, "rb") as pipe:
        result = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status:
        raise RuntimeError("a counted process failed; its traceback stands above")
    return json.loads(result)
