"""The body of an HTTP response, watched: how a stream was left is seen nowhere else."""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, cast

from pulse_otel.guard import guarded
from pulse_otel.instrumentation.call import LlmCall

# No errors of a stream: its end, and a generator or coroutine that is closed.
_ENDS = (StopIteration, StopAsyncIteration, GeneratorExit)
_CANCELLATIONS = ("CancelledError", "Cancelled")  # asyncio's, trio's


class StreamObserver:
    """What becomes of a call after the SDK returned: the one who is told, and ends it."""

    def __init__(self, call: LlmCall) -> None:
        self.call = call
        self.reads_bytes: Callable[[bytes], None] | None = None
        self.before_end: Callable[[], None] | None = None
        self._inside = False

    # `inside_sdk()` is a context manager without a generator: it runs once for each chunk.
    def inside_sdk(self) -> StreamObserver:
        """The SDK reads or parses: a body that it closes meanwhile is no early end."""
        return self

    def __enter__(self) -> None:
        self._inside = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inside = False
        if error is not None:
            guarded(self._end, error)

    def bytes_read(self, data: bytes) -> None:
        """The user reads the body without the SDK's parser."""
        if not self._inside and self.reads_bytes:
            self.reads_bytes(data)

    def body_failed(self, error: BaseException) -> None:
        """Inside the SDK its own exception counts, which comes next."""
        if not self._inside:
            self._end(error)

    def body_closed(self) -> None:
        """By the user, or by a `with` block: then a cancellation may be what ends it."""
        if not self._inside:
            error = sys.exc_info()[1]
            self._end(error if type(error).__name__ in _CANCELLATIONS else None)

    def body_dropped(self) -> None:
        """Nobody holds the stream any more."""
        if not self._inside:
            self._end(None)

    def _end(self, error: BaseException | None) -> None:
        if self.before_end:
            guarded(self.before_end)
        self.call.finish(None if isinstance(error, _ENDS) else error)


class _Body:
    """`elapsed` and the rest are the body's own."""

    def __init__(self, body: Any, follower: StreamObserver) -> None:
        self._body = body
        self._follower = follower

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_body", "_follower"):
            raise AttributeError(name)
        return getattr(self._body, name)

    def __del__(self) -> None:
        follower = self.__dict__.get("_follower")
        if follower is not None:
            guarded(follower.body_dropped)


class _SyncBody(_Body):
    def __iter__(self) -> Iterator[bytes]:
        return _Bytes(iter(self._body), self._follower)

    def close(self) -> None:
        guarded(self._follower.body_closed)
        self._body.close()


class _AsyncBody(_Body):
    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsyncBytes(aiter(self._body), self._follower)

    async def aclose(self) -> None:
        guarded(self._follower.body_closed)
        await self._body.aclose()


class _Bytes:
    """The pieces of a body, watched."""

    def __init__(self, inner: Iterator[bytes], follower: StreamObserver) -> None:
        self._inner = inner
        self._follower = follower

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            data = next(self._inner)
        except StopIteration:
            raise
        except BaseException as error:
            guarded(self._follower.body_failed, error)
            raise
        guarded(self._follower.bytes_read, data)
        return data


class _AsyncBytes:
    """The same for an async body; differs by `await` alone."""

    def __init__(self, inner: AsyncIterator[bytes], follower: StreamObserver) -> None:
        self._inner = inner
        self._follower = follower

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await anext(self._inner)
        except StopAsyncIteration:
            raise
        except BaseException as error:
            guarded(self._follower.body_failed, error)
            raise
        guarded(self._follower.bytes_read, data)
        return data


@functools.cache
def _body_classes(response: Any) -> tuple[type[Any], type[Any], type[Any]]:
    """Bodies of the HTTP library whose response it is: httpx2, or httpx in older SDKs."""
    packages = [sys.modules[base.__module__.partition(".")[0]] for base in response.__mro__]
    module: Any = next(found for found in packages if hasattr(found, "SyncByteStream"))
    sync: type[Any] = type("PulseSyncBody", (_SyncBody, module.SyncByteStream), {})
    asynchronous: type[Any] = type("PulseAsyncBody", (_AsyncBody, module.AsyncByteStream), {})
    return sync, asynchronous, module.SyncByteStream


def tap_body(response: Any, follower: StreamObserver) -> None:
    """Watch the body of `response`, unless it was read already or is watched."""
    if response.is_closed or isinstance(response.stream, _Body):
        return
    sync, asynchronous, sync_base = _body_classes(cast("Any", type(response)))
    chosen = sync if isinstance(response.stream, sync_base) else asynchronous
    response.stream = chosen(response.stream, follower)
