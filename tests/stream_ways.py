"""The ways to leave a stream, each as a function of a run."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
from collections.abc import Awaitable, Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.stream_cases import Kind, context_manager


class UsersError(Exception):
    """Raised by the program, not by the SDK."""


@dataclasses.dataclass
class Run:
    """One way, gone once: what the caller saw."""

    kind: Kind
    client: Any
    spans: InMemorySpanExporter
    stream_type: str = ""
    text: str = ""
    raised: str = ""
    left_open: list[tuple[bool, bool]] = dataclasses.field(default_factory=list)

    def enter(self) -> Any:
        """A stream, without `with`."""
        opened = self.kind.open(self.client)
        return self.entered(opened.__enter__() if context_manager(opened) else opened)

    async def aenter(self) -> Any:
        """The same of an async client."""
        opened = self.kind.open(self.client)
        return self.entered(
            await (opened.__aenter__() if hasattr(opened, "__aenter__") else opened)
        )

    def entered(self, stream: Any) -> Any:
        self.stream_type = f"{type(stream).__module__}.{type(stream).__qualname__}"
        self.open_now()
        return stream

    def open_now(self) -> None:
        """The stream has not been left yet: no span has ended, and none of ours is current."""
        assert self.spans.get_finished_spans() == ()
        assert not trace.get_current_span().get_span_context().is_valid

    def says(self, item: Any) -> bool:
        """Whether `item` says something; notes it."""
        text = self.kind.text(item)
        self.text += text or ""
        return bool(text)

    def seen(self) -> tuple[Any, ...]:
        return self.stream_type, self.text, self.raised, self.left_open


# --- the ways, sync


def consumed(run: Run) -> None:
    for item in run.enter():
        run.says(item)


def broken(run: Run) -> None:
    stream = run.enter()
    for item in stream:
        if run.says(item):
            break
    run.open_now()
    stream.close()


def broken_in_with(run: Run) -> None:
    with run.kind.open(run.client) as stream:
        for item in run.entered(stream):
            if run.says(item):
                break
        run.open_now()


def closed(run: Run) -> None:
    stream = run.enter()
    while not run.says(next(stream)):
        pass
    stream.close()
    stream.close()


def never_iterated(run: Run) -> None:
    stream = run.enter()
    del stream
    gc.collect()


def garbage_collected(run: Run) -> None:
    stream = run.enter()
    while not run.says(next(stream)):
        pass
    run.open_now()
    del stream
    gc.collect()


def users_exception(run: Run) -> None:
    with run.kind.open(run.client) as stream:
        for item in run.entered(stream):
            if run.says(item):
                raise UsersError


# --- the ways, async


async def aconsumed(run: Run) -> None:
    async for item in await run.aenter():
        run.says(item)


async def abroken(run: Run) -> None:
    stream = await run.aenter()
    async for item in stream:
        if run.says(item):
            break
    run.open_now()
    await stream.close()


async def abroken_in_with(run: Run) -> None:
    opened = run.kind.open(run.client)
    async with opened if hasattr(opened, "__aenter__") else await opened as stream:
        async for item in run.entered(stream):
            if run.says(item):
                break
        run.open_now()


async def aclosed(run: Run) -> None:
    stream = await run.aenter()
    while not run.says(await stream.__anext__()):
        pass
    await stream.close()
    await stream.close()


async def anever_iterated(run: Run) -> None:
    stream = await run.aenter()
    del stream
    await _collected()


async def agarbage_collected(run: Run) -> None:
    stream = await run.aenter()
    while not run.says(await stream.__anext__()):
        pass
    run.open_now()
    del stream
    await _collected()


async def ausers_exception(run: Run) -> None:
    opened = run.kind.open(run.client)
    async with opened if hasattr(opened, "__aenter__") else await opened as stream:
        async for item in run.entered(stream):
            if run.says(item):
                raise UsersError


async def cancelled(run: Run) -> None:
    spoken = asyncio.Event()

    async def consume() -> None:
        async for item in await run.aenter():
            if run.says(item):
                spoken.set()

    task = asyncio.ensure_future(consume())
    await spoken.wait()
    task.cancel()
    await task


async def cancelled_in_users_code(run: Run) -> None:
    spoken = asyncio.Event()

    async def consume() -> None:
        opened = run.kind.open(run.client)
        async with opened if hasattr(opened, "__aenter__") else await opened as stream:
            async for item in run.entered(stream):
                if run.says(item):
                    spoken.set()
                    await asyncio.sleep(60)

    task = asyncio.ensure_future(consume())
    await spoken.wait()
    task.cancel()
    await task


async def timed_out(run: Run) -> None:
    stream = await run.aenter()
    while not run.says(await stream.__anext__()):
        pass
    await asyncio.wait_for(stream.__anext__(), 0.001)


async def _collected() -> None:
    """Async generators are closed by the event loop, after they were collected."""
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)


@dataclasses.dataclass(frozen=True)
class Way:
    """What the table says of a way; a pause after the first word keeps a stream from ending."""

    go: Callable[[Run], None] | Callable[[Run], Awaitable[None]]
    arrives: str = "some"  # "all", "some", "nothing"
    error: str | None = None  # error.type; "raised" is the exception that the bare client raises
    cut: bool = False
    pause_s: float = 0.0


WAYS = {
    "consumed": Way(consumed, "all"),
    "break": Way(broken),
    "break in with": Way(broken_in_with),
    "close": Way(closed),
    "never iterated": Way(never_iterated, "nothing"),
    "garbage-collected": Way(garbage_collected),
    "user's exception": Way(users_exception),
    "network cut": Way(consumed, error="raised", cut=True),
    "async consumed": Way(aconsumed, "all"),
    "async break": Way(abroken),
    "async break in with": Way(abroken_in_with),
    "async close": Way(aclosed),
    "async never iterated": Way(anever_iterated, "nothing"),
    "async garbage-collected": Way(agarbage_collected),
    "async user's exception": Way(ausers_exception),
    "async network cut": Way(aconsumed, error="raised", cut=True),
    "task cancelled": Way(cancelled, error="asyncio.CancelledError", pause_s=1.0),
    "task cancelled, in the user's code": Way(
        cancelled_in_users_code, error="asyncio.CancelledError"
    ),
    "timed out": Way(timed_out, error="asyncio.CancelledError", pause_s=1.0),
}
