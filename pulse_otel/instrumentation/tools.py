"""Record the tools of a round trip: a call asks for them, a later request has their results.

Tool calls are remembered: when the result arrives, each becomes one `execute_tool` span,
from the answer that asked for it to that request, and the request joins the trace of the call
that asked, and so does the same request sent again. Bounded in number and time; a session's
tools are never joined to another's.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, Tracer

from pulse_otel import semconv
from pulse_otel.context import Session, labels
from pulse_otel.guard import guarded
from pulse_otel.values import bounded_json

LIMIT = 1000
"""The most tool calls that are remembered; the oldest is dropped first."""
WAIT_S = 3600.0
"""How long a result may take: a person may have to approve it."""
_ARGUMENT_BYTES = 16_384


@dataclass(slots=True)
class _ToolCall:
    by: SpanContext
    name: str
    arguments: str
    at_ns: int
    until: float  # time.monotonic
    recorded: bool = False
    ambiguous: bool = False


Caller = tuple[int, str | None, str | None]
"""The id() of the TracerProvider, session and user: equal for all calls of a round trip."""


class ToolCalls:
    """Remember the tools that were asked for in the last hour.

    Without a lock: a stream that the garbage collector drops ends its call wherever the thread
    is just then, here too. Each step is one operation of a dict with keys of plain values.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[Caller, str], _ToolCall] = {}
        self._recorded_elsewhere: dict[str, None] = {}

    @property
    def waiting(self) -> bool:
        """Return whether any result may arrive."""
        return bool(self._calls)

    def add(
        self, caller: Caller, by: SpanContext, parts: Iterable[Mapping[str, Any]], content: bool
    ) -> None:
        """Remember the `tool_call` parts of the answer to the call with the span `by`."""
        now, until = time.time_ns(), time.monotonic() + WAIT_S
        for part in parts:
            call_id = part.get("id")
            if not isinstance(call_id, str) or not call_id:
                continue
            arguments = bounded_json(part.get("arguments"), _ARGUMENT_BYTES) if content else ""
            entry = _ToolCall(by, str(part.get("name") or ""), arguments, now, until)
            earlier = self._calls.pop((caller, call_id), None)
            # Some servers number their calls: it is then not known whose result arrives.
            entry.ambiguous = earlier is not None and not earlier.recorded and earlier.by != by
            self._recorded_elsewhere.pop(call_id, None)
            self._calls[caller, call_id] = entry
        _drop_oldest(self._calls)

    def mark_recorded(self, call_id: str) -> None:
        """Note that a span of another instrumentation records this tool call."""
        self._recorded_elsewhere[call_id] = None
        _drop_oldest(self._recorded_elsewhere)

    def find(self, caller: Caller, call_id: str) -> tuple[_ToolCall, bool] | None:
        """Return the tool call with this id, and whether a span records it already."""
        entry = self._calls.get((caller, call_id))
        if entry is None or entry.ambiguous:
            return None
        if entry.until < time.monotonic():
            self._calls.pop((caller, call_id), None)
            return None
        recorded = entry.recorded or call_id in self._recorded_elsewhere
        entry.recorded = True
        return entry, recorded


def _drop_oldest(entries: dict[Any, Any]) -> None:
    while len(entries) > LIMIT:
        with contextlib.suppress(
            RuntimeError, StopIteration
        ):  # another thread changed it meanwhile
            entries.pop(next(iter(entries)), None)


tool_calls = ToolCalls()


def results(messages: Any) -> list[tuple[dict[str, Any], bool]]:
    """Return the `tool_call_response` parts; True: after the last assistant message."""
    found: list[tuple[dict[str, Any], bool]] = []
    last = True
    for message in reversed(messages if isinstance(messages, list) else []):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if message.get("role") == "assistant":  # pyright: ignore[reportUnknownMemberType]
            last = False
        found += [
            (part, last)
            for part in reversed(message["parts"])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            if part.get("type") == "tool_call_response"  # pyright: ignore[reportUnknownMemberType]
        ]
    return found[::-1]


def requested(messages: Any) -> list[dict[str, Any]]:
    """Return the `tool_call` parts of an answer: the tools that the program has to run."""
    return [
        part
        for message in (messages if isinstance(messages, list) else [])  # pyright: ignore[reportUnknownVariableType]
        for part in message["parts"]  # pyright: ignore[reportUnknownVariableType]
        if part.get("type") == "tool_call"  # pyright: ignore[reportUnknownMemberType]
    ]


def resume(
    tracer: Tracer,
    caller: Caller,
    messages: Any,
    context: Context,
    session: Session,
    content_bytes: int | None,
) -> Context:
    """Record the tools whose results are in `messages`; return the context for the request.

    That is `context` if a span is current in it, else one in the trace of the call that asked.
    `content_bytes` bounds inputs and outputs; None leaves them out.
    """
    for part, last in results(messages):
        call_id = part.get("id")
        found = tool_calls.find(caller, call_id) if isinstance(call_id, str) else None
        if found is None:
            continue
        asked, recorded = found
        asking = trace.set_span_in_context(trace.NonRecordingSpan(asked.by), context)
        current = trace.get_current_span(context).get_span_context()
        # A known result joins the trace again only if it is new in this request.
        if not current.is_valid and (last or not recorded):
            context = asking
        if not recorded:
            # In the trace of the call that asked: in another one it would begin before its parent.
            inside = context if current.trace_id == asked.by.trace_id else asking
            guarded(_record, tracer, asked, part, inside, session, content_bytes)
    return context


def _record(
    tracer: Tracer,
    asked: _ToolCall,
    part: Mapping[str, Any],
    context: Context,
    session: Session,
    content_bytes: int | None,
) -> None:
    attributes: dict[str, Any] = {
        semconv.OPERATION_NAME: semconv.OPERATION_EXECUTE_TOOL,
        semconv.TOOL_NAME: asked.name,
        semconv.TOOL_CALL_ID: part.get("id"),
        semconv.TOOL_TYPE: "function",
        **labels(session),
    }
    if content_bytes is not None:
        attributes[semconv.TOOL_CALL_ARGUMENTS] = asked.arguments
        attributes[semconv.TOOL_CALL_RESULT] = bounded_json(part.get("response"), content_bytes)
    span = tracer.start_span(
        f"{semconv.OPERATION_EXECUTE_TOOL} {asked.name}",
        context,
        kind=SpanKind.INTERNAL,
        attributes=attributes,
        start_time=asked.at_ns,
    )
    if part.get("is_error") is True:
        span.set_attribute(semconv.ERROR_TYPE, "tool_error")
        span.set_status(Status(StatusCode.ERROR))
    span.end(max(asked.at_ns, time.time_ns()))
