"""One exchange with a scripted server in this process, and everything that its caller sees."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import context as otel_context

from tests.reply_strategies import Reply
from tests.shapes import error_shape, shape
from tests.strategies import fresh

_UNIQUE_HEADERS = {"idempotency-key"}


@dataclass
class Wire:
    """The server's side: the script, what was sent to it, and what became of its answers."""

    http: Any  # httpx2, or httpx: whatever the SDK uses
    script: list[Reply] = field(default_factory=list[Reply])
    requests: list[Any] = field(default_factory=list[Any])
    bodies: list[Body] = field(default_factory=list["Body"])

    def restart(self, script: list[Reply]) -> None:
        self.script, self.requests, self.bodies = script, [], []

    def answer(self, request: Any, content: bytes) -> Any:
        headers = [item for item in request.headers.multi_items() if item[0] not in _UNIQUE_HEADERS]
        self.requests.append((request.method, str(request.url), headers, content))
        reply = self.script[min(len(self.requests), len(self.script)) - 1]
        if reply.fails == "connect":
            raise self.http.ConnectError("refused", request=request)
        pieces = [*reply.pieces, reply.end_with_usage if b"include_usage" in content else reply.end]
        body = self.body(pieces, reply.fails == "read")
        self.bodies.append(body)
        return self.http.Response(reply.status, headers=reply.headers, stream=body)

    def body(self, pieces: list[bytes], fails: bool) -> Body:
        kind = type("Body", (Body, self.http.SyncByteStream, self.http.AsyncByteStream), {})
        made: Body = kind()
        made.pieces, made.error = pieces, self.http.ReadError("reset") if fails else None
        return made


class Body:
    """The body of an answer, which knows how much of it was read, and whether it was closed."""

    pieces: list[bytes]
    error: Exception | None
    read = 0
    closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.read += 1
            yield piece
        if self.error:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            await asyncio.sleep(0)
            yield piece

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


def connect(make: Any) -> tuple[Any, Wire]:
    """A client of class `make`, and the wire that it is on."""
    http = importlib.import_module(make(api_key="k").base_url.__class__.__module__.split(".")[0])
    wire = Wire(http)

    class Sync(http.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            return wire.answer(request, request.read())

    class Async(http.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        async def handle_async_request(self, request: Any) -> Any:
            content = await request.aread()
            await asyncio.sleep(0)
            return wire.answer(request, content)

    if make.__name__.startswith("Async"):
        return make(
            api_key="k", max_retries=0, http_client=http.AsyncClient(transport=Async())
        ), wire
    return make(api_key="k", max_retries=0, http_client=http.Client(transport=Sync())), wire


@dataclass(frozen=True)
class Call:
    """What the caller does: the method, its arguments as a recipe, and what comes of the result."""

    sdk: str
    method: str  # create | stream | parse
    arguments: Any
    mode: str = ""  # "" | with_raw_response | with_streaming_response
    reads: tuple[str, ...] = ("parse",)  # of a raw response
    take: int = 99  # chunks of a stream
    leave: str = ""  # how a stream is left: "" | close | with | drop
    retries: int = 0


class Caller:
    """A user's program, written once for sync and async clients; `seen` is all it gets to see."""

    def __init__(self, client: Any, call: Call, extra: dict[str, Any]) -> None:
        self.client = client
        self.call = call
        self.arguments = fresh(call.arguments)
        self.extra = extra
        self.seen: list[Any] = []
        self._around = otel_context.get_current()

    def note(self, what: str, value: Any) -> None:
        self.seen.append((what, shape(value), otel_context.get_current() == self._around))

    async def run(self) -> None:
        try:
            await self._call()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            self.seen.append(("raised", error_shape(error)))

    async def _call(self) -> None:
        call = self.call
        client = self.client.with_options(max_retries=call.retries) if call.retries else self.client
        resource = client.chat.completions if call.sdk == "openai" else client.messages
        resource = getattr(resource, call.mode) if call.mode else resource
        made = getattr(resource, call.method)(**self.arguments, **self.extra)
        self.note("returned", type(made).__qualname__)
        await self._use(await _settled(made))

    async def _use(self, result: Any) -> None:
        if hasattr(type(result), "__stream__"):
            await self._stream(result)
        elif hasattr(result, "__enter__") or hasattr(result, "__aenter__"):
            async with _entered(result) as inside:
                await (
                    self._raw(inside) if hasattr(inside, "http_response") else self._helper(inside)
                )
        elif hasattr(result, "http_response"):
            await self._raw(result)
        else:
            self.note("result", result)

    async def _stream(self, stream: Any) -> None:
        self.note("stream", type(stream).__qualname__)
        if self.call.leave == "with":
            async with _entered(stream) as same:
                self.note("same", same is stream)
                await self._take(same)
            return
        await self._take(stream)
        if self.call.leave == "close":
            await _settled(stream.close())
        self.note("closed", self.call.leave != "drop" and stream.response.is_closed)

    async def _take(self, chunks: Any) -> None:
        taken = 0
        iterator = aiter(chunks) if hasattr(chunks, "__aiter__") else iter(chunks)
        while taken < self.call.take:
            try:
                item = await anext(iterator) if hasattr(iterator, "__anext__") else next(iterator)
            except (StopIteration, StopAsyncIteration):
                self.note("end", None)
                return
            self.note("chunk", item)
            taken += 1

    async def _helper(self, stream: Any) -> None:
        self.note("helper", type(stream).__qualname__)
        await self._take(stream)
        for name in ("current_completion_snapshot", "current_message_snapshot"):
            if self.call.leave == "close" and hasattr(stream, name):
                self.note(name, getattr(stream, name))
        for name in ("get_final_completion", "get_final_message"):
            if self.call.leave == "with" and hasattr(stream, name):
                self.note(name, await _settled(getattr(stream, name)()))

    async def _raw(self, raw: Any) -> None:
        self.note("raw", (type(raw).__qualname__, raw.status_code, sorted(raw.headers.items())))
        for name in self.call.reads:
            if name in ("iter_lines", "iter_bytes"):
                await self._take(getattr(raw, name)())
                continue
            found = getattr(raw, name, None)
            value = await _settled(found() if callable(found) else found)
            self.note(name, type(value))
            await self._use(value)


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


@contextlib.asynccontextmanager
async def _entered(manager: Any) -> AsyncIterator[Any]:
    if hasattr(manager, "__aenter__"):
        async with manager as inside:
            yield inside
    else:
        with manager as inside:
            yield inside


class Steps:
    """An awaitable that counts how often what it runs is suspended."""

    def __init__(self, coroutine: Any) -> None:
        self._coroutine = coroutine
        self.count = 0

    def __await__(self) -> Generator[Any, Any, None]:
        wait = self._coroutine.__await__()
        for step in wait:
            self.count += 1
            yield step


class _AtOnce(ThreadPoolExecutor):
    """Runs what it is given in the thread that gives it."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done = Future[Any]()
        done.set_result(fn(*args, **kwargs))
        return done


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop without threads.

    From Python 3.14 on, a caller is suspended while a thread works only if it does not finish
    first; the number of steps would be a matter of chance.
    """
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_AtOnce())
    return loop


@dataclass
class Outcome:
    """What a caller saw, what the server saw, and what else happened in the process."""

    seen: list[Any]
    arguments: Any
    requests: list[Any]
    bodies: list[tuple[int, int]]
    steps: int
    warnings: list[Any]
    unraisable: list[Any]


def run(
    client: Any, wire: Wire, script: list[Reply], call: Call, loop: Any, extra: dict[str, Any]
) -> Outcome:
    """Let the caller's program run to its end, and nothing of it be left.

    Python collects no garbage by itself meanwhile: the moment would decide in which order, and in
    which thread, what was dropped is closed.
    """
    wire.restart(script)
    unraisable: list[Any] = []
    before, sys.unraisablehook = (
        sys.unraisablehook,
        lambda args: unraisable.append(error_shape(args.exc_value)),
    )
    gc.disable()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            caller = Caller(client, call, extra)
            steps = Steps(caller.run())
            loop.run_until_complete(_to_the_end(steps))
            if call.leave == "drop" or call.take < 99:
                gc.collect()
                loop.run_until_complete(_to_the_end(asyncio.sleep(0)))
    finally:
        gc.enable()
        sys.unraisablehook = before
    return Outcome(
        caller.seen,
        shape(caller.arguments),
        wire.requests,
        [(body.read, body.closed) for body in wire.bodies],
        steps.count,
        [(w.category, str(w.message), w.filename, w.lineno) for w in caught],
        unraisable,
    )


async def _to_the_end(work: Awaitable[Any]) -> None:
    """Await `work`, and the tasks by which the loop closes what was dropped.

    The loop makes a task in the step after the dropping, and the task may drop more: the end is
    where no other task is there twice in a row.
    """
    await work
    idle = 0
    while idle < 2:
        await asyncio.sleep(0)
        idle = idle + 1 if len(asyncio.all_tasks()) == 1 else 0
