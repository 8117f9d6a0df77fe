"""The end of a child of `multiprocessing`: it ends in `os._exit`, and no exit hook runs there.

Finalizers are all that does. What `init_pulse` builds is flushed by `pulse_otel.process.ends`;
this is for an exporter in a pipeline of the user's, or of zero code.
"""

from __future__ import annotations

from typing import Any

from pulse_otel.guard import guarded
from pulse_otel.process.exit_time import begin_end, exit_s
from pulse_otel.process.flush import collect


def flush_at_their_end(exporter: Any) -> None:
    """In this process, if it is a child, and in each that it forks: send what waits.

    First what waits before `exporter`, then what it holds itself.
    """
    from multiprocessing import process, util

    def in_child(it: Any) -> None:
        util.Finalize(None, _end, args=(it,), exitpriority=10)

    util.register_after_fork(exporter, in_child)
    if process.parent_process() is not None:
        in_child(exporter)


def _end(exporter: Any) -> None:
    begin_end()
    collect(exporter, exit_s())
    guarded(exporter.stop, exit_s())
