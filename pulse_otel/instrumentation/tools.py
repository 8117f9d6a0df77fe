"""Record the tools of a round trip: a call asks for them, a later request has their results.

Tool calls are remembered. When its result arrives, each becomes one `execute_tool` span, from the
answer that asked for it to that request, and the request joins the trace of the call that asked.

Ids repeat: some servers number the tool calls of each conversation from 0. So a result counts only
after the last message of the assistant, which must ask for the same tool with the same arguments,
and only if one of these says which call it was:

| evidence | in the request |
|---|---|
| the conversation | the messages before the assistant's are those that the call sent |
| a link | `previous_response_id` is the id of the call's response; one connection sent both |
| the id | it is long and random, as those of OpenAI and Anthropic |

Evidence that two calls share is none.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, Tracer

from pulse_otel import semconv
from pulse_otel.bounds import bounded_json
from pulse_otel.context import Session, labels
from pulse_otel.guard import guarded, tried
from pulse_otel.instrumentation.reading import read, text

LIMIT = 10_000
"""The most evidence that is remembered; the oldest is dropped first."""
WAIT_S = 3600.0
"""How long a result may take: a person may have to approve it."""
_CHANGED = (RuntimeError, StopIteration)  # a dict, by another thread
_ARGUMENT_BYTES = 4096  # of those that are remembered; a request that repeats them has all
_RANDOM = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9]{16})(?:[A-Za-z]{0,40}[0-9]){3}")

Caller = tuple[object, str | None, str | None]
"""A reference to the TracerProvider, session and user: equal for all calls of a round trip."""
_Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asker:
    """A call whose answer asks for tools. `conversation` is the `digest` of its messages."""

    caller: Caller
    span: SpanContext
    conversation: int | None = None
    links: tuple[object, ...] = ()


@dataclass(slots=True)
class _ToolCall:
    by: SpanContext
    asked: tuple[str, int]  # the tool, and the hash of the arguments
    arguments: str
    at_ns: int
    until: float  # time.monotonic
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A tool's result in a request; `asked` is the assistant's part, if the request has it."""

    part: _Part
    asked: _Part | None


@dataclass(frozen=True)
class Results:
    """The results that a request brings, and the messages before those of the assistant."""

    parts: Sequence[Result] = ()
    before: Sequence[Any] = ()
    links: tuple[object, ...] = ()
    limit: int = 0  # in bytes, of the `digest` of `before`

    @functools.cached_property
    def conversation(self) -> int:
        """Return the `digest` of the messages before, taken once for all results."""
        return digest(self.before, self.limit)


class ToolCalls:
    """Remember the tools that were asked for in the last hour.

    Without a lock: a stream that the garbage collector drops ends its call wherever the thread
    is just then, here too. Each step is one operation of a dict with keys of plain values.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[object, ...], tuple[_ToolCall, bool]] = {}
        self._recorded_elsewhere: dict[str, None] = {}

    @property
    def waiting(self) -> bool:
        """Return whether any result may arrive; forget what is too old."""
        if self._calls:
            tried(self._forget_until, time.monotonic(), kinds=_CHANGED, otherwise=None)
        return bool(self._calls)

    def _forget_until(self, now: float) -> None:
        while (oldest := next(iter(self._calls.items())))[1][0].until < now:
            self._calls.pop(oldest[0], None)

    def add(self, asker: Asker, parts: Iterable[_Part], content: bool) -> None:
        """Remember the `tool_call` parts of the answer to `asker`."""
        now, until = time.time_ns(), time.monotonic() + WAIT_S
        for part in parts:
            call_id = part.get("id")
            if not isinstance(call_id, str) or not call_id:
                continue
            name, arguments = _asked(part)
            kept = arguments if content else ""
            entry = _ToolCall(asker.span, (name, hash(arguments)), kept, now, until)
            self._recorded_elsewhere.pop(call_id, None)
            for key in _keys(asker, call_id, entry.asked):
                known = self._calls.pop(key, None)
                shared = known is not None and (known[1] or known[0].by != asker.span)
                self._calls[key] = entry, shared
        _drop_oldest(self._calls)

    def mark_recorded(self, call_id: str) -> None:
        """Note that a span of another instrumentation records this tool call."""
        self._recorded_elsewhere[call_id] = None
        _drop_oldest(self._recorded_elsewhere)

    def find(
        self, caller: Caller, result: Result, results: Results
    ) -> tuple[_ToolCall, bool] | None:
        """Return the tool call that `result` answers, and whether a span records it already."""
        call_id = result.part.get("id")
        entry = self._match(caller, call_id, result, results) if isinstance(call_id, str) else None
        if entry is None or entry.until < time.monotonic():
            return None
        recorded = entry.recorded or call_id in self._recorded_elsewhere
        entry.recorded = True
        return entry, recorded

    def _match(
        self, caller: Caller, call_id: str, result: Result, results: Results
    ) -> _ToolCall | None:
        asked = None
        if result.asked is not None:
            name, arguments = _asked(result.asked)
            asked = name, hash(arguments)
        entry = self._of_one_call((caller, call_id))
        for link in results.links:
            entry = entry or self._of_one_call((caller, call_id, link))
        if entry is None and asked is not None:
            # Last, as it costs the most.
            entry = self._of_one_call((caller, call_id, asked, results.conversation))
        return entry if entry is not None and asked in (None, entry.asked) else None

    def _of_one_call(self, key: tuple[object, ...]) -> _ToolCall | None:
        entry, shared = self._calls.get(key, (None, False))
        return None if shared else entry


def _keys(asker: Asker, call_id: str, asked: tuple[str, int]) -> Iterable[tuple[object, ...]]:
    if _RANDOM.search(call_id):
        yield asker.caller, call_id
    for link in asker.links:
        yield asker.caller, call_id, link
    if asker.conversation is not None:
        yield asker.caller, call_id, asked, asker.conversation


def _asked(part: _Part) -> tuple[str, str]:
    return text(part.get("name")) or "", bounded_json(part.get("arguments"), _ARGUMENT_BYTES)


def _drop_oldest(entries: dict[Any, Any]) -> None:
    while len(entries) > LIMIT:
        oldest = tried(next, iter(entries), kinds=_CHANGED, otherwise=None)
        entries.pop(oldest, None)


tool_calls = ToolCalls()


def digest(messages: Sequence[Any], limit: int) -> int:
    """Return a number that equal messages have in common, as far as `limit` bytes tell."""
    return hash(bounded_json(list(messages), limit))


def may_have_results(request: Mapping[str, Any]) -> bool:
    """Return whether the last message of a request may be a tool's result: a quick look."""
    messages: Any = request.get("messages") or request.get("input")
    if not isinstance(messages, (list, tuple)) or not messages:
        return False
    last = cast("Any", messages[-1])
    if read(last, "role") in ("tool", "function") or "output" in (text(read(last, "type")) or ""):
        return True
    blocks: Any = read(last, "content")
    return isinstance(blocks, (list, tuple)) and any(
        "result" in (text(read(block, "type")) or "") for block in cast("list[Any]", blocks)
    )


def results_of(messages: Any, links: tuple[object, ...], limit: int) -> Results:
    """Return the results after the last message of the assistant in a request's messages."""
    if not isinstance(messages, list):
        return Results()
    turns = cast("list[_Part]", messages)
    end = len(turns)
    while end and turns[end - 1].get("role") != "assistant":
        end -= 1
    begin = end
    while begin and turns[begin - 1].get("role") == "assistant":
        begin -= 1
    asked = {part.get("id"): part for part in requested(turns[begin:end])}
    parts = [part for turn in turns[end:] for part in _parts(turn, "tool_call_response")]
    found = [Result(part, asked.get(part.get("id"))) for part in parts]
    if end:  # a result that the assistant's last message did not ask for is none of this turn
        found = [result for result in found if result.asked is not None]
    return Results(found, turns[:begin], links, limit)


def requested(messages: Any) -> list[_Part]:
    """Return the `tool_call` parts of an answer: the tools that the program has to run."""
    turns = cast("list[_Part]", messages) if isinstance(messages, list) else []
    return [part for turn in turns for part in _parts(turn, "tool_call")]


def _parts(message: _Part, kind: str) -> list[_Part]:
    return [part for part in message["parts"] if part.get("type") == kind]


def resume(
    tracer: Tracer,
    caller: Caller,
    results: Results,
    context: Context,
    session: Session,
    content_bytes: int | None,
) -> Context:
    """Record the tools whose results a request brings; return the context for the request.

    That is `context` if a span is current in it, else one in the trace of the call that asked.
    `content_bytes` bounds inputs and outputs; None leaves them out.
    """
    for result in results.parts:
        found = tool_calls.find(caller, result, results)
        if found is None:
            continue
        call, recorded = found
        asking = trace.set_span_in_context(trace.NonRecordingSpan(call.by), context)
        current = trace.get_current_span(context).get_span_context()
        if not current.is_valid:
            context = asking
        if not recorded:
            # In the trace of the call that asked: in another one it would begin before its parent.
            inside = context if current.trace_id == call.by.trace_id else asking
            guarded(_record, tracer, call, result, inside, session, content_bytes)
    return context


def _record(
    tracer: Tracer,
    call: _ToolCall,
    result: Result,
    context: Context,
    session: Session,
    content_bytes: int | None,
) -> None:
    part, (name, _) = result.part, call.asked
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
