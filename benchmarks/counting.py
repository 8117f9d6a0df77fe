"""Two ways of counting what a call costs the thread that makes it; neither looks at a clock.

Instructions are counted by callgrind, which must run this process. Where there is no valgrind,
function calls and memory blocks are counted by the interpreter itself.
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
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

Call = Callable[[], Any]
Counts = dict[str, int]

# Callgrind counts what a thread does inside this function of the C library, and writes a file
# when it returns. `qsort` calls it, it calls back, and Python sorts without it. It goes by its
# second name where the library's debug symbols are not installed.
_COUNTED_FUNCTIONS = ("qsort_r", "qsort_r@@GLIBC_2.8", "qsort_r@@GLIBC_2.17")
_FOLDER = "COUNTED_CALLGRIND_FOLDER"
_WARM_UP_CALLS, _COUNTED_CALLS = 3, 5


def again_under_callgrind(arguments: list[str]) -> int:
    """Run this program anew under callgrind; return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind",
            "--tool=callgrind",
            *(f"--toggle-collect={name}" for name in _COUNTED_FUNCTIONS),
            *(f"--dump-after={name}" for name in _COUNTED_FUNCTIONS),
            "--dump-line=no",
            f"--callgrind-out-file={folder}/counts.%p",
            f"--log-file={folder}/log.%p",
            sys.executable,
            *arguments,
        ]
        return subprocess.run(command, env={**os.environ, _FOLDER: folder}, check=False).returncode


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


def _counters() -> tuple[Callable[[Call], Counts], ...]:
    return (_instructions,) if under_callgrind() else (_function_calls, _blocks)


def calls_of_a_count() -> int:
    """How often `count` makes the call."""
    return _WARM_UP_CALLS + _COUNTED_CALLS * len(_counters())


def count(call: Call, settle: Call | None = None) -> Counts:
    """The counts of the median call, after some that fill the caches.

    `settle` is called in between: it ends what the first calls set going in other threads.
    """
    for _ in range(_WARM_UP_CALLS):
        call()
    if settle is not None:
        settle()
    # When a collection is due depends on all that was allocated before.
    gc.collect()
    gc.freeze()
    gc.disable()
    counts: Counts = {}
    for counter in _counters():
        counts |= _median([counter(call) for _ in range(_COUNTED_CALLS)])
    return counts


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
