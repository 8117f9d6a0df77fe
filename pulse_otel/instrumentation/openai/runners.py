"""Record each run of the SDK's tool runners as an `invoke_agent` span, current while it works.

The calls that a runner makes are recorded like any other, the tools that it runs for responses
when their results are sent. A run that the caller steps through (`iterate`) has no span of its
own: it would have to stay current between the steps, in the caller's code.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from pulse_otel import semconv
from pulse_otel.bounds import bounded_json
from pulse_otel.call_labels import labels_of
from pulse_otel.context import labels, session
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.errors import error_attributes
from pulse_otel.instrumentation.openai.items import input_messages, output_parts
from pulse_otel.instrumentation.parameters import session_from_parameters, split
from pulse_otel.instrumentation.patch import Patches
from pulse_otel.instrumentation.reading import given, read, text
from pulse_otel.instrumentation.recorder import (
    Recorder,
    observed_options,
    options_of_call,
    recorder_for,
)
from pulse_otel.instrumentation.suppression import may_record
from pulse_otel.texts import scrub
from pulse_otel.values import to_json

_RUNNERS = {
    "openai.lib.responses_tool_runner": "ResponsesToolRunner",
    "openai.lib.decisions_tool_runner": "DecisionsToolRunner",
}


def wrap_runners(patches: Patches) -> None:
    """Wrap `run` of the runners."""
    for module, name in _RUNNERS.items():
        patches.when_imported(module, partial(_wrap, patches, name))


def _wrap(patches: Patches, name: str, module: Any) -> None:
    for prefix, wrapper in (("", _run), ("Async", _run_async)):
        runner = getattr(module, prefix + name, None)
        if isinstance(runner, type):
            patches.wrap(runner, "run", wrapper)


def _run(wrapped: Callable[..., Any], runner: Any, args: Any, kwargs: Any) -> Any:
    with _running(args, kwargs) as (rest, done):
        return done(wrapped(*args, **rest))


async def _run_async(wrapped: Callable[..., Any], runner: Any, args: Any, kwargs: Any) -> Any:
    with _running(args, kwargs) as (rest, done):
        return done(await wrapped(*args, **rest))


@contextlib.contextmanager
def _running(
    args: Any, kwargs: Mapping[str, Any]
) -> Generator[tuple[dict[str, Any], Callable[[Any], Any]]]:
    """Make the span and session of a run current; yield the arguments for `run`."""
    rest, parameters = split(kwargs)
    named = {**dict(zip(("client", "params"), args, strict=False)), **rest}
    on_headers = labels_of(read(named.get("params"), "extra_headers"))
    own = session_from_parameters({**on_headers, **parameters})
    with session(own.id, user_id=own.user_id, metadata=own.metadata):
        run = guarded(_Run.start, named.get("client"), named.get("params"))
        if run is None:
            yield rest, lambda result: result
            return
        before = otel_context.get_current()
        otel_context.attach(trace.set_span_in_context(run.span))
        try:
            yield rest, run.done
        except BaseException as error:
            guarded(run.failed, error)
            raise
        finally:
            if trace.get_current_span() is run.span:
                otel_context.attach(before)  # `detach` swallows a signal handler's exception
            guarded(run.span.end)


class _Run:
    """Record one run."""

    def __init__(self, recorder: Recorder, span: Span) -> None:
        self._recorder = recorder
        self.span = span

    @classmethod
    def start(cls, client: Any, params: Any) -> _Run | None:
        observed = observed_options(client)
        recorder = recorder_for("openai", observed)
        if recorder is None or not may_record():
            return None
        attributes = {
            semconv.OPERATION_NAME: semconv.OPERATION_INVOKE_AGENT,
            **labels(options_of_call(observed, None).session),
        }
        model = text(read(params, "model"))
        if model:
            attributes[semconv.REQUEST_MODEL] = scrub(model)
        tracer = recorder.tracer(semconv.SCOPE_OPENAI)
        name = semconv.OPERATION_INVOKE_AGENT
        span = tracer.start_span(name, kind=SpanKind.INTERNAL, attributes=attributes)
        run = cls(recorder, span)
        if given(read(params, "input")):
            run.content(semconv.INPUT_MESSAGES, lambda: input_messages(read(params, "input")))
        return run

    def content(self, name: str, messages: Callable[[], list[dict[str, Any]]]) -> None:
        if self._recorder.capture_content and self.span.is_recording():
            limit = self._recorder.max_content_bytes
            self.span.set_attribute(name, bounded_json(messages(), limit))

    def done(self, result: Any) -> Any:
        guarded(self._read, result)
        return result

    def _read(self, result: Any) -> None:
        parts = output_parts(read(result, "output"))
        if parts:
            message = {"role": "assistant", "parts": parts, "finish_reason": "stop"}
            self.content(semconv.OUTPUT_MESSAGES, lambda: [message])

    def failed(self, error: BaseException) -> None:
        found = error_attributes(error)
        details = found[semconv.PULSE_ERROR]
        self.span.set_attributes({**found, semconv.PULSE_ERROR: to_json(details)})
        self.span.set_status(Status(StatusCode.ERROR, details.get("message")))
