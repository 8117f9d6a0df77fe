"""Record `with_raw_response` and `with_streaming_response` without reading from the network.

A body that was read already is recorded at once, unless `parse()` may refuse it. Otherwise we
record the result of the user's own `parse()`, or the bytes that the user reads, which are parsed
at the end.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from operator import attrgetter
from typing import Any, cast

from pulse_otel.guard import guarded, tried
from pulse_otel.instrumentation.body import StreamObserver, tap_body
from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.reading import given, loads, read

_MOST_BYTES = 4 << 20  # of a body that the SDK does not parse; a longer one is not recorded
_EVENTS, _JSON = "text/event-stream", "json"

Settle = Callable[[Any, StreamObserver], None]


def observe_raw(raw: Any, observer: StreamObserver, settle: Settle) -> None:
    """Record a raw response, now or when its body was read or dropped."""
    http_response = raw.http_response
    observer.call.head_arrived(http_response)
    unparsed = _Unparsed(http_response, observer)
    if http_response.is_closed and not unparsed.read_before(http_response):
        _read_before(raw, observer, settle)
        return
    observer.reads_bytes, observer.before_end = unparsed.add, unparsed.settle
    tap_body(http_response, observer)
    if observer.call.hides_usage:
        guarded(observer.hide_event, http_response)
    raw.parse = _observed_parse(raw, observer, settle)


def _read_before(raw: Any, observer: StreamObserver, settle: Settle) -> None:
    """Record a body that the SDK has read; where `parse()` may refuse it, once that is called."""
    call, answer = observer.call, guarded(_body, raw.http_response)
    if not guarded(_may_be_refused, raw, call):
        call.response(answer)
        return
    call.answered(answer)
    call.ended_ns = time.time_ns()
    tap_body(raw.http_response, observer)  # ends the call if `parse()` never is
    raw.parse = _observed_parse(raw, observer, settle)


def _may_be_refused(raw: Any, call: LlmCall) -> bool:
    """Return whether `parse()` checks the answer against a model of the program, or strictly."""
    checks = call.has_parse_method and given(read(raw, "_options", "post_parser"))
    return checks or read(raw, "_client", "_strict_response_validation") is True


def note_answer(call: LlmCall) -> None:
    """Note the answer of a call whose parsing raised: it was read, and is billed all the same."""
    response = call.http_response
    if response is not None and response.is_closed and response.is_success:
        call.answered(_body(response))


def failed(call: LlmCall, error: BaseException) -> None:
    """End a call that `error` ended, with what was answered."""
    try:
        call.detach()  # again, if `error` is of a signal handler that kept it from its end
        guarded(note_answer, call)
    finally:
        call.finish(error)


_NOT_READ = RuntimeError  # of a response that was closed before it was read
_BINARY = ("audio/", "image/", "video/", "application/octet-stream")


def _body(http_response: Any) -> Any:
    """Return a body that the SDK has read: JSON, text, or the HTTP response if it is binary."""
    if str(http_response.headers.get("content-type", "")).startswith(_BINARY):
        return http_response
    return tried(_json_or_text, http_response, kinds=_NOT_READ, otherwise=cast("Any", {}))


def _json_or_text(http_response: Any) -> Any:
    found: Any = tried(http_response.json, kinds=ValueError, otherwise=None)
    return cast("Any", found) if isinstance(found, dict) else http_response.text


def _observed_parse(raw: Any, observer: StreamObserver, settle: Settle) -> Any:
    """Wrap `parse` of the response for its first use only, so that no reference cycle remains."""
    parse = raw.parse

    def settled(value: Any) -> Any:
        own: dict[str, Any] = raw.__dict__
        if own.pop("parse", None) is not None:
            observer.before_end = None  # what is parsed is recorded as it is read
            guarded(settle, value, observer)
        return value

    if inspect.iscoroutinefunction(parse):

        @functools.wraps(parse)
        async def parse_async(*args: Any, **kwargs: Any) -> Any:
            with observer.inside_sdk():
                try:
                    value = await parse(*args, **kwargs)
                except Exception:
                    guarded(note_answer, observer.call)
                    raise
            return settled(value)

        return parse_async

    @functools.wraps(parse)
    def parse_sync(*args: Any, **kwargs: Any) -> Any:
        with observer.inside_sdk():
            try:
                value = parse(*args, **kwargs)
            except Exception:
                guarded(note_answer, observer.call)
                raise
        return settled(value)

    return parse_sync


class _Unparsed:
    """Collect the bytes that the user reads without `parse()`."""

    def __init__(self, http_response: Any, observer: StreamObserver) -> None:
        self._type: type[Any] = type(http_response)
        self._headers: Any = http_response.headers
        kind = self._headers.get("content-type", "")
        self._events = _EVENTS in kind
        self._call = observer.call
        self._pieces: list[bytes] = []
        readable = self._call.recording and (self._events or _JSON in kind)
        self._room = _MOST_BYTES if readable else 0

    def read_before(self, http_response: Any) -> bool:
        """Take the events of a body that was read before the SDK returned; False without any."""
        if not self._events:
            return False
        content = tried(attrgetter("content"), http_response, kinds=_NOT_READ, otherwise=None)
        if content is None:
            return False
        self.add(content)
        self._headers = {"content-type": self._headers["content-type"]}  # it is decoded
        return True

    def add(self, data: bytes) -> None:
        if self._events:
            self._call.arrived()
        self._room -= len(data)
        if self._room >= 0:
            self._pieces.append(data)

    def settle(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and self._room >= 0:
            guarded(self._read, b"".join(pieces))

    def _read(self, body: bytes) -> None:
        # A response of the same library decodes the content encoding.
        headers = {
            name: self._headers[name]
            for name in ("content-type", "content-encoding")
            if name in self._headers
        }
        response = self._type(200, headers=headers, content=body)
        if not self._events:
            self._call.response(_body(response))
            return
        for line in response.text.splitlines():
            if line.startswith("data:"):
                self._chunk(line[5:])

    def _chunk(self, data: str) -> None:
        chunk = loads(data, otherwise=None)
        if chunk is not None:  # as the [DONE] at the end is
            self._call.chunk(chunk)
