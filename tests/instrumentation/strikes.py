"""Raise an exception from outside at chosen points of a call, while we work."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import opentelemetry
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

import pulse_otel
from tests.conftest import MESSAGES, Clients

_OURS = str(Path(pulse_otel.__file__).parent)
_OTEL = str(next(iter(opentelemetry.__path__)))
_OTHERS = (str(Path(_OTEL).parent), __file__)  # the SDKs and the tests' calls
_KEPT = f"{_OTEL}/sdk/trace/export/"  # the test's own exporter: OpenTelemetry logs its errors


_RESUMED = inspect.CO_GENERATOR | inspect.CO_COROUTINE  # no handler runs as these go on


def _is_watched(frame: FrameType | None) -> bool:
    """Whether we called the code, or called OpenTelemetry or the standard library for it."""
    ours, decided = False, False
    while frame is not None:
        file = frame.f_code.co_filename
        if frame.f_code.co_name == "__del__":  # the interpreter keeps to itself what it raises
            return False
        if file.startswith(_OURS):
            ours = ours or not decided
        elif (file.startswith(_OTHERS) and not file.startswith(_OTEL)) or file.startswith(_KEPT):
            decided = True
        frame = frame.f_back
    return ours and decided


def _inside(frame: FrameType | None, functions: tuple[str, ...]) -> bool:
    while frame is not None:
        if frame.f_code.co_name in functions and frame.f_code.co_filename.startswith(_OTEL):
            return True
        frame = frame.f_back
    return False


class TimeLimit(Exception):
    """Stand for Celery's SoftTimeLimitExceeded and its like."""


class Strike:
    """Call `raising` as the main thread enters the `point`-th function of ours.

    Since Python 3.11, handlers run there, after calls and in loops, and never between two lines.
    """

    def __init__(self, point: int | None, raising: Callable[[], object]) -> None:
        self.point = point
        # An item that is not there: Python looks for no exception of another thread between the
        # making of it and the return, as it does after a call.
        self._raising: defaultdict[str, object] = defaultdict(raising)
        self.functions = 0
        self.where = ""
        self.inside_opentelemetry = False

    def __enter__(self) -> Strike:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        entered = event == "call" and not frame.f_code.co_flags & _RESUMED
        if entered and _is_watched(frame):
            self.functions += 1
            if self.functions == self.point:
                code, caller = frame.f_code, frame.f_back
                line = None if caller is None else caller.f_lineno
                self.where = f"{code.co_filename}:{code.co_qualname}, called in line {line}"
                self.inside_opentelemetry = _inside(frame, ("start_span", "end"))
                del frame, code, caller  # not even this function holds what it interrupts
                return self._raising["now"] and None
        return None


class Open(SpanProcessor):
    """Hold the spans that have not ended."""

    def __init__(self) -> None:
        self.spans: dict[int, str] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.spans[id(span)] = span.name

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.clear()  # one at a time is open


def chat(clients: Clients) -> Callable[[], object]:
    client = pulse_otel.observe(clients.openai(), provider="openai")
    return lambda: client.chat.completions.create(model="gpt-4o", messages=MESSAGES)


def chat_with_tools(clients: Clients) -> Callable[[], object]:
    client = pulse_otel.observe(clients.openai(), provider="openai")
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}}
    tools: Any = [{"type": "function", "function": function}]
    return lambda: client.chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=tools)


def chat_stream(clients: Clients) -> Callable[[], object]:
    client = pulse_otel.observe(clients.openai(), provider="openai")

    def go() -> None:
        with client.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, stream=True
        ) as stream:
            for _ in stream:
                pass

    return go


def chat_raw(clients: Clients) -> Callable[[], object]:
    client = pulse_otel.observe(clients.openai(), provider="openai")
    create = client.chat.completions.with_raw_response.create
    return lambda: create(model="gpt-4o", messages=MESSAGES).parse()


def message(clients: Clients) -> Callable[[], object]:
    client = pulse_otel.observe(clients.anthropic(), provider="anthropic")
    return lambda: client.messages.create(model="claude", max_tokens=9, messages=MESSAGES)


def chat_async(clients: Clients) -> Callable[[], object]:
    import openai

    async def go() -> None:
        async with openai.AsyncOpenAI(
            api_key="k", base_url=clients.openai().base_url, max_retries=0
        ) as client:
            pulse_otel.observe(client, provider="openai")
            await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    return lambda: asyncio.run(go())


KINDS = (chat, chat_with_tools, chat_stream, chat_raw, message, chat_async)


def points(functions: int, most: int) -> list[int]:
    return sorted({1 + functions * n // most for n in range(most)})
