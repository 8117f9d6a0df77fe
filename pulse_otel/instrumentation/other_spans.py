"""Observe the spans of others at a TracerProvider that we use.

A tool call that somebody else's span records, with its result, is not recorded by us as well. A
span that is not current while our calls are made, as a framework's callbacks make them, is told
those that were made within it.
"""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.context import other_spans
from pulse_otel.instrumentation.latest_calls import calls_since
from pulse_otel.span_starts import add_once

_OURS = (semconv.SCOPE_OPENAI, semconv.SCOPE_ANTHROPIC, semconv.SCOPE_UNITS)

_RESULTS = ("gen_ai.choice", "gen_ai.client.inference.operation.details")  # events


def _ended(span: Any) -> None:
    if getattr(span.instrumentation_scope, "name", None) in _OURS:
        return
    if within := calls_since(span.start_time or 0):
        # Here, as an ended span takes no attribute, and all processors get this object.
        vars(span)[semconv.CALLS_WITHIN] = within
    attributes: Any = span.attributes or {}
    call_id = attributes.get(semconv.TOOL_CALL_ID)
    if isinstance(call_id, str):
        from pulse_otel.instrumentation.tools import tool_calls  # there, if an SDK is patched

        whole = semconv.TOOL_CALL_RESULT in attributes or any(
            event.name in _RESULTS for event in span.events
        )
        tool_calls.mark_recorded(call_id, whole)


_MARK = "_pulse_other_spans"


def watch(provider: Any) -> None:
    """Observe the spans of `provider`, and have them labelled with their block, from now on."""
    if _MARK in getattr(provider, "__dict__", ()):
        return
    other_spans.label(provider)
    add_once(provider, _MARK, ended=_ended)
