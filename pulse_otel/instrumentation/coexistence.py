"""One call, one inference span, beside the official GenAI instrumentations.

Each of theirs wraps a method of the SDK, so its span has been started when the request reaches
our hook, and a mark lies in the context for others to see. Then we start no span: we fill
theirs with what we know (`reuse_active_span`).

A mark can outlive its call, since the context of a stream is left attached until it ends. So
it is honoured once, by the first request beneath it, and only while the span that it came with
is recording and goes where ours would.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import wrapt
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span

_MARKS = (
    "opentelemetry.genai.client.inference.context",
    "opentelemetry.genai.client.embedding.context",
    "opentelemetry.genai.client.fetch_response.context",
)
_USED = "_pulse_used"


def reuse_active_span(provider: Any, attributes: Mapping[str, Any]) -> Span | None:
    """The span that an official instrumentation started for the request at hand, or None.

    `provider` is what would make a span of our own. The span gets `attributes`, and may be
    given more while it is open; ending it is left to its owner.
    """
    span = trace.get_current_span()
    if not span.is_recording() or not _goes_to(provider, span) or not _first_beneath_a_mark():
        return None
    span.set_attributes(dict(attributes))
    return cast("Span", _Borrowed(span))


def _first_beneath_a_mark() -> bool:
    marks = [mark for key in _MARKS if (mark := otel_context.get_value(key)) is not None]
    token = object()
    # Not any(): an inner call is beneath the outer one's mark as well, and uses up both.
    return token in [getattr(mark, "__dict__", {}).setdefault(_USED, token) for mark in marks]


def _goes_to(provider: Any, span: Span) -> bool:
    ours = getattr(provider, "_active_span_processor", None)
    return ours is not None and getattr(span, "_span_processor", None) is ours


if TYPE_CHECKING:
    _SpanProxy = wrapt.ObjectProxy[Any]
else:
    _SpanProxy = wrapt.ObjectProxy


class _Borrowed(_SpanProxy):
    """A span of somebody else: filled while it is open, never ended."""

    def end(self, end_time: int | None = None) -> None:
        """Left to its owner."""

    def set_attribute(self, key: str, value: Any) -> None:
        if self.__wrapped__.is_recording():
            self.__wrapped__.set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        if self.__wrapped__.is_recording():
            self.__wrapped__.set_attributes(dict(attributes))

    def set_status(self, status: Any, description: str | None = None) -> None:
        if self.__wrapped__.is_recording():
            self.__wrapped__.set_status(status, description)
