"""Type-checked, never run: what is decorated keeps its signature and its kind.

A wrong call is found, or the comment that expects it is.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar, overload

from typing_extensions import Never, assert_type

from pulse_otel import (
    RecordedCall,
    Unit,
    current_trace_id,
    last_call,
    session,
    tool,
    trace,
    trace_url,
)

T = TypeVar("T")


@trace
def bare(question: str, *, times: int = 1) -> list[str]:
    """Take a text and a keyword."""
    return [question] * times


@trace()
async def parentheses(question: str) -> int:
    """Return a number later."""
    return len(question)


@trace("named", summary="A title", capture_input=False, capture_output=False)
def generator(count: int) -> Iterator[int]:
    """Yield numbers."""
    yield from range(count)


@tool
async def async_generator(count: int) -> AsyncIterator[str]:
    """Yield texts."""
    for number in range(count):
        yield str(number)


@trace
@functools.lru_cache
def cached(number: int) -> int:
    """Compute a number once."""
    return number


cached.cache_clear()


class Thing:
    """Be no function."""


def refused() -> None:
    """Decorate a class, which raises."""
    assert_type(trace(Thing), Never)


def refused_too() -> None:
    """Decorate a class, which raises."""
    assert_type(tool(Thing), Never)


@session("s")
@tool("generic")
def generic(value: T) -> T:
    """Return what it is given."""
    return value


@overload
def either(value: int) -> int: ...
@overload
def either(value: str) -> str: ...
@trace
def either(value: Any) -> Any:
    """Return what it is given."""
    return value


class Agent:
    """Methods of each kind."""

    @trace
    def method(self, question: str) -> str:
        """Return a text."""
        return question

    @classmethod
    @trace
    def of_class(cls, question: str) -> str:
        """Return a text."""
        return question

    @staticmethod
    @trace("static")
    def static(question: str) -> str:
        """Return a text."""
        return question

    @trace
    @staticmethod
    def around_static(question: str) -> str:
        """Return a text."""
        return question

    @trace
    @classmethod
    def around_class(cls, question: str) -> str:
        """Return a text."""
        return question

    @property
    @trace
    def value(self) -> int:
        """Return a number."""
        return 1


def sync(agent: Agent) -> None:
    """What comes back has its own type, and wrong arguments are errors."""
    assert_type(bare("q", times=2), list[str])
    assert_type(generator(2), Iterator[int])
    assert_type(generic(b""), bytes)
    assert_type((either(1), either("a")), tuple[int, str])
    assert_type((agent.method("q"), Agent.of_class("q"), agent.static("q")), tuple[str, str, str])
    assert_type((agent.around_static("q"), Agent.around_class("q")), tuple[str, str])
    assert_type(agent.value, int)
    bare(1)  # type: ignore[arg-type]
    bare("q", time=2)  # type: ignore[call-arg]
    agent.method()  # type: ignore[call-arg]
    trace("n", sumary="s")  # type: ignore[call-overload]
    trace(1)  # type: ignore[call-overload]


async def asynchronous() -> None:
    """A block gives a unit, sync and async."""
    assert_type(await parentheses("q"), int)
    async for text in async_generator(2):
        assert_type(text, str)
    async with trace("work") as unit:
        assert_type(unit, Unit)
    with tool("search", call_id="call_1") as unit:
        unit.input = {"query": "q"}
        unit.output = ["a"]
        assert_type(unit.trace_id, "str | None")
    assert_type(current_trace_id(), "str | None")
    call: RecordedCall | None = last_call()
    for address in (trace_url(), trace_url(call), trace_url(unit.trace_id)):
        assert_type(address, "str | None")
