"""Pipelines that are not ours: what waits before an exporter, and a flush of all there are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from pulse_otel.guard import FAILED, guarded
from pulse_otel.process.exporters import running


def flush_all(timeout_s: float) -> bool:
    """Send what waits in the exporters of this process, and in the batch processors before them.

    False if that took longer than `timeout_s`, or something was lost.
    """
    end = time.monotonic() + timeout_s
    exporters = running()
    for exporter in exporters:  # all of them, before a service that hangs takes the time
        collect(exporter, end - time.monotonic())
    done = [guarded(one.flush, max(0.0, end - time.monotonic())) is True for one in exporters]
    return all(done)


def collect(exporter: Any, timeout_s: float) -> None:
    """Have what waits before `exporter` handed to it.

    Not the whole provider: another exporter of the user's may take its time.
    """
    end = time.monotonic() + timeout_s
    for processor in _batch_processors_before(exporter):
        _within(processor.force_flush, end - time.monotonic())


def _within(flush_processor: Any, timeout_s: float) -> None:
    """In a thread: a signal handler may have interrupted the one that holds a processor's lock."""
    args = (flush_processor, int(timeout_s * 1000))
    thread = threading.Thread(target=guarded, args=args, name="pulse-otel-flush", daemon=True)
    if guarded(thread.start, otherwise=FAILED) is FAILED:  # as in a child that is ending
        guarded(*args)
    else:
        thread.join(max(0.0, timeout_s))


def _batch_processors_before(exporter: Any) -> Iterator[Any]:
    """Found by the thread that each of them has, in a child too.

    No exporter is told who feeds it, and the provider need not be the global one. The SDK has no
    public name for these: where it changes them, nothing before an exporter is flushed any more.
    """
    for thread in threading.enumerate():
        runs = getattr(getattr(thread, "_target", None), "__self__", None)
        # Not by getattr: this may be any object of the user's, that runs a thread.
        names = getattr(runs, "__dict__", {})
        if names.get("_exporter") is exporter and hasattr(runs, "force_flush"):
            yield runs
