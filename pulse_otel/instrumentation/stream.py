"""Observe the SDK's result until the call ends, in whatever way.

The SDK's own objects are returned. Two objects are replaced inside a stream: the iterator of its
chunks, and the body of its HTTP response, whose `close` and `__del__` show that the stream was
left early (`break`, `close()`, dropped, never iterated). Neither is a generator, so that the
SDK's objects are closed, dropped and finalised as they are without us.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from pulse_otel.guard import guarded, kept
from pulse_otel.instrumentation.body import StreamObserver, tap_body
from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.chunk_times import AsyncTimedChunks, TimedChunks
from pulse_otel.instrumentation.raw import observe_raw


def observe_result(result: Any, call: LlmCall) -> None:
    """Record the SDK's result: now, or as the caller reads it."""
    if not call.recording:
        call.finish()
    elif hasattr(result, "__pydantic_fields_set__"):
        call.response(result)  # a model; it takes long to say that it has no such attribute
    elif _is_stream(result):
        _tap(result, StreamObserver(call))
    elif hasattr(result, "http_response") and hasattr(result, "parse"):
        observe_raw(result, StreamObserver(call), _settle)
    else:
        call.response(result)


def _settle(value: Any, observer: StreamObserver) -> None:
    """Record the result of the user's `parse()`: a stream, or the whole response."""
    if _is_stream(value):
        _tap(value, observer)
    else:
        observer.call.response(value)


def _is_stream(result: object) -> bool:
    # The generator behind Stream and AsyncStream has this name in every version of both SDKs.
    return hasattr(type(result), "__stream__")


def _tap(stream: Any, observer: StreamObserver) -> None:
    observer.call.head_arrived(stream.response)
    tap_body(stream.response, observer)
    inner = stream._iterator
    tap = _AsyncChunks if hasattr(inner, "__anext__") else _Chunks
    if tap is _Chunks and not hasattr(inner, "__iter__"):  # another library's, with no more
        inner = iter(inner.__next__, observer)
    stream._iterator = tap(inner, observer)
    if observer.call.measured is not None:
        timed = AsyncTimedChunks if tap is _AsyncChunks else TimedChunks
        stream._iterator = timed(stream._iterator, observer.call.measured.chunk_times)


class _Tap:
    """Stand for the SDK's iterator; the stream ends, at the latest, when nobody holds this."""

    def __init__(self, inner: Any, observer: StreamObserver) -> None:
        self._inner = inner
        self._observer = observer

    def __del__(self) -> None:
        # There is none if a signal handler's exception struck as this began.
        observer: StreamObserver | None = self.__dict__.get("_observer")
        if observer is not None:
            guarded(observer.body_ended)


class _Chunks(_Tap):
    """Iterate over the SDK's chunks."""

    def __iter__(self) -> Iterator[Any]:
        # A generator goes on in a third of the time that a call of a method takes. The program may
        # close it: the next one goes on where it was.
        observer, call = self._observer, self._observer.call
        add_piece, chunks = call.add_piece, call.chunks
        try:
            observer.inside = True  # as `inside_sdk` does, without three calls for each chunk
            for item in self._inner:
                observer.inside = False
                try:
                    if not add_piece(item, chunks):
                        if call.chunk(item):
                            observer.inside = True
                            continue
                        add_piece = call.add_piece
                except Exception as error:  # as `guarded` does, without its two calls
                    if not kept(error, call.chunk):
                        raise
                yield item
                observer.inside = True
            observer.left_sdk(StopIteration())
        except BaseException as error:
            if observer.inside:  # else the program closes this
                observer.inside = False  # first: a signal handler may keep us from the rest
                observer.left_sdk(error)
            raise

    def __next__(self) -> Any:
        for item in self:
            return item
        raise StopIteration


class _AsyncChunks(_Tap):
    """Iterate over the chunks of an async stream.

    This is no generator: the event loop would hear of it, and close it in a task of its own.
    """

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        observer, call = self._observer, self._observer.call
        while True:
            try:
                observer.inside = True
                item = await self._inner.__anext__()
                observer.inside = False
            except BaseException as error:
                observer.inside = False  # first, as above
                observer.left_sdk(error)
                raise
            try:
                if call.add_piece(item, call.chunks) or not call.chunk(item):
                    return item
            except Exception as error:  # as above
                if not kept(error, call.chunk):
                    raise
                return item
