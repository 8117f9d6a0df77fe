"""Start a unit of work in the trace of the calls in it: same TracerProvider, same settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanKind

from pulse_otel import semconv
from pulse_otel.context import Session, current_session, labelled, labels, with_summary
from pulse_otel.instrumentation.latest_calls import last_recorded
from pulse_otel.instrumentation.options import content_bytes, content_wanted
from pulse_otel.instrumentation.other_spans import watch
from pulse_otel.instrumentation.recorder import (
    Recorder,
    recorders,
    recording_disabled_on_purpose,
)
from pulse_otel.instrumentation.suppression import may_record
from pulse_otel.instrumentation.tools import tool_calls
from pulse_otel.texts import scrub
from pulse_otel.units import content
from pulse_otel.units.unit import Content, Unit, Writer, current_unit


@dataclass(frozen=True, slots=True)
class Kind:
    """Say what a span of `trace` or `tool` is called, and how its content is written."""

    operation: str
    name: str  # the attribute
    write_input: Writer
    write_output: Writer
    of_arguments: Callable[[dict[str, Any]], object]


WORK = Kind(
    semconv.OPERATION_INVOKE_WORKFLOW,
    semconv.WORKFLOW_NAME,
    content.question,
    content.said,
    content.only_text,
)
TOOL = Kind(
    semconv.OPERATION_EXECUTE_TOOL,
    semconv.TOOL_NAME,
    content.tool_arguments,
    content.tool_result,
    lambda arguments: arguments,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold the arguments of `trace` and `tool`."""

    kind: Kind
    name: str | None = None
    summary: str | None = None
    call_id: str | None = None
    capture_input: bool = True
    capture_output: bool = True


Reader = Callable[[], "dict[str, Any]"]
"""Reads the arguments of a decorated function."""


def start(settings: Settings, arguments: Reader | None = None) -> Unit | None:
    """Start the span of a run, which is not current yet; None if nothing is recorded."""
    recorder = _recorder()
    if recorder is None:
        return None
    provider = recorder.provider()
    watch(provider)
    kind, name = settings.kind, scrub(settings.name or "unnamed")
    context, call_id = otel_context.get_current(), None
    given: dict[str, Any] | None = None
    if kind is TOOL:
        given = arguments() if arguments is not None else None
        call_id, context = _tool(settings, name, given, context)
    else:
        context = _titled(settings.summary, name, context)
    session = current_session(context)
    attributes = {semconv.OPERATION_NAME: kind.operation, kind.name: name, **labels(session)}
    if kind is TOOL:
        attributes[semconv.TOOL_TYPE] = "function"
    if call_id is not None:
        attributes[semconv.TOOL_CALL_ID] = scrub(call_id)
    span = recorder.tracer(semconv.SCOPE_UNITS, provider).start_span(
        f"{kind.operation} {name}", context, kind=SpanKind.INTERNAL, attributes=attributes
    )
    if not span.is_recording() and span.get_span_context().is_valid:
        recorder.not_sampled()
    unit = Unit(span, _content(settings, recorder), context, has_session=session.id is not None)
    if unit.input_bytes and arguments is not None:
        unit.input = kind.of_arguments(arguments() if given is None else given)
    return unit


def _content(settings: Settings, recorder: Recorder) -> Content:
    most = recorder.max_content_bytes if recorder.capture_content else 0
    return Content(
        settings.kind.write_input,
        settings.kind.write_output,
        most if settings.capture_input else 0,
        most if settings.capture_output else 0,
    )


def _titled(summary: str | None, name: str, context: Context) -> Context:
    """Return `context` with the title of the trace: the outermost unit's name, if nobody says."""
    around = current_session(context)
    if summary is not None:
        return labelled(Session(metadata=with_summary({}, summary)).over(around), context)
    if current_unit(context) is not None:
        return context
    return labelled(around.over(Session(metadata=with_summary({}, name))), context)


def _tool(
    settings: Settings, name: str, arguments: dict[str, Any] | None, context: Context
) -> tuple[str | None, Context]:
    """Return the id of the model's tool call, and the context: without a span, the call's own."""
    current = trace.get_current_span(context).get_span_context()
    last = last_recorded()
    trace_id = current.trace_id or (last.trace_id if last is not None else 0)
    call = tool_calls.claim(trace_id, name, arguments, settings.call_id)
    if call is None:
        return settings.call_id, context
    if not current.is_valid:
        context = trace.set_span_in_context(NonRecordingSpan(call.by), context)
    return call.call_id, context


def _recorder() -> Recorder | None:
    """Return the recorder of `init_pulse`, else of an instrumentor, else of a foreign pipeline."""
    found = recorders.observed
    if found is None and recorders.instrumented:
        found = next(iter(recorders.instrumented.copy().values())).own
    if found is None:
        found = _foreign()
    return found if found is not None and may_record() else None


_NO_PROVIDERS = (trace.ProxyTracerProvider, trace.NoOpTracerProvider)
_known: list[Recorder] = []


def _foreign() -> Recorder | None:
    """Return a recorder for the global TracerProvider, if there is one.

    As with an instrumentor, its other exporters see no content unless the environment says so.
    """
    provider = trace.get_tracer_provider()
    if isinstance(provider, _NO_PROVIDERS) or recording_disabled_on_purpose():
        return None
    if not _known:
        wanted = content_wanted(None, False)
        _known.append(Recorder(trace.get_tracer_provider, wanted, content_bytes(None)))
    return _known[0]
