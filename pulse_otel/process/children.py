"""The ends of child processes, which leave by `os._exit`: no exit hook runs there.

| a child of | calls us |
|---|---|
| multiprocessing, concurrent.futures | through a finalizer of `multiprocessing.util` |
| billiard | through a finalizer of `billiard.util` |
| a Celery worker, prefork | through Celery's signal `worker_process_shutdown` |
| `os.fork` | not at all if it ends by `os._exit` |
"""

from __future__ import annotations

import os
import sys
from typing import Any

from pulse_otel.guard import guarded
from pulse_otel.process.exit_time import begin_end, exit_s
from pulse_otel.process.exporters import running

_hooked: set[str] = set()


def stop_exporters_at_their_end() -> None:
    """Stop the exporters of each child at its end, and of this process if it is a child."""
    if "multiprocessing" not in _hooked:
        _hooked.add("multiprocessing")
        from multiprocessing import process, util

        _hook_finalizers(util)
        if process.parent_process() is not None:
            util.Finalize(None, _end, exitpriority=10)
        if hasattr(os, "register_at_fork"):
            # By the time of a fork the pools are imported, if ever.
            os.register_at_fork(before=_hook_pools)
    _hook_pools()


def _hook_finalizers(util: Any) -> None:
    """A child clears the finalizers that it inherited, so each child registers its own."""

    def in_child(_: object) -> None:
        util.Finalize(None, _end, exitpriority=10)

    util.register_after_fork(_hooked, in_child)


def _hook_pools() -> None:
    billiard = sys.modules.get("billiard.util")
    if billiard is not None and "billiard" not in _hooked:
        _hooked.add("billiard")
        _hook_finalizers(billiard)
    celery = sys.modules.get("celery.signals")
    if celery is not None and "celery" not in _hooked:
        _hooked.add("celery")
        ended: Any = getattr(celery, "worker_process_shutdown", None)
        if ended is not None:
            ended.connect(_on_celery_end, weak=False)


def _on_celery_end(**_: object) -> None:
    _end()


def _end() -> None:
    begin_end()
    for exporter in running():
        guarded(exporter.stop, exit_s())
