"""Follow what the SDK returned to the one end of the call, whatever way it is left.

The SDK's own objects stay what they are. Two things are replaced inside a stream: the iterator
that it pulls its chunks from, and the body of its HTTP response, whose `close` and `__del__`
tell that the stream was left early (`break`, `close()`, dropped, never iterated). Neither is a
generator: what the SDK gave is closed, dropped and finalised as if we were not there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from pulse_otel.guard import guarded
from pulse_otel.instrumentation.body import StreamObserver, tap_body
from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.raw import follow_raw


def follow(result: Any, call: LlmCall) -> None:
    """Settle `call` with what the SDK returned."""
    if _is_stream(result):
        _tap(result, StreamObserver(call))
    elif hasattr(result, "http_response") and hasattr(result, "parse"):
        follow_raw(result, StreamObserver(call), _settle)
    else:
        call.response(result)


def _settle(value: Any, follower: StreamObserver) -> None:
    """What the user's `parse()` gave is a stream to follow, or the whole response."""
    if _is_stream(value):
        _tap(value, follower)
    else:
        follower.call.response(value)


def _is_stream(result: object) -> bool:
    # The generator behind Stream and AsyncStream has this name in every version of both SDKs.
    return hasattr(type(result), "__stream__")


def _tap(stream: Any, follower: StreamObserver) -> None:
    follower.call.http_response = stream.response
    tap_body(stream.response, follower)
    inner = stream._iterator
    tap = _AsyncChunks if hasattr(inner, "__anext__") else _Chunks
    stream._iterator = tap(inner, follower)


class _Chunks:
    """The SDK's iterator of chunks, watched."""

    def __init__(self, inner: Iterator[Any], follower: StreamObserver) -> None:
        self._inner = inner
        self._follower = follower

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        follower, call = self._follower, self._follower.call
        while True:
            with follower.inside_sdk():
                item = next(self._inner)
            if not guarded(call.chunk, item):
                return item


class _AsyncChunks:
    """The same for an async iterator; differs by `await` alone."""

    def __init__(self, inner: AsyncIterator[Any], follower: StreamObserver) -> None:
        self._inner = inner
        self._follower = follower

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        follower, call = self._follower, self._follower.call
        while True:
            with follower.inside_sdk():
                item = await self._inner.__anext__()
            if not guarded(call.chunk, item):
                return item
