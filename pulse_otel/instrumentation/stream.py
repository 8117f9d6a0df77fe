"""Follow a stream to its one end, whatever way it is left.

The SDK's own stream object stays what it is. Two things are replaced inside it: the iterator
that it pulls its chunks from, and the body of its HTTP response, whose `close` and `__del__`
tell that the stream was left early (`break`, `close()`, dropped, never iterated).
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.guard import guarded


class _Follower:
    """Knows whether we are inside the SDK's `next()`: a body closed there is a normal end."""

    def __init__(self, call: LlmCall) -> None:
        self.call = call
        self.pulling = False
        self.settled = False

    @contextlib.contextmanager
    def parsing(self) -> Generator[None]:
        """The user's `parse()` may read and close the body: that is no early end."""
        self.pulling = True
        try:
            yield
        except BaseException as error:
            self.call.finish(error)
            raise
        finally:
            self.pulling = False

    def body_left(self) -> None:
        if not self.pulling:
            self.call.finish()


def follow(result: Any, call: LlmCall) -> Any:
    """Settle `call` with what the SDK returned; returns `result` itself."""
    if _is_stream(result):
        guarded(_tap, result, _Follower(call))
    elif hasattr(result, "http_response") and hasattr(result, "parse"):
        guarded(_follow_raw, result, call)
    else:
        call.http_response = None
        call.response(result)
    return result


def _is_stream(result: Any) -> bool:
    # The generator behind Stream and AsyncStream has this name in every version of both SDKs.
    return hasattr(type(result), "__stream__")


def _tap(stream: Any, follower: _Follower) -> None:
    follower.call.http_response = stream.response
    inner = stream._iterator
    chunks = _async_chunks if hasattr(inner, "__anext__") else _chunks
    stream._iterator = chunks(inner, follower)
    _tap_body(stream.response, follower)


def _chunks(inner: Iterator[Any], follower: _Follower) -> Iterator[Any]:
    call = follower.call
    try:
        while True:
            follower.pulling = True
            try:
                item = next(inner)
            except StopIteration:
                break
            finally:
                follower.pulling = False
            call.chunk(item)
            if not call.hidden(item):
                yield item
    except GeneratorExit:
        call.finish()
        raise
    except BaseException as error:
        call.finish(error)
        raise
    call.finish()


async def _async_chunks(inner: AsyncIterator[Any], follower: _Follower) -> AsyncIterator[Any]:
    call = follower.call
    try:
        while True:
            follower.pulling = True
            try:
                item = await inner.__anext__()
            except StopAsyncIteration:
                break
            finally:
                follower.pulling = False
            call.chunk(item)
            if not call.hidden(item):
                yield item
    except GeneratorExit:
        call.finish()
        raise
    except BaseException as error:
        call.finish(error)
        raise
    call.finish()


class _Body:
    """The response body, with an ear for its end. `elapsed` and the rest are the body's own."""

    def __init__(self, body: Any, follower: _Follower) -> None:
        self._body = body
        self._follower = follower

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_body", "_follower"):
            raise AttributeError(name)
        return getattr(self._body, name)

    def __del__(self) -> None:
        follower = self.__dict__.get("_follower")
        if follower is not None:
            follower.body_left()


class _SyncBody(_Body):
    def __iter__(self) -> Iterator[bytes]:
        yield from self._body

    def close(self) -> None:
        self._follower.body_left()
        self._body.close()


class _AsyncBody(_Body):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._body:
            yield data

    async def aclose(self) -> None:
        self._follower.body_left()
        await self._body.aclose()


@functools.cache
def _body_classes(package: str) -> tuple[type[Any], type[Any], type[Any]]:
    """Bodies of the HTTP library that made the response: httpx2, or httpx in older SDKs."""
    module = sys.modules[package]
    sync: type[Any] = type("PulseSyncBody", (_SyncBody, module.SyncByteStream), {})
    asynchronous: type[Any] = type("PulseAsyncBody", (_AsyncBody, module.AsyncByteStream), {})
    return sync, asynchronous, module.SyncByteStream


def _tap_body(response: Any, follower: _Follower) -> None:
    if response.is_closed or isinstance(response.stream, _Body):
        return
    package = type(response).__module__.partition(".")[0]
    sync, asynchronous, sync_base = _body_classes(package)
    chosen = sync if isinstance(response.stream, sync_base) else asynchronous
    response.stream = chosen(response.stream, follower)


def _follow_raw(raw: Any, call: LlmCall) -> None:
    """`with_raw_response` / `with_streaming_response`: read only what is already here.

    A body that was read is recorded at once. Otherwise nothing is parsed by us: we look at
    what the user's own `parse()` returns, and at the end of the body.
    """
    http_response = raw.http_response
    call.http_response = http_response
    if http_response.is_closed:
        call.response(guarded(http_response.json) or {})
        return
    follower = _Follower(call)
    _tap_body(http_response, follower)
    parse = raw.parse
    settle = functools.partial(_settle, follower)
    if inspect.iscoroutinefunction(parse):

        @functools.wraps(parse)
        async def parse_async(*args: Any, **kwargs: Any) -> Any:
            with follower.parsing():
                return settle(await parse(*args, **kwargs))

        raw.parse = parse_async
    else:

        @functools.wraps(parse)
        def parse_sync(*args: Any, **kwargs: Any) -> Any:
            with follower.parsing():
                return settle(parse(*args, **kwargs))

        raw.parse = parse_sync


def _settle(follower: _Follower, value: Any) -> Any:
    """Once: what the user's `parse()` gave is a stream to follow, or the whole response."""
    if not follower.settled:
        follower.settled = True
        if _is_stream(value):
            guarded(_tap, value, follower)
        else:
            follower.call.response(value)
    return value
