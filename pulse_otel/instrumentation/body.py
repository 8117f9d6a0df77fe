"""Watch the body of an HTTP response, as only the body shows how a stream was left."""

from __future__ import annotations

import functools
import sys
import traceback
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, cast

from pulse_otel.guard import guarded
from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.hidden_event import EventFilter, FilteredDecoder

# The end of a stream, and the closing of a generator or coroutine, are no errors.
_ENDS = (StopIteration, StopAsyncIteration, GeneratorExit)
_HELPERS = ".lib.streaming."
_CANCELLATIONS = ("CancelledError", "Cancelled")  # asyncio's, trio's


class StreamObserver:
    """Observe a stream or raw response after the SDK returned it, and end its call."""

    def __init__(self, call: LlmCall) -> None:
        self.call = call
        self.reads_bytes: Callable[[bytes], None] | None = None
        self.before_end: Callable[[], None] | None = None
        self.filters_bytes = False
        self.inside = False  # True while the SDK reads: see `inside_sdk`
        self._filter: EventFilter | None = None

    def inside_sdk(self) -> StreamObserver:
        """Mark the time in which the SDK reads: a body that it closes then is no early end."""
        return self

    def __enter__(self) -> None:
        self.inside = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.left_sdk(error)

    def left_sdk(self, error: BaseException | None) -> None:
        """Note that the SDK reads no more for now; an error that it raised ends the call."""
        self.inside = False
        if error is not None:
            guarded(self._end, error)

    def bytes_read(self, data: bytes) -> None:
        """Pass on what the user reads without the SDK's parser."""
        if not self.inside and self.reads_bytes:
            self.reads_bytes(data)

    def hide_event(self, http_response: Any) -> None:
        """Leave the event that we asked for out of what the caller reads without `parse()`.

        Of an encoded body, that is what the HTTP library decodes; its raw bytes stay as they are.
        """
        self._filter = EventFilter(self.call.hides)
        encoding = http_response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            decoder = http_response._get_content_decoder()
            http_response._decoder = FilteredDecoder(decoder, self.passed, self.rest)
        else:
            self.filters_bytes = True

    def passed(self, data: bytes) -> bytes:
        """Return what of `data` the caller sees; the SDK's parser sees all."""
        if self._filter is None or self.inside:
            return data
        return guarded(self._filter.passed, data, otherwise=data)

    def rest(self) -> bytes:
        """Return what was held back until the end."""
        return b"" if self._filter is None else self._filter.rest()

    def body_ended(self, error: BaseException | None = None) -> None:
        """End the call with the body; inside the SDK, the SDK's own exception will end it."""
        if not self.inside:
            self._end(error)

    def body_closed(self) -> None:
        """End the call as the user closes the body, perhaps because of a cancellation.

        An error of the user's own code is none of the call's; one of the SDK's helpers, which
        parse what arrives, is.
        """
        if self.inside:
            return
        error = sys.exc_info()[1]
        ours = type(error).__name__ in _CANCELLATIONS or _in_helper(error)
        self.body_ended(error if ours else None)

    def _end(self, error: BaseException | None) -> None:
        if self.before_end:
            guarded(self.before_end)
        self.call.finish(None if isinstance(error, _ENDS) else error)


def _in_helper(error: BaseException | None) -> bool:
    """Return whether `error` was raised while a helper of the SDK parsed a stream."""
    frames = traceback.walk_tb(error.__traceback__ if error is not None else None)
    return any(_HELPERS in str(frame.f_globals.get("__name__")) for frame, _ in frames)


class _Body:
    """Stand for a body; `elapsed` and its other attributes remain the body's own."""

    def __init__(self, body: Any, observer: StreamObserver) -> None:
        self._body = body
        self._observer = observer
        # The SDK's own, or None: it asks at each event, and `__getattr__` would raise each time.
        self.stream_observer = getattr(body, "stream_observer", None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_body", "_observer"):
            raise AttributeError(name)
        return getattr(self._body, name)

    def __del__(self) -> None:
        observer = self.__dict__.get("_observer")
        if observer is not None:
            guarded(observer.body_ended)


class _SyncBody(_Body):
    def __iter__(self) -> Iterator[bytes]:
        # What the SDK's parser reads is seen as chunks: it gets the body's own iterator.
        body = iter(self._body)
        return body if self._observer.inside else _Bytes(body, self._observer)

    def close(self) -> None:
        guarded(self._observer.body_closed)
        self._body.close()


class _AsyncBody(_Body):
    def __aiter__(self) -> AsyncIterator[bytes]:
        body = aiter(self._body)
        return body if self._observer.inside else _AsyncBytes(body, self._observer)

    async def aclose(self) -> None:
        guarded(self._observer.body_closed)
        await self._body.aclose()


class _ReadBody:
    """Watch a response whose body was read before the SDK returned, by a hook or a cache.

    Nothing reads or closes the body then, so the response's own `close` shows that the stream was
    left. It holds no connection any more: closing it does nothing.
    """

    def __init__(self, response: Any = None, observer: StreamObserver | None = None) -> None:
        self._response = None if response is None else weakref.ref(response)
        self._observer = observer

    @classmethod
    def watch(cls, response: Any, observer: StreamObserver) -> None:
        known = getattr(response.__dict__.get("close"), "__self__", None)
        if not isinstance(known, cls) or known._observer is not observer:
            watched = cls(response, observer)
            response.close, response.aclose = watched.close, watched.aclose

    def _left(self) -> Any:
        """End the call, and give the response its own methods back."""
        if self._observer is not None:
            guarded(self._observer.body_closed)
        response: Any = self._response and self._response()
        if response is not None:
            response.__dict__.pop("close", None)
            response.__dict__.pop("aclose", None)
        return response

    def close(self) -> None:
        response = self._left()
        if response is not None:
            response.close()

    async def aclose(self) -> None:
        response = self._left()
        if response is not None:
            await response.aclose()

    def __del__(self) -> None:
        if self._observer is not None:
            guarded(self._observer.body_ended)

    def __reduce__(self) -> Any:  # a response may be pickled or copied; its copy is not watched
        return _ReadBody, ()


class _Pieces:
    """Pass on the pieces of a body, without the hidden event."""

    def __init__(self, observer: StreamObserver) -> None:
        self._observer = observer
        self._error: BaseException | None = None  # raised once what was held back was read

    def _seen(self, data: bytes) -> bytes:
        if not self._observer.filters_bytes:
            return data
        return self._observer.passed(data)

    def _held_back(self) -> bytes:
        return guarded(self._observer.rest, otherwise=b"") if self._observer.filters_bytes else b""


class _Bytes(_Pieces):
    """Iterate over the pieces of a body."""

    def __init__(self, inner: Iterator[bytes], observer: StreamObserver) -> None:
        super().__init__(observer)
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while True:
            if self._error is not None:
                raise self._error
            try:
                data = next(self._inner)
            except BaseException as error:
                guarded(self._observer.body_ended, error)
                rest = self._held_back()
                if not rest:
                    raise
                self._error = error
                return rest
            guarded(self._observer.bytes_read, data)
            seen = self._seen(data)
            if seen or not data:
                return seen


class _AsyncBytes(_Pieces):
    """Iterate over the pieces of an async body; it differs by `await` alone."""

    def __init__(self, inner: AsyncIterator[bytes], observer: StreamObserver) -> None:
        super().__init__(observer)
        self._inner = inner

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._error is not None:
                raise self._error
            try:
                data = await anext(self._inner)
            except BaseException as error:
                guarded(self._observer.body_ended, error)
                rest = self._held_back()
                if not rest:
                    raise
                self._error = error
                return rest
            guarded(self._observer.bytes_read, data)
            seen = self._seen(data)
            if seen or not data:
                return seen


@functools.cache
def _body_classes(response: Any) -> tuple[type[Any], type[Any], type[Any]]:
    """Make the classes for the HTTP library of a response: httpx2, or httpx in older SDKs."""
    packages = [sys.modules[base.__module__.partition(".")[0]] for base in response.__mro__]
    module: Any = next(found for found in packages if hasattr(found, "SyncByteStream"))
    sync: type[Any] = type("PulseSyncBody", (_SyncBody, module.SyncByteStream), {})
    asynchronous: type[Any] = type("PulseAsyncBody", (_AsyncBody, module.AsyncByteStream), {})
    return sync, asynchronous, module.SyncByteStream


def tap_body(response: Any, observer: StreamObserver) -> None:
    """Watch the body of `response`, unless it is watched."""
    if isinstance(response.stream, _Body):
        return
    if response.is_closed:
        _ReadBody.watch(response, observer)
        return
    sync, asynchronous, sync_base = _body_classes(cast("Any", type(response)))
    chosen = sync if isinstance(response.stream, sync_base) else asynchronous
    response.stream = chosen(response.stream, observer)
