"""Record one inference span for a call that an official GenAI instrumentation also records.

Their wrapper is around a method of the SDK, so their span has started when the request reaches
our hook, and they leave a mark in the context. In that case we start no span and add our
attributes to theirs.

A mark can outlive its call, since the context of a stream stays attached until the stream ends.
So a mark counts once, for the first request beneath it, and only while the current span is
recording and belongs to the TracerProvider that would make ours.
"""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span

_MARKS = (
    "opentelemetry.genai.client.inference.context",
    "opentelemetry.genai.client.embedding.context",
    "opentelemetry.genai.client.fetch_response.context",
)


def reuse_active_span(provider: Any, context: Context) -> Span | None:
    """Return the span that an official instrumentation started for this request, or None.

    `provider` is the TracerProvider that would make our span, `context` the current one. The owner
    ends the span.
    """
    if not context:
        return None
    span = trace.get_current_span(context)
    if not span.is_recording() or not shares_processor(provider, span, "_span_processor"):
        return None
    return span if _first_beneath_mark(context, "_pulse_used") else None


def counted_by_others(context: Context) -> bool:
    """Return whether an official instrumentation counts this request in its own metrics.

    It does so whether or not its span is recorded. Ask once for each request.
    """
    return _first_beneath_mark(context, "_pulse_counted")


def _first_beneath_mark(context: Context, use: str) -> bool:
    """Return whether this is the first request beneath a mark in `context`, for this `use`."""
    marks = [mark for key in _MARKS if (mark := context.get(key)) is not None]
    token = object()
    # Not any(): an inner call is beneath the outer call's mark as well, and uses up both.
    unused = [getattr(mark, "__dict__", {}).setdefault(use, token) is token for mark in marks]
    return True in unused


def shares_processor(provider: Any, product: Any, attribute: str) -> bool:
    """Return whether `product`, a tracer or span, leads to the span processor of `provider`."""
    ours = getattr(provider, "_active_span_processor", None)
    return ours is not None and getattr(product, attribute, None) is ours
