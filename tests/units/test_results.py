"""What a decorated function returns is handed on as it is: not asked, not replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

from pulse_otel import paused, session, tool, trace
from pulse_otel.units import decorating

DECORATORS: list[Callable[[Any], Any]] = [
    trace,
    trace("named", capture_input=False, capture_output=False),
    tool,
    session("s-1"),
    paused(),
]


class Lazy:
    """A proxy as web frameworks have them: whoever asks for its class loads what is behind it."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("loaded")

    def __await__(self) -> Generator[Any, Any, Any]:
        raise RuntimeError("loaded")


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_lazy_proxy_is_returned_and_not_loaded(decorator: Any, spans: Any) -> None:
    proxy = Lazy()

    assert decorator(lambda: proxy)() is proxy


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_future_stays_the_one_that_the_program_made(decorator: Any, spans: Any) -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        future.set_result(3)
        found = decorator(lambda: future)()
        assert found is future
        assert await found == 3

    asyncio.run(main())


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_coroutine_of_a_plain_function_is_awaited_inside(decorator: Any, spans: Any) -> None:
    from opentelemetry.context import get_current

    async def body() -> Any:
        return get_current()

    async def main() -> tuple[Any, Any]:
        return get_current(), await decorator(lambda: body())()

    outside, inside = asyncio.run(main())

    assert inside != outside


def test_what_holds_a_coroutine_is_collected_silently_if_its_beginning_was_interrupted() -> None:
    """A signal handler may raise before it has anything."""
    decorating._Waiting.__new__(decorating._Waiting).__del__()
