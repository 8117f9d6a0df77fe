"""Observe the spans of a TracerProvider, which is told so once.

All that observe one are one span processor to it: each takes time of every span.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context

from pulse_otel.guard import guarded

_OBSERVERS = "_pulse_span_observers"
Started = Callable[[Any, Context | None], None]
Ended = Callable[[Any], object]


class SpanObservers:
    """Be a span processor by its methods alone: it needs no more than the OpenTelemetry API."""

    def __init__(self) -> None:
        self.started: list[Started] = []
        self.ended: list[Ended] = []

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        for started in self.started:
            guarded(started, span, parent_context)

    def _on_ending(self, span: Any) -> None:
        return None

    def on_end(self, span: Any) -> None:
        for ended in self.ended:
            guarded(ended, span)

    def shutdown(self) -> None:
        return None

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def add(provider: Any, observers: SpanObservers) -> None:
    """Add `observers` to `provider`, as those that `add_once` adds to unless there are some."""
    provider.add_span_processor(observers)
    getattr(provider, "__dict__", {}).setdefault(_OBSERVERS, observers)


def add_once(
    provider: Any, mark: str, started: Started | None = None, ended: Ended | None = None
) -> bool:
    """Call `started` and `ended` for each span of `provider`, unless it has this `mark`.

    Returns whether it does so from now on. A provider of the OpenTelemetry API alone takes none.
    """
    token = object()
    # One operation: of two threads, one is first.
    if not takes_once(provider, mark) or provider.__dict__.setdefault(mark, token) is not token:
        return False
    made = SpanObservers()
    observers: SpanObservers = provider.__dict__.setdefault(_OBSERVERS, made)
    # One that leads to several providers is told once.
    if started is not None and started not in observers.started:
        observers.started.append(started)
    if ended is not None and ended not in observers.ended:
        observers.ended.append(ended)
    if observers is made:
        try:
            provider.add_span_processor(made)
        except BaseException:  # or a signal handler's: the next one is added by itself
            provider.__dict__.pop(_OBSERVERS, None)
            raise
    return True


def takes_once(provider: Any, mark: str) -> bool:
    """Return whether `provider` takes processors, and has none with this `mark`."""
    names = getattr(provider, "__dict__", None)
    return names is not None and mark not in names and hasattr(provider, "add_span_processor")
