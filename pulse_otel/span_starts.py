"""Observe the spans of a TracerProvider, which is told so once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context

from pulse_otel.guard import guarded

_MARK = "_pulse_span_starts"


def add_once(provider: Any, mark: str, processor: Any) -> bool:
    """Add `processor` to `provider`, unless one with this `mark` is there; return whether it did.

    A provider of the OpenTelemetry API alone takes none.
    """
    token = object()
    # One operation: of two threads, one is first.
    if not takes_once(provider, mark) or provider.__dict__.setdefault(mark, token) is not token:
        return False
    provider.add_span_processor(processor)
    return True


def takes_once(provider: Any, mark: str) -> bool:
    """Return whether `provider` takes processors, and has none with this `mark`."""
    names = getattr(provider, "__dict__", None)
    return names is not None and mark not in names and hasattr(provider, "add_span_processor")


class SpanObserver:
    """Be a span processor by its methods alone: it needs no more than the OpenTelemetry API."""

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        return None

    def _on_ending(self, span: Any) -> None:
        return None

    def on_end(self, span: Any) -> None:
        return None

    def shutdown(self) -> None:
        return None

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class SpanStarts(SpanObserver):
    """Call `started` for each span that starts."""

    def __init__(self, started: Callable[[Any, Context | None], None]) -> None:
        self._started = started

    def add_to(self, provider: Any) -> bool:
        """Observe `provider` from now on; return False if it is observed, or cannot be."""
        return add_once(provider, _MARK, self)

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        guarded(self._started, span, parent_context)
