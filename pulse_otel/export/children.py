"""The end of a child of `multiprocessing`: it ends in `os._exit`, and no exit hook runs there.

Finalizers are all that does. What `init_pulse` builds is flushed by `pulse_otel.ends`; this is
for an exporter in a pipeline of the user's, or of zero code.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from pulse_otel.export.guarded import guarded

_LONGEST_MS = 5000


def flush_at_their_end(exporter: Any) -> None:
    """In this process, if it is a child, and in each that it forks: send what waits.

    First what waits before `exporter`, then what it holds itself.
    """
    from multiprocessing import process, util

    def in_child(it: Any) -> None:
        util.Finalize(None, _flush, args=(it,), exitpriority=10)

    util.register_after_fork(exporter, in_child)
    if process.parent_process() is not None:
        in_child(exporter)


def _flush(exporter: Any) -> None:
    # Not the whole provider: another exporter of the user's may take its time.
    for waits in (*_batch_processors_before(exporter), exporter):
        guarded(waits.force_flush, _LONGEST_MS, what="at the end of a child")


def _batch_processors_before(exporter: Any) -> Iterator[Any]:
    """Found by the thread that each of them has, in a child too.

    No exporter is told who feeds it, and the provider need not be the global one. The SDK has no
    public name for these: where it changes them, a child flushes no more.
    """
    for thread in threading.enumerate():
        runs = getattr(getattr(thread, "_target", None), "__self__", None)
        # Not by getattr: this may be any object of the user's, that runs a thread.
        names = getattr(runs, "__dict__", {})
        if names.get("_exporter") is exporter and hasattr(runs, "force_flush"):
            yield runs
