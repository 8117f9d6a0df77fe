"""Record the tools of a round trip: a call asks for them, a later request has their results.

Tool calls are remembered. When its result arrives, each becomes one `execute_tool` span, from the
answer that asked for it to that request, and the request joins the trace of the call that asked.

`tool_evidence` decides which call a result belongs to.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, Tracer

from pulse_otel import semconv
from pulse_otel.bounds import bounded_json
from pulse_otel.context import Session, labels
from pulse_otel.guard import guarded, tried
from pulse_otel.instrumentation.reading import read, text
from pulse_otel.instrumentation.recorder import Recorder
from pulse_otel.instrumentation.tool_claims import ToolCall, ToolClaims
from pulse_otel.instrumentation.tool_evidence import (
    Asker,
    Caller,
    Part,
    Result,
    Results,
    asked_for,
    keys_of_call,
    keys_of_result,
    once,
)
from pulse_otel.values import to_json

LIMIT = 10_000
"""The most evidence that is remembered; the oldest is dropped first."""
WAIT_S = 3600.0
"""How long a result may take: a person may have to approve it."""
_CHANGED = (RuntimeError, StopIteration)  # a dict, by another thread
_LOOK_BACK = 32  # messages at the end of a request, among which a result is looked for


class ToolCalls:
    """Remember the tools that were asked for in the last hour.

    Without a lock: a stream that the garbage collector drops ends its call wherever the thread
    is just then, here too. Each step is one operation of a dict with keys of plain values.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[object, ...], tuple[ToolCall, bool]] = {}
        self._recorded_elsewhere: dict[str, None] = {}
        self._claimed: dict[tuple[int, str], object] = {}
        self._claims = ToolClaims()
        self._recorded_in_part: dict[str, None] = {}  # elsewhere, but without the result

    @property
    def waiting(self) -> bool:
        """Return whether any result may arrive; forget what is too old."""
        if self._calls:
            tried(self._forget_until, time.monotonic(), kinds=_CHANGED, otherwise=None)
        return bool(self._calls)

    def _forget_until(self, now: float) -> None:
        while (oldest := next(iter(self._calls.items())))[1][0].until < now:
            self._calls.pop(oldest[0], None)

    def add(self, asker: Asker, parts: Sequence[Part], content: bool) -> None:
        """Remember the `tool_call` parts of the answer to `asker`."""
        now, until = time.time_ns(), time.monotonic() + WAIT_S
        for call_id, part in once(parts).items():
            asked, arguments = asked_for(part)
            kept = arguments if content else ""
            entry = ToolCall(call_id, asker.span, asked, kept, now, until, asker.links)
            self._recorded_elsewhere.pop(call_id, None)
            self._recorded_in_part.pop(call_id, None)
            for key in keys_of_call(asker, call_id, asked):
                known = self._calls.pop(key, None)
                self._calls[key] = entry, known is not None
            self._claims.add(entry)
        _drop_oldest(self._calls)

    def mark_recorded(self, call_id: str, whole: bool = True) -> None:
        """Note that another instrumentation records this tool call, `whole` if with its result."""
        noted = self._recorded_elsewhere if whole else self._recorded_in_part
        noted[call_id] = None
        _drop_oldest(noted)

    def claim(
        self, trace_id: int, name: str, arguments: dict[str, Any] | None, call_id: str | None
    ) -> ToolCall | None:
        """Return the tool call that the program carries out and records; no other run gets it."""
        found = self._claims.candidates(trace_id, name, arguments, call_id, self._is_recorded)
        for call in found:
            token = object()
            if self._claimed.setdefault(_key(call), token) is token:  # of two runs, one is first
                _drop_oldest(self._claimed)
                return call
        if call_id is not None:
            self.mark_recorded(call_id)
        return None

    def _is_recorded(self, call: ToolCall) -> bool:
        return call.call_id in self._recorded_elsewhere or _key(call) in self._claimed

    def find(
        self, caller: Caller, result: Result, results: Results, trace_id: int
    ) -> tuple[ToolCall, bool] | None:
        """Return the tool call that `result` answers, and whether a span records it already."""
        asked = asked_for(result.asked)[0] if result.asked is not None else None
        entry = None
        for key in keys_of_result(caller, result, results, asked, trace_id):
            entry, shared = self._calls.get(key, (None, True))
            if entry is not None and not shared and asked in (None, entry.asked):
                break
        else:
            return None
        # The same result comes again with a retry; another one belongs to another call.
        answer = hash(to_json(result.part.get("response")))
        if entry.until < time.monotonic() or entry.answer not in (None, answer):
            return None
        recorded = entry.answer is not None or _key(entry) in self._claimed
        recorded = recorded or self._is_elsewhere(result.part.get("id"), entry)
        entry.answer = answer
        return entry, recorded

    def _is_elsewhere(self, call_id: Any, entry: ToolCall) -> bool:
        """Return whether a span records the call with all that is wanted, maybe without content."""
        known = self._recorded_elsewhere if entry.arguments else self._recorded_in_part
        return call_id in self._recorded_elsewhere or call_id in known


def _key(call: ToolCall) -> tuple[int, str]:
    return call.by.span_id, call.call_id


def _drop_oldest(entries: dict[Any, Any]) -> None:
    while len(entries) > LIMIT:
        oldest = tried(next, iter(entries), kinds=_CHANGED, otherwise=None)
        entries.pop(oldest, None)


tool_calls = ToolCalls()


def may_have_results(request: Mapping[str, Any]) -> bool:
    """Return whether a tool's result is at the end of a request: a quick look.

    The program may say something after it, such as the picture that the tool took.
    """
    messages: Any = request.get("messages") or request.get("input")
    if not issubclass(type(messages), (list, tuple)):
        return False
    for message in reversed(messages[-_LOOK_BACK:]):
        role = read(message, "role")
        if role == "assistant":
            return False
        if role in ("tool", "function") or "output" in (text(read(message, "type")) or ""):
            return True
        blocks: Any = read(message, "content")
        if issubclass(type(blocks), (list, tuple)) and any(
            "result" in (text(read(block, "type")) or "") for block in blocks
        ):
            return True
    return False


def results_of(messages: Any, links: tuple[object, ...], limit: int) -> Results:
    """Return the results after the last message of the assistant in a request's messages."""
    turns: list[Part] = messages if issubclass(type(messages), list) else []
    end = len(turns)
    while end and turns[end - 1].get("role") != "assistant":
        end -= 1
    begin = end
    while begin and turns[begin - 1].get("role") == "assistant":
        begin -= 1
    asked = once(requested(turns[begin:end]))
    parts = _parts(turns[end:], "tool_call_response")
    found = [Result(part, asked.get(part.get("id") or "")) for part in parts]
    if end:  # a result that the assistant's last message did not ask for is none of this turn
        found = [result for result in found if result.asked is not None]
    return Results(found, turns[:begin], links, limit)


def requested(messages: Any) -> list[Part]:
    """Return the `tool_call` parts of an answer: the tools that the program has to run."""
    turns: list[Part] = messages if issubclass(type(messages), list) else []
    return _parts(turns, "tool_call")


def _parts(turns: list[Part], kind: str) -> list[Part]:
    return [part for turn in turns for part in turn["parts"] if part.get("type") == kind]


def resume(
    tracer: Tracer,
    recorder: Recorder,
    caller: Caller,
    session: Session,
    messages: Any,
    links: tuple[object, ...],
    context: Context,
) -> Context:
    """Record the tools whose results `messages` bring; return the context for the request.

    That is `context` if a span is current in it, else one in the trace of the call that asked.
    """
    limit = recorder.max_content_bytes
    content_bytes = limit if recorder.capture_content else None  # None: no inputs and outputs
    results = results_of(messages, links, limit)
    trace_id = trace.get_current_span(context).get_span_context().trace_id
    for result in results.parts:
        found = tool_calls.find(caller, result, results, trace_id)
        if found is None:
            continue
        call, recorded = found
        asking = trace.set_span_in_context(trace.NonRecordingSpan(call.by), context)
        current = trace.get_current_span(context).get_span_context()
        if not current.is_valid:
            context = asking
        if not recorded:
            # In the trace of the call that asked: in another one it would begin before its parent.
            inside = asking
            if current.trace_id == call.by.trace_id:
                inside = _around(context, call.at_ns)
            guarded(_record, tracer, call, result, inside, session, content_bytes)
    return context


def _around(context: Context, at_ns: int) -> Context:
    """Return `context`, or the one around its span if that started only after `at_ns`.

    Such a span may be another instrumentation's, of this very request: it has no tools within.
    """
    span = trace.get_current_span(context)
    parent, started_ns = getattr(span, "parent", None), getattr(span, "start_time", None)
    if not isinstance(parent, SpanContext) or not started_ns or started_ns < at_ns:
        return context
    return trace.set_span_in_context(trace.NonRecordingSpan(parent), context)


def _record(
    tracer: Tracer,
    call: ToolCall,
    result: Result,
    context: Context,
    session: Session,
    content_bytes: int | None,
) -> None:
    part, name = result.part, call.asked[0]
    attributes: dict[str, Any] = {
        semconv.OPERATION_NAME: semconv.OPERATION_EXECUTE_TOOL,
        semconv.TOOL_NAME: name,
        semconv.TOOL_CALL_ID: part.get("id"),
        semconv.TOOL_TYPE: "function",
        **labels(session),
    }
    if content_bytes is not None:
        arguments = call.arguments
        if result.asked is not None:
            arguments = bounded_json(result.asked.get("arguments"), content_bytes)
        attributes[semconv.TOOL_CALL_ARGUMENTS] = arguments
        attributes[semconv.TOOL_CALL_RESULT] = bounded_json(part.get("response"), content_bytes)
    span = tracer.start_span(
        f"{semconv.OPERATION_EXECUTE_TOOL} {name}",
        context,
        kind=SpanKind.INTERNAL,
        attributes=attributes,
        start_time=call.at_ns,
    )
    if part.get("is_error") is True:
        span.set_attribute(semconv.ERROR_TYPE, "tool_error")
        span.set_status(Status(StatusCode.ERROR))
    span.end(max(call.at_ns, time.time_ns()))
