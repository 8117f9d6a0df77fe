"""Follow one call from the SDK's request to the end of its span.

`open` -> `attach` (while the SDK runs) -> `response` | `chunk`... -> `finish`. Sync, async,
streamed and raw calls share it; `finish` is idempotent, and no method raises into the caller.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind

from pulse_otel import semconv
from pulse_otel.context import Session, tell_unit
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.coexistence import reuse_active_span
from pulse_otel.instrumentation.current_call import context_of, current_call
from pulse_otel.instrumentation.endpoint import AddPiece, Attributes, Endpoint, no_piece
from pulse_otel.instrumentation.errors import call_error, status_of
from pulse_otel.instrumentation.latest_calls import note_call
from pulse_otel.instrumentation.metrics import Measured, measured
from pulse_otel.instrumentation.other_spans import watch
from pulse_otel.instrumentation.reading import given
from pulse_otel.instrumentation.recorder import Observed, Recorder
from pulse_otel.instrumentation.span_attributes import (
    attributes_at_start,
    first_attributes,
    http_facts,
    request_attributes,
    request_of,
    settable,
)
from pulse_otel.instrumentation.tool_evidence import (
    Asker,
    Caller,
    digest_of_request,
    groups_calls,
    present,
)
from pulse_otel.instrumentation.tools import (
    may_have_results,
    requested,
    resume,
    tool_calls,
)
from pulse_otel.instrumentation.usage_rules import WITHOUT_COST_HEADER
from pulse_otel.values import copied

_MOST_HEADS = 8  # chunks to wait for the id and the model; some servers send neither
_PREVIOUS, _LINKED = "previous_response_id", "/responses"  # the API whose requests have it


class LlmCall:
    """Record one logical call to a provider, retries included."""

    # Of the class, as most calls leave most of them alone.
    _first_chunk_s: float | None = None
    _has_head = False  # a chunk with the id and model of the answer came
    _answer: Any = None  # the whole response, or the one assembled from a stream
    _finished = False
    ended_ns: int | None = None  # the answer was there before the call is finished
    _ends_span = True  # False: the span belongs to another instrumentation
    _has_tools = False  # the request offers the model some
    _conversation: int | None = None  # of its messages, if it has tools
    _connection: object = None
    _may_state_cost = True  # in a header, as gateways do: the host is not the provider's own
    http_response: Any = None
    retries: object = None  # that the SDK made before the answer
    hides_usage = False  # we asked for the usage chunk, the caller did not
    tracer_provider: Any = None  # that made the span
    own_span_pending = True  # the SDK may start its own span for this call
    measured: Measured | None = None  # if there is a MeterProvider

    def __init__(
        self,
        endpoint: Endpoint,
        provider: str,
        recorder: Recorder,
        caller: Caller,
        span: Span,
        context: Context,
        current: Context,
    ) -> None:
        self._endpoint = endpoint
        self._provider = provider
        self._recorder = recorder
        self._caller = caller
        self.span = span
        self.recording = span.is_recording()
        self._context = context_of(self, context)
        self._started = time.perf_counter()
        self.chunks: list[Any] = []
        self.add_piece: AddPiece = no_piece  # after a head: what adds a usual chunk
        self._http: Attributes = {}
        self.callers_context = current
        self._sampled = self.recording

    @classmethod
    def open(
        cls,
        endpoint: Endpoint,
        recorder: Recorder,
        client: Any,
        request: Mapping[str, Any],
        own: Observed,
        current: Context,
        connection: object = None,
    ) -> LlmCall:
        """Start the span with the attributes that samplers need; add the rest if it is recorded.

        `current` is the caller's context. `connection` is equal for all calls on one connection,
        whose server knows what was said.
        """
        name, attributes = first_attributes(endpoint, client, request, own)
        provider = recorder.provider()
        context = current
        if endpoint.context is not None:
            context = endpoint.context(request.get("response_id"), context)
        # A reference, as the id of a provider that is gone may be given to another one.
        caller = (weakref.ref(provider), own.session.id, own.session.user_id)
        found: Attributes | None = None
        written: Attributes | None = None  # of those, what is set with the start of the span
        span = reused = reuse_active_span(provider, current)
        if span is None:
            tracer = recorder.tracer(endpoint.scope, provider)
            if tool_calls.waiting and may_have_results(request):
                found = guarded(endpoint.request, request, True) or {}
                links = present(request.get(_PREVIOUS), connection)
                messages = found.get(semconv.INPUT_MESSAGES)
                about = (tracer, recorder, caller, own.session)
                context = guarded(resume, *about, messages, links, context) or context
            written = guarded(attributes_at_start, tracer, endpoint, recorder, request, found, own)
            first = {**attributes, **written} if written else attributes
            span = tracer.start_span(name, context, kind=SpanKind.CLIENT, attributes=first)
        else:
            watch(provider)
            span.set_attributes(attributes)
        try:
            name = str(attributes[semconv.PROVIDER_NAME])
            call = cls(endpoint, name, recorder, caller, span, context, current)
            call._ends_span, call._connection = reused is None, connection
            call._may_state_cost = attributes.get(semconv.SERVER_ADDRESS) not in WITHOUT_COST_HEADER
            call.tracer_provider = provider
            call._begun(request, found, written, own)
            call.measured = measured(recorder, endpoint.scope, attributes, current)
            call.recording = call.recording or call.measured is not None
        except BaseException:  # a signal handler's: the SDK does not get to the call
            if reused is None:
                span.end()
            raise
        return call

    def _begun(
        self,
        request: Mapping[str, Any],
        found: Attributes | None,
        written: Attributes | None,
        own: Observed,
    ) -> None:
        """Note that the span began, or is not sampled; most requests are `written` already."""
        if self.recording:
            note_call(self.span)
            if written is None or own.session.id or "tools" in request or "functions" in request:
                guarded(self._requested, request, found, written, own)
        elif self.span.get_span_context().is_valid:  # else no SDK made it: tracing is off
            self._recorder.not_sampled()

    def _requested(
        self,
        request: Mapping[str, Any],
        found: Attributes | None,
        written: Attributes | None,
        own: Observed,
    ) -> None:
        """Set the attributes of the request, unless they are `written` already."""
        if own.session.id:
            tell_unit(Session(own.session.id, own.session.user_id), self.callers_context)
        self._has_tools = given(request.get("tools")) or given(request.get("functions"))
        if written is None:
            written = request_attributes(self._endpoint, self._recorder, request, found, own)
            self.span.set_attributes(written)
        if self._has_tools and groups_calls(self._caller, getattr(self.span, "parent", None)):
            limit, read = self._recorder.max_content_bytes, self._endpoint.request
            self._conversation = guarded(digest_of_request, read, request, written, limit)

    def attach(self) -> None:
        """Make the span current while the SDK runs."""
        otel_context.attach(self._context)

    def detach(self) -> None:
        """Restore the context of the caller, once: the span is not current after the SDK returned.

        By its value, not by the token of `attach`, which a signal handler may keep from coming
        back. A coroutine that is closed in another context than the one in which it ran has
        nothing to restore there.
        """
        if otel_context.get_current() is self._context or current_call() is self:
            otel_context.attach(self.callers_context)

    @property
    def has_parse_method(self) -> bool:
        """Return whether the SDK has a `parse` for this endpoint, which may refuse an answer."""
        return any(method.endswith(".parse") for method in self._endpoint.methods)

    def chunk(self, item: Any) -> bool:
        """Keep a chunk for the end; return whether to hide it, as it came because we asked."""
        hidden, endpoint = self.hides(item), self._endpoint
        if self._has_head:
            self.chunks.append(endpoint.compact_chunk(item))
        elif self.recording:
            self.arrived()
            self.chunks.append(copied(item))
            if endpoint.is_head(item) or len(self.chunks) == _MOST_HEADS:
                self._has_head, self.add_piece = True, endpoint.adder(self.hides_usage)
        return hidden

    def hides(self, item: Any) -> bool:
        """Return whether `item` came only because we asked for the usage."""
        return self.hides_usage and self._endpoint.hide_usage(item)

    def head_arrived(self, response: Any) -> None:
        """Read the head of a response whose body the program reads, and may write to."""
        self.http_response = response
        self._http = http_facts(self._endpoint.sdk, response, None, self.retries)

    def arrived(self) -> None:
        """Note the time of the first chunk of a stream."""
        if self._first_chunk_s is None:
            self._first_chunk_s = time.perf_counter() - self._started

    def answered(self, response: Any) -> None:
        """Keep the whole response for the end of the span."""
        if not self._finished:
            self._answer = response

    def response(self, response: Any) -> None:
        """Read the whole response, and end the span."""
        self.answered(response)
        self.finish()

    def finish(self, error: BaseException | None = None) -> None:
        """Read what arrived and end the span, once; with an `error` its status is ERROR."""
        if self._finished:
            if self._ends_span and self.span.is_recording():  # a signal handler's exception passed
                guarded(self.span.end, self.ended_ns)
            return
        self._finished = True
        try:
            if self.recording and (self._ends_span or self.span.is_recording()):
                guarded(self._read_rest, error)
        finally:
            self.chunks, self._answer = [], None
            if self._ends_span:
                guarded(self.span.end, self.ended_ns)

    def _read(self, content: bool) -> Attributes:
        if self._answer is None:
            return {}
        return guarded(self._endpoint.response, self._answer, content) or {}

    def _bill(self) -> Attributes:
        if self._answer is None:
            return {}
        stated = self._may_state_cost and not self.chunks
        headers: Any = getattr(self.http_response, "headers", {}) if stated else {}
        return guarded(self._endpoint.bill, self._answer, self._provider, headers) or {}

    def _read_rest(self, error: BaseException | None) -> None:
        if self.chunks:
            self._answer = guarded(self._endpoint.assemble, self.chunks)
        found = self._read(self._recorder.capture_content)
        if self._first_chunk_s is not None:
            found[semconv.TIME_TO_FIRST_CHUNK] = self._first_chunk_s
        if self.http_response is None:
            self.http_response = getattr(error, "response", None)
        found |= self._bill()
        exchange = (self.http_response, request_of(error), self.retries, self._answer)
        found |= self._http or http_facts(self._endpoint.sdk, *exchange)
        if error is not None or semconv.ERROR_TYPE not in found:
            found |= call_error(error, self._answer, self.chunks, self.http_response)
        if semconv.ERROR_TYPE in found:  # raised, or reported by the response
            self.span.set_status(status_of(found, self._recorder.capture_content))
        if self.measured is not None:
            guarded(self.measured.end, found, self._started, self.ended_ns, self._context)
        self._write(found)

    def _write(self, found: Attributes) -> None:
        if not self._sampled:  # it was read for the metrics alone
            return
        if semconv.RESPONSE_STATUS in found and self._endpoint.remember is not None:
            self._endpoint.remember(found.get(semconv.RESPONSE_ID), self.span)
        self._note_tools(found)
        self.span.set_attributes(settable(found, self._recorder.max_content_bytes))

    def _note_tools(self, found: Attributes) -> None:
        """Remember the tools that the model asked for.

        The finish reason alone does not tell: for a forced tool OpenAI's is "stop".
        """
        content = self._recorder.capture_content
        if not (content or self._has_tools or "tool_call" in found.get(semconv.FINISH_REASONS, ())):
            return
        answer = (found if content else self._read(True)).get(semconv.OUTPUT_MESSAGES)
        if parts := requested(answer):
            linked = self._endpoint.path == _LINKED and found.get(semconv.RESPONSE_ID)
            links, ids = present(linked, self._connection), self.span.get_span_context()
            tool_calls.add(Asker(self._caller, ids, self._conversation, links), parts, content)
