"""The ends of child processes, which leave by `os._exit`: no exit hook runs there.

| a child of | calls us |
|---|---|
| multiprocessing, concurrent.futures | through a finalizer of `multiprocessing.util` |
| billiard | through the same: it has no finalizers of its own |
| a Celery worker, prefork | through Celery's signal `worker_process_shutdown` |
| `os.fork`, anything else that forks | through `os._exit`, which is ours in a child |

The first three come early, while the parent still waits for the child. A child may make its first
exporter itself, as where a job of RQ sets up: Linux alone knows then that it was forked.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

from pulse_otel.guard import guarded
from pulse_otel.process.exit_time import begin_end, exit_s
from pulse_otel.process.exporters import running
from pulse_otel.process.flush import in_a_thread
from pulse_otel.process.forks import loading

_POOLS = {"multiprocessing", "billiard"}
_PROCESSES = ("multiprocessing.process", "billiard.process")
_FORKED = 0x40  # Linux: PF_FORKNOEXEC
_exit_now = os._exit
_hooked: set[str] = set()


def stop_exporters_at_their_end() -> None:
    """Stop the exporters of each child at its end, and of this process if it is a child."""
    _hook_pools()
    if "fork" in _hooked:
        return
    _hooked.add("fork")
    if _is_of_pool():
        from multiprocessing import util

        util.Finalize(None, _end, exitpriority=10)
        _hook_exit()
    elif _was_forked():
        _hook_exit()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_hook_pools, after_in_parent=_prepare_once, after_in_child=_hook_exit
        )


def _is_of_pool() -> bool:
    """Whether a pool of processes started this one."""
    processes: list[Any] = [sys.modules[name] for name in _PROCESSES if name in sys.modules]
    return any(getattr(one.current_process(), "_parent_pid", None) for one in processes)


def _was_forked() -> bool:
    """Whether this process was forked, and runs the program of its parent."""
    try:
        with open("/proc/self/stat", "rb") as file:
            return bool(int(file.read().rpartition(b")")[2].split()[6]) & _FORKED)
    except (OSError, ValueError, IndexError):  # not Linux, or another view of it
        return False


def _prepare_once() -> None:
    """Import what delivery needs after the first fork, so that later children need not.

    Not before it, in the thread that forks: others' locks may be held there.
    """
    if "prepared" not in _hooked and running():
        _hooked.add("prepared")
        in_a_thread(_prepare)


def _prepare() -> None:
    with loading():
        for exporter in running()[:1]:
            exporter.prepare()


def _hook_exit() -> None:
    os._exit = _exit  # the parent's stays as it is


def _exit(status: int) -> NoReturn:
    """Stop the exporters, then end the process as `os._exit` does."""
    try:
        guarded(_end)
    finally:
        _exit_now(status)


def _hook_pools() -> None:
    """Hook the pools that are imported. By the time of a fork they are, if ever."""
    if "finalizers" not in _hooked and not _POOLS.isdisjoint(sys.modules):
        _hooked.add("finalizers")
        from multiprocessing import util

        util.register_after_fork(_hooked, _in_child)
    celery = sys.modules.get("celery.signals")
    if celery is not None and "celery" not in _hooked:
        _hooked.add("celery")
        ended: Any = getattr(celery, "worker_process_shutdown", None)
        if ended is not None:
            ended.connect(_on_celery_end, weak=False)


def _in_child(_: object) -> None:
    """Register again: a child clears the finalizers that it inherited."""
    from multiprocessing import util

    util.Finalize(None, _end, exitpriority=10)


def _on_celery_end(**_: object) -> None:
    _end()


def _end() -> None:
    begin_end()
    for exporter in running():
        guarded(exporter.stop, exit_s())
