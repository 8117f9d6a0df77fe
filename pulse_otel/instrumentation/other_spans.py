"""Observe the spans of others at a TracerProvider that we use.

A span that starts in a `pulse_otel.session(...)` block is labelled with it; a tool call that
somebody else's span records is not recorded by us as well. A span that is not current while our
calls are made, as a framework's callbacks make them, is told those that were made within it.
"""

from __future__ import annotations

import weakref
from typing import Any

from opentelemetry.context import Context

from pulse_otel import semconv
from pulse_otel.context import is_paused, labels, session_of_block
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.last_call import calls_since
from pulse_otel.instrumentation.tools import tool_calls

_OURS = (semconv.SCOPE_OPENAI, semconv.SCOPE_ANTHROPIC, semconv.SCOPE_UNITS)


class _OtherSpans:
    """Be a span processor by its methods alone: this half knows the OpenTelemetry API only."""

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        guarded(self._label, span, parent_context)

    def _label(self, span: Any, context: Context | None) -> None:
        if is_paused(context) or is_paused():
            span.set_attribute(semconv.PULSE_PAUSED, True)
        session = session_of_block(context)
        if session is not None and span.instrumentation_scope.name not in _OURS:
            span.set_attributes(labels(session))

    def _on_ending(self, span: Any) -> None:
        return None

    def on_end(self, span: Any) -> None:
        guarded(self._notice, span)

    def _notice(self, span: Any) -> None:
        if getattr(span.instrumentation_scope, "name", None) in _OURS:
            return
        if within := calls_since(span.start_time or 0):
            # Here, as an ended span takes no attribute, and all processors get this object.
            vars(span)[semconv.CALLS_WITHIN] = within
        attributes: Any = span.attributes or {}
        call_id = attributes.get(semconv.TOOL_CALL_ID)
        if isinstance(call_id, str):
            tool_calls.mark_recorded(call_id)

    def shutdown(self) -> None:
        return None

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


_watched: weakref.WeakSet[Any] = weakref.WeakSet()


def watch(provider: Any) -> None:
    """Add our span processor to `provider`, once; a provider of the API alone takes none."""
    if provider in _watched or not hasattr(provider, "add_span_processor"):
        return
    _watched.add(provider)
    provider.add_span_processor(_OtherSpans())
