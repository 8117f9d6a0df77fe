"""A signal that strikes between two lines of a hook leaves nothing of the call in the context.

Python runs handlers after the call before; a debugger or profiler raises between lines as well.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count, takewhile
from types import FrameType
from typing import Any, NoReturn

import pytest
from opentelemetry import context

import pulse_otel
from pulse_otel.instrumentation import request
from tests.conftest import MESSAGES, Clients
from tests.instrumentation.strikes import TimeLimit

HOOK = (request.__file__, "request")


def give_up(number: int, frame: object) -> NoReturn:
    raise TimeLimit


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.signal(signal.SIGUSR1, give_up)
    yield
    signal.signal(signal.SIGUSR1, before)


class Between:
    """Strike before the `point`-th line that runs in a hook."""

    def __init__(self, point: int) -> None:
        self.point, self.lines, self.where = point, 0, 0

    def __enter__(self) -> Between:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        return self._line if (code.co_filename, code.co_name) == HOOK else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines == self.point:
                self.where = frame.f_lineno
                signal.raise_signal(signal.SIGUSR1)
        return self._line


def plain(clients: Clients, point: int) -> tuple[int, bool]:
    """Return the line that was struck, 0 for none, and whether the context is as it was."""
    client = pulse_otel.observe(clients.openai(), provider="openai")
    before = context.get_current()
    with suppress(TimeLimit), Between(point) as between:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    return between.where, context.get_current() == before


def in_a_loop(clients: Clients, point: int) -> tuple[int, bool]:
    import openai

    async def go() -> tuple[int, bool]:
        before = context.get_current()
        async with openai.AsyncOpenAI(
            api_key="k", base_url=clients.openai().base_url, max_retries=0
        ) as client:
            pulse_otel.observe(client, provider="openai")
            with suppress(TimeLimit), Between(point) as between:
                await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        return between.where, context.get_current() == before

    return asyncio.run(go())


@pytest.mark.usefixtures("spans")
@pytest.mark.parametrize("call", [plain, in_a_loop])
def test_nothing_of_the_call_is_left_in_the_context(
    call: Callable[[Clients, int], tuple[int, bool]], clients: Clients
) -> None:
    struck = list(takewhile(lambda found: found[0], (call(clients, n) for n in count(1))))

    assert len(struck) > 5
    assert [line for line, as_before in struck if not as_before] == []
