"""One run of a unit of work: its span, its place in the context, its input and output."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, format_span_id, format_trace_id

from pulse_otel import semconv
from pulse_otel.context import UNIT, Session, labels
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.errors import error_attributes
from pulse_otel.instrumentation.reading import text
from pulse_otel.instrumentation.span_attributes import settable

Writer = Callable[[object, int], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Content:
    """Say how input and output are written, and within how many bytes; 0: not at all."""

    write_input: Writer
    write_output: Writer
    input_bytes: int
    output_bytes: int


class Unit:
    """One run of `pulse_otel.trace` or `pulse_otel.tool`.

    Assigning `input` or `output` records it at once, as it is then, if content is recorded.
    """

    def __init__(
        self,
        span: Span | None = None,
        content: Content | None = None,
        context: Context | None = None,
        has_session: bool = False,
    ) -> None:
        self._span = span
        self._content = content if span is not None and span.is_recording() else None
        self._input: object = None
        self._output: object = None
        self._has_session = has_session
        self._outer = current_unit(context)
        self._around: Context | None = None  # the caller's, while the unit is current
        self._inside: Context | None = None
        if span is not None:
            # Weakly: a connection stays open, and keeps the context in which it was opened.
            own = otel_context.set_value(UNIT, _Reference(self), context)
            self._inside = trace.set_span_in_context(span, own)

    @property
    def trace_id(self) -> str | None:
        """Return the id of the trace, 32 hex digits; None if nothing is recorded."""
        span = self._span and self._span.get_span_context()
        return format_trace_id(span.trace_id) if span and span.is_valid else None

    @property
    def span_id(self) -> str | None:
        """Return the id of the span, 16 hex digits; None if nothing is recorded."""
        span = self._span and self._span.get_span_context()
        return format_span_id(span.span_id) if span and span.is_valid else None

    @property
    def input(self) -> object:
        """What the unit was given: a text, or any data."""
        return self._input

    @input.setter
    def input(self, value: object) -> None:
        self._input = value
        if self._content is not None and self.input_bytes:
            guarded(self._write, self._content.write_input, value, self._content.input_bytes)

    @property
    def output(self) -> object:
        """What the unit gives back: a text, or any data."""
        return self._output

    @output.setter
    def output(self, value: object) -> None:
        self._output = value
        if self._content is not None and self.output_bytes:
            guarded(self._write, self._content.write_output, value, self._content.output_bytes)

    def _write(self, write: Writer, value: object, limit: int) -> None:
        if self._span is not None:
            self._span.set_attributes(write(value, limit))

    @property
    def input_bytes(self) -> int:
        """Return how much of the input is recorded."""
        return self._content.input_bytes if self._content is not None else 0

    @property
    def output_bytes(self) -> int:
        """Return how much of the output is recorded."""
        return self._content.output_bytes if self._content is not None else 0

    def enter(self) -> None:
        """Make the unit current."""
        if self._inside is not None:
            self._around = otel_context.get_current()
            otel_context.attach(self._inside)

    def leave(self) -> None:
        """Restore the context of the caller.

        By its value, not by a token: what is closed in another context than the one in which it
        was entered has nothing to restore there. What is current now stays for the next `enter`,
        as the body of a generator has a context of its own.
        """
        if self._around is None or not self._is_current():
            return
        self._inside = otel_context.get_current()
        otel_context.attach(self._around)
        self._around = None

    def _is_current(self) -> bool:
        unit = current_unit()
        while unit is not None and unit is not self:
            unit = unit._outer
        return unit is self

    def joins(self, session: Session) -> None:
        """Take the session of a block inside, the first one, if there was none outside."""
        if not self._has_session and session.id and self._span is not None:
            self._has_session = True
            self._span.set_attributes(labels(session))
            if self._outer is not None:
                self._outer.joins(session)

    def end(self, error: BaseException | None = None) -> None:
        """End the span; with an `error` that is a failure, its status is ERROR.

        Again, it does what is left to do: an exception of a signal handler may pass at any point.
        """
        self.leave()
        span = self._span
        if span is None or not span.is_recording():
            return
        try:
            if error is not None and is_failure(error):
                guarded(self._failed, span, error)
        finally:
            self._content = None
            guarded(span.end)

    def _failed(self, span: Span, error: BaseException) -> None:
        found = error_attributes(error)
        details = found[semconv.PULSE_ERROR]
        if not self.output_bytes:
            details.pop("message", None)  # providers quote the prompt in it
        span.set_attributes(settable(found, 4096))
        span.set_status(Status(StatusCode.ERROR, text(details.get("message"))))


class _Reference:
    """Refer to a unit from the context, without keeping it."""

    def __init__(self, unit: Unit) -> None:
        self.unit = weakref.ref(unit)

    def joins(self, session: Session) -> None:
        """Tell the unit of a session inside of it."""
        unit = self.unit()
        if unit is not None:
            unit.joins(session)


def current_unit(context: Context | None = None) -> Unit | None:
    """Return the innermost unit that is open in `context`, or now."""
    found = otel_context.get_value(UNIT, context)
    return found.unit() if isinstance(found, _Reference) else None


def is_failure(error: BaseException) -> bool:
    """Return whether a run that raised `error` failed.

    The consumer of a generator may leave it, and `sys.exit()` may end a program, in good order. A
    run that was cancelled did not come to its end.
    """
    if isinstance(error, SystemExit):
        return error.code not in (None, 0)
    return not isinstance(error, GeneratorExit)
