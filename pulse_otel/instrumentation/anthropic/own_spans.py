"""Keep the SDK (since 1.14) from recording a call that we record.

Beneath a recorded call the SDK's first span is replaced by a non-recording one with the
context of ours, so that the trace context it may send names a span that exists. Spans of tool
runners, and of a client whose user chose another TracerProvider, are left alone: they are what
they would be without us.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace

from pulse_otel.guard import guarded
from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.coexistence import shares_processor
from pulse_otel.instrumentation.current_call import current_call
from pulse_otel.instrumentation.patch import Patches
from pulse_otel.log import rate_limited

_MODULE = "anthropic._base_client"
_NAME = "start_api_call_span"


def replace_own_spans(patches: Patches) -> None:
    """Wrap the SDK's span factory. An SDK without it (before 1.14) traces nothing."""
    patches.when_imported(_MODULE, partial(_wrap, patches))


def _wrap(patches: Patches, module: Any) -> None:
    if not patches.wrap(module, _NAME, _start) and hasattr(module, "get_tracer"):
        rate_limited.warning(
            "anthropic-own-spans",
            "pulse-otel: this anthropic version traces calls in a way we do not know;"
            " set ANTHROPIC_OPEN_TELEMETRY=false to avoid recording each call twice",
        )


def _start(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    call = guarded(current_call)
    if call is None or not call.own_span_pending:
        return wrapped(*args, **kwargs)
    call.own_span_pending = False
    span = guarded(_stand_in, call, args)
    if span is not None:
        return span
    # In the caller's context: a no-op tracer sends the trace context that it finds.
    before = otel_context.get_current()
    otel_context.attach(call.callers_context)
    try:
        return wrapped(*args, **kwargs)
    finally:
        otel_context.attach(before)  # `detach` swallows what a signal handler raises in it


def _stand_in(call: LlmCall, args: tuple[Any, ...]) -> trace.Span | None:
    tracer = getattr(args[0], "_tracer", args[0])  # the API's proxy holds the SDK's tracer
    if not shares_processor(call.tracer_provider, tracer, "span_processor"):
        return None
    return trace.NonRecordingSpan(call.span.get_span_context())
