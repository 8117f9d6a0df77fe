"""The call that the SDK is carrying out in a context."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context

if TYPE_CHECKING:
    from pulse_otel.instrumentation.call import LlmCall

_CALL = otel_context.create_key("pulse-otel-call")
# OpenTelemetry's own key. To set two values at once takes half as long as one after the other.
(_SPAN,) = trace.set_span_in_context(trace.INVALID_SPAN, Context())


def context_of(call: LlmCall, context: Context) -> Context:
    """Return `context` as it is while the SDK carries out `call`.

    It holds a weak reference to the call: a connection stays open, and keeps the context in which
    it was opened.
    """
    return Context({**context, _SPAN: call.span, _CALL: weakref.ref(call)})


def current_call() -> LlmCall | None:
    """Return the call of the current context."""
    call: Any = otel_context.get_value(_CALL)
    return None if call is None else call()
