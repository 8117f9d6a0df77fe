"""Join the calls of a background response: its creation, and the retrieval that shows its end.

The creation is a call without tokens. The retrieval that shows the end has answer, tokens and
cost; its record has a span id that follows from the response's, so that the trace service, which
ignores a second span of an id, stores one row however many processes retrieve. An id cannot be
given to a span of OpenTelemetry's SDK without a change of the provider: the exporter sets it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import read, text

ENDED = frozenset(("completed", "failed", "incomplete", "cancelled"))
_MOST = 1024  # responses whose creation is remembered

_lock = Lock()
_created: OrderedDict[str, SpanContext] = OrderedDict()


def background_attributes(response: Any) -> dict[str, Any]:
    """Return the attributes that tell the exporter about a background response."""
    response_id = text(read(response, "id"))
    if not response_id or read(response, "background") is not True:
        return {}
    status = text(read(response, "status"))
    if status in ENDED:
        return {semconv.PULSE_SPAN_ID: _span_id(response_id)}
    return {semconv.RESPONSE_STATUS: status or "in_progress"}  # its stream was left before the end


def shows_end(response: Any) -> bool:
    """Return whether `response` is a background response that ended."""
    return read(response, "background") is True and text(read(response, "status")) in ENDED


def remember(response_id: object, span: Span) -> None:
    """Remember the span that created a background response."""
    if not isinstance(response_id, str):
        return
    with _lock:
        _created[response_id] = span.get_span_context()
        if len(_created) > _MOST:
            _created.popitem(last=False)


def context_of(response_id: object, current: Context) -> Context:
    """Return the context for a retrieval: the program's own span, else that of the creation."""
    created = _created.get(response_id) if isinstance(response_id, str) else None
    if created is None or trace.get_current_span(current).get_span_context().is_valid:
        return current
    return trace.set_span_in_context(NonRecordingSpan(created), current)


def _span_id(response_id: str) -> str:
    digest = hashlib.sha256(f"pulse-otel background response {response_id}".encode())
    return digest.hexdigest()[:16]
