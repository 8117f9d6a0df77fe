"""A flush of every exporter of this process, with the batch processors that feed them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from opentelemetry import trace

from pulse_otel.guard import guarded
from pulse_otel.process.exporters import running

_inside: set[int] = set()  # threads of the program that had to enter the SDK's processor
_THREADS = ("OtelBatchSpan", "pulse-otel")
_LAST_S = 1.0
_ALL_MS = 30_000  # the SDK's own default; its batch processor ignores it


class Flushable(Protocol):
    """A span processor, or what one is made of."""

    def force_flush(self, timeout_millis: int = ..., /) -> bool: ...


def in_delivery_thread() -> bool:
    """Return whether a thread of ours, or of the SDK's batch processor, runs this."""
    return threading.current_thread().name.startswith(_THREADS)


def flush_all(timeout_s: float) -> bool:
    """Send what waits in the exporters of this process and in the batch processors before them.

    Returns False if that took longer than `timeout_s` seconds, or if something was lost.
    """
    end = time.monotonic() + timeout_s
    # All are asked before the first is waited for: its service may take all the time.
    handed_over = [(exporter, exporter.collect()) for exporter in running()]
    done = [
        guarded(exporter.flush, max(0.0, end - time.monotonic()), handed) is True
        for exporter, handed in handed_over
    ]
    return all(done)


def hand_over(processors: Iterable[Flushable]) -> Callable[[], bool]:
    """Have `processors` hand over what waits in them, in a thread; the result says when it is done.

    Only a thread of ours enters the SDK's `force_flush`. It holds a lock that cannot be taken
    twice: were it the main thread that holds it, a signal handler that flushes would wait for
    itself.
    """
    chosen = list(processors)
    if not chosen or threading.get_ident() in _inside:
        return lambda: True
    done = threading.Event()

    def run() -> None:
        for processor in chosen:
            guarded(processor.force_flush, _ALL_MS)
        done.set()

    in_a_thread(run)
    return done.is_set


def in_a_thread(function: Callable[[], object], wait_s: float = 0.0) -> None:
    """Call `function` in a thread, and wait `wait_s` seconds for it at most."""
    thread = threading.Thread(
        target=guarded, args=(function,), name="pulse-otel-flush", daemon=True
    )
    if guarded(_start, thread) is not True:  # as in a child that is ending
        _run_here(function)
    elif wait_s:
        thread.join(wait_s)


def _run_here(function: Callable[[], object]) -> None:
    """Call `function` in this thread, as there can be no other; a signal handler must not again."""
    ident = threading.get_ident()
    if ident not in _inside:
        _inside.add(ident)
        try:
            guarded(function)
        finally:
            _inside.discard(ident)


def _start(thread: threading.Thread) -> bool:
    try:
        thread.start()
    except RuntimeError:  # too many threads, or the interpreter is shutting down
        return False
    return True


class _Batch:
    """A batch processor of the SDK, and its thread."""

    def __init__(self, processor: Any, thread: threading.Thread) -> None:
        self._processor, self._thread = processor, thread

    def force_flush(self, timeout_millis: int = _ALL_MS) -> bool:
        """Hand over. While it shuts down it refuses to, and its thread does so instead."""
        if self._processor.force_flush(timeout_millis) is not False:
            return True
        self._thread.join(min(_LAST_S, timeout_millis / 1000))
        return not self._thread.is_alive()


def batch_processors_before(exporter: object) -> Iterator[Flushable]:
    """Find the SDK's batch processors that feed `exporter`, by the thread that each of them has.

    No exporter is told who feeds it, and the provider need not be the global one. The names used
    here are private to the SDK. Where they have changed, the global provider is flushed instead.
    """
    unknown = False
    for thread in threading.enumerate():
        runs = getattr(getattr(thread, "_target", None), "__self__", None)
        # Not by getattr: this may be any object of the user's that runs a thread.
        names: dict[str, Any] = getattr(runs, "__dict__", {})
        if names.get("_exporter") is exporter and hasattr(runs, "force_flush"):
            yield _Batch(runs, thread)
        elif thread.name.startswith("OtelBatchSpan") and "_exporter" not in names:
            unknown = True
    provider: Any = trace.get_tracer_provider()
    if unknown and hasattr(provider, "force_flush"):
        yield provider
