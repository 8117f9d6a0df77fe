"""The ends of child processes, which leave by `os._exit`: no exit hook runs there.

| a child of | calls us |
|---|---|
| multiprocessing, concurrent.futures | through a finalizer of `multiprocessing.util` |
| billiard | through the same: it has no finalizers of its own |
| a Celery worker, prefork | through Celery's signal `worker_process_shutdown` |
| `os.fork`, anything else that forks | through `os._exit`, which is ours in a child |

The first three come early, while the parent still waits for the child. A child that was forked
before there was an exporter, and is not of these, is not known to be one: RQ's, if a job sets up.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

from pulse_otel.guard import guarded
from pulse_otel.process.exit_time import begin_end, exit_s
from pulse_otel.process.exporters import running

_POOLS = {"multiprocessing", "billiard"}
_PROCESSES = ("multiprocessing.process", "billiard.process")
_exit_now = os._exit
_hooked: set[str] = set()


def stop_exporters_at_their_end() -> None:
    """Stop the exporters of each child at its end, and of this process if it is a child."""
    _hook_pools()
    if "fork" in _hooked:
        return
    _hooked.add("fork")
    if _is_child():
        from multiprocessing import util

        util.Finalize(None, _end, exitpriority=10)
        _hook_exit()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_child=_hook_exit)


def _is_child() -> bool:
    """Whether a pool of processes started this one."""
    processes: list[Any] = [sys.modules[name] for name in _PROCESSES if name in sys.modules]
    return any(getattr(one.current_process(), "_parent_pid", None) for one in processes)


def _before_fork() -> None:
    _hook_pools()
    if "prepared" not in _hooked:
        # Once here instead of in each child at its end, whose time is short.
        for exporter in running():
            _hooked.add("prepared")
            guarded(exporter.prepare)


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
