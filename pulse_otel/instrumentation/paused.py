"""`paused`: record nothing in a block."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context

from pulse_otel.block import Block
from pulse_otel.context import pause
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.other_spans import watch
from pulse_otel.instrumentation.recorder import recorders


class paused(Block):
    """Record nothing that begins in a block, or in a decorated function.

    It works in sync and async code, with ``with`` and ``async with``. Tasks inherit it; threads
    inherit it if their context is handed on. Calls in it work as if pulse-otel were not there, and
    no count has them. A stream belongs to where it was requested, not to where it is read. Spans of
    other libraries that begin in it do not go to Pulse; your other exporters still get them.
    """

    def _context(self) -> Context:
        guarded(_watch_providers)
        return pause()


def _watch_providers() -> None:
    """See to it that spans of others which begin from now on are marked."""
    watch(trace.get_tracer_provider())
    if recorders.observed is not None:
        watch(recorders.observed.provider())
