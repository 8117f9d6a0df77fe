"""LlmCall: the life of one call, from the SDK's request to the ended span.

`open` -> `attach` (while the SDK runs) -> `response` | `chunk`... -> `finish`. Sync, async,
streamed and raw calls share it; `finish` is idempotent, and nothing here raises into the
caller.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from typing import Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from pulse_otel import semconv
from pulse_otel.context import Session, labels
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.coexistence import reuse_active_span
from pulse_otel.instrumentation.endpoint import Attributes, Endpoint
from pulse_otel.instrumentation.errors import describe
from pulse_otel.instrumentation.other_spans import watch
from pulse_otel.instrumentation.reading import given, integer, text
from pulse_otel.instrumentation.recorder import Observed, Recorder
from pulse_otel.instrumentation.tools import Caller, requested, resume, tool_calls
from pulse_otel.values import bounded_json, scrub

_CALL = otel_context.create_key("pulse-otel-call")


def current_call() -> LlmCall | None:
    """The call that the SDK is at work on, here.

    A weak reference lies in the context: connections are kept open, and keep the context that
    they were opened in.
    """
    call = otel_context.get_value(_CALL)
    return cast("LlmCall | None", call()) if isinstance(call, weakref.ref) else None


class LlmCall:
    """One logical call to a provider, retries included."""

    def __init__(
        self, endpoint: Endpoint, recorder: Recorder, span: Span, context: Context
    ) -> None:
        self._endpoint = endpoint
        self._recorder = recorder
        self.span = span
        self.recording = span.is_recording()
        self._context = otel_context.set_value(
            _CALL, weakref.ref(self), trace.set_span_in_context(span, context)
        )
        self._started = time.perf_counter()
        self._first_chunk_s: float | None = None
        self._chunks: list[Any] = []
        self._answer: Any = None  # the whole response, or what was assembled of a stream
        self._caller: Caller | None = None
        self._finished = False
        self.http_response: Any = None
        self.has_tools = False  # the model may ask for some
        self.hides_usage = False  # we asked for the usage chunk, the caller did not
        self.callers_context = otel_context.get_current()
        self.own_span_pending = True  # the SDK may start a span of its own for this call

    @classmethod
    def open(
        cls,
        endpoint: Endpoint,
        recorder: Recorder,
        client: Any,
        request: Mapping[str, Any],
        own: Observed,
    ) -> LlmCall:
        """Start the span: what samplers need at once, the rest only if it is recorded."""
        model = text(request.get("model"))
        attributes = {semconv.OPERATION_NAME: endpoint.operation, **_destination(endpoint, client)}
        if own.provider:
            attributes[semconv.PROVIDER_NAME] = own.provider
        if model:
            attributes[semconv.REQUEST_MODEL] = scrub(model)
        name = f"{endpoint.operation} {scrub(model)}" if model else endpoint.operation
        provider = recorder.provider()
        watch(provider)
        tracer = recorder.tracer(endpoint.scope)
        context = otel_context.get_current()
        span = reuse_active_span(provider, attributes)
        asked: Attributes | None = None
        if span is None:
            if tool_calls.waiting:
                asked = guarded(endpoint.request, request, True) or {}
                messages = asked.get(semconv.INPUT_MESSAGES)
                resumed = guarded(_resume, recorder, tracer, own.session, messages, context)
                context = resumed or context
            span = tracer.start_span(name, context, kind=SpanKind.CLIENT, attributes=attributes)
        call = cls(endpoint, recorder, span, context)
        if call.recording:
            call._caller = _caller(provider, own.session)
            call.has_tools = given(request.get("tools")) or given(request.get("functions"))
            if asked is None or not recorder.capture_content:
                asked = guarded(endpoint.request, request, recorder.capture_content) or {}
            call._set(asked | labels(own.session))
        return call

    def attach(self) -> Any:
        """Make the span current while the SDK runs; the token goes to `detach`."""
        return otel_context.attach(self._context)

    def detach(self, token: Any) -> None:
        """The span never stays current after the SDK's request returned.

        A coroutine that is closed in another context than the one it ran in has nothing to
        detach there; trying would make OpenTelemetry log an error.
        """
        if current_call() is self:
            otel_context.detach(token)

    @property
    def tracer_provider(self) -> Any:
        """The TracerProvider that made the span."""
        return self._recorder.provider()

    def chunk(self, item: Any) -> bool:
        """One streamed chunk arrived: kept, and read once, at the end.

        Whether it is known to be nothing but text, as most are.
        """
        if not self.recording:
            return False
        if not self._chunks:  # kept whole: the answer's id and model are in it
            self.arrived()
            self._chunks.append(item)
            return False
        kept = self._endpoint.compact_chunk(item)
        self._chunks.append(kept)
        return kept is not item

    def hidden(self, item: Any) -> bool:
        """Whether `item` is a chunk that is there only because we asked for it."""
        return self.hides_usage and self._endpoint.is_usage_chunk(item)

    def arrived(self) -> None:
        """Something of a stream arrived: the first time counts."""
        if self._first_chunk_s is None:
            self._first_chunk_s = time.perf_counter() - self._started

    def response(self, response: Any) -> None:
        """The whole response arrived: read it, and end the span."""
        if self.recording and not self._finished:
            self._answer = response
        self.finish()

    def finish(self, error: BaseException | None = None) -> None:
        """End the span, once; what streamed so far is read first, `error` makes it an ERROR."""
        if self._finished:
            return
        self._finished = True
        if self.recording:
            guarded(self._read_rest, error)
        self._chunks, self._answer = [], None
        guarded(self.span.end)

    def _read(self, content: bool) -> Attributes:
        if self._answer is None:
            return {}
        return guarded(self._endpoint.response, self._answer, content) or {}

    def _read_rest(self, error: BaseException | None) -> None:
        if self._chunks:
            self._answer = guarded(self._endpoint.assemble, self._chunks)
        found = self._read(self._recorder.capture_content)
        if self._first_chunk_s is not None:
            found[semconv.TIME_TO_FIRST_CHUNK] = self._first_chunk_s
        if self.http_response is None:
            self.http_response = getattr(error, "response", None)
        found |= http_facts(self.http_response, _request_of(error))
        if error is not None:
            description = describe(error)
            found[semconv.ERROR_TYPE] = description.type
            found[semconv.PULSE_ERROR] = description.details()
        if semconv.ERROR_TYPE in found:  # raised, or said by the answer
            details: Any = found.get(semconv.PULSE_ERROR) or {}
            if not self._recorder.capture_content:
                details.pop("message", None)  # providers quote the prompt in it
            self.span.set_status(Status(StatusCode.ERROR, text(details.get("message"))))
        self._note_tools(found)
        self._set(found)

    def _note_tools(self, found: Attributes) -> None:
        """Whatever the finish reason: of a forced tool, OpenAI's is "stop"."""
        content = self._recorder.capture_content
        likely = self.has_tools or "tool_call" in found.get(semconv.FINISH_REASONS, ())
        if self._caller is None or not (content or likely):
            return
        answer = (found if content else self._read(True)).get(semconv.OUTPUT_MESSAGES)
        by = self.span.get_span_context()
        tool_calls.asked(self._caller, by, requested(answer), content)

    def _set(self, attributes: Attributes) -> None:
        limit = self._recorder.max_content_bytes
        self.span.set_attributes({key: _settable(attributes[key], limit) for key in attributes})


def _settable(value: Any, limit: int) -> Any:
    """As an attribute: what is structured becomes JSON text, as older SDKs refuse it."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        elements = cast("list[object]", value)
        return bounded_json(elements, limit) if _structured(elements) else elements
    return bounded_json(cast("object", value), limit) if isinstance(value, dict) else value


def _structured(elements: list[object]) -> bool:
    return any(isinstance(element, dict) for element in elements)


def _caller(provider: Any, session: Session) -> Caller:
    return id(provider), session.id, session.user_id


def _resume(
    recorder: Recorder, tracer: Tracer, session: Session, messages: Any, context: Context
) -> Context:
    return resume(
        tracer,
        _caller(recorder.provider(), session),
        messages,
        context,
        labels(session),
        recorder.max_content_bytes if recorder.capture_content else None,
    )


_DESTINATION = "_pulse_destination"


def _destination(endpoint: Endpoint, client: Any) -> Attributes:
    """Provider and server of a client's calls: kept beside its mark until its URL is changed."""
    url = getattr(client, "base_url", None)
    known: tuple[Any, Attributes] | None = client.__dict__.get(_DESTINATION)
    if known is None or known[0] is not url:
        known = url, {semconv.PROVIDER_NAME: endpoint.provider(client), **_server(url)}
        client.__dict__[_DESTINATION] = known
    return known[1]


def _server(url: Any) -> Attributes:
    host, port = text(getattr(url, "host", None)), getattr(url, "port", None)
    if not host:
        return {}
    if not isinstance(port, int):
        port = 80 if getattr(url, "scheme", "") == "http" else 443
    return {semconv.SERVER_ADDRESS: host, semconv.SERVER_PORT: port}


def _request_of(error: BaseException | None) -> Any:
    """By its field: the property of the HTTP library's errors raises where no request was set."""
    fields: dict[str, Any] = getattr(error, "__dict__", {})
    return fields.get("request") or fields.get("_request")


def http_facts(response: Any, request: Any = None) -> Attributes:
    """What the HTTP exchange itself tells: status, the provider's request id, attempts.

    The SDKs count their retries in a header of the request that got the last answer, or none.
    """
    headers: Any = getattr(response, "headers", None) or {}
    sent: Any = getattr(getattr(response, "_request", None) or request, "headers", None) or {}
    retries = integer(sent.get("x-stainless-retry-count"))
    found = {
        semconv.HTTP_STATUS_CODE: integer(getattr(response, "status_code", None)),
        semconv.PULSE_REQUEST_ID: text(headers.get("x-request-id") or headers.get("request-id")),
        semconv.PULSE_ATTEMPTS: None if retries is None else retries + 1,
    }
    return {key: value for key, value in found.items() if value is not None}
