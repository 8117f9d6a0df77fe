"""An exception that a signal handler raises while we work reaches the program, and the span ends.

The signal strikes in functions of ours and of OpenTelemetry's: at some
points of each kind of call by default, at every one in the long form.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import signal
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

import opentelemetry
import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel.instrumentation.recorder import recorders
from tests.conftest import MESSAGES, Clients

_OURS = str(Path(pulse_otel.__file__).parent)
_OTEL = str(next(iter(opentelemetry.__path__)))
_OTHERS = (str(Path(_OTEL).parent), __file__)  # the SDKs and this test
_KEPT = f"{_OTEL}/sdk/trace/export/"  # the test's own exporter: OpenTelemetry logs its errors


_RESUMED = inspect.CO_GENERATOR | inspect.CO_COROUTINE  # no handler runs as these go on


def _is_watched(frame: FrameType | None) -> bool:
    """Whether we called the code, or called OpenTelemetry or the standard library for it."""
    ours = False
    while frame is not None:
        file = frame.f_code.co_filename
        if frame.f_code.co_name == "__del__":  # the interpreter keeps to itself what it raises
            return False
        if file.startswith(_OURS):
            ours = True
        elif (file.startswith(_OTHERS) and not file.startswith(_OTEL)) or file.startswith(_KEPT):
            return ours
        frame = frame.f_back
    return False


def _inside(frame: FrameType | None, functions: tuple[str, ...]) -> bool:
    while frame is not None:
        if frame.f_code.co_name in functions and frame.f_code.co_filename.startswith(_OTEL):
            return True
        frame = frame.f_back
    return False


class TimeLimit(Exception):
    """Stand for Celery's SoftTimeLimitExceeded and its like."""


class Strike:
    """Raise a signal as the main thread enters the `point`-th function of ours.

    Since Python 3.11, handlers run there, after calls and in loops, and never between two lines.
    """

    def __init__(self, point: int | None) -> None:
        self.point = point
        self.functions = 0
        self.where = ""
        self.inside_opentelemetry = False

    def __enter__(self) -> Strike:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, argument: object) -> None:
        entered = event == "call" and not frame.f_code.co_flags & _RESUMED
        if entered and _is_watched(frame):
            self.functions += 1
            if self.functions == self.point:
                code, caller = frame.f_code, frame.f_back
                line = None if caller is None else caller.f_lineno
                self.where = f"{code.co_filename}:{code.co_qualname}, called in line {line}"
                self.inside_opentelemetry = _inside(frame, ("start_span", "end"))
                signal.raise_signal(signal.SIGUSR1)


class Open(SpanProcessor):
    """Hold the spans that have not ended."""

    def __init__(self) -> None:
        self.spans: dict[int, str] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.spans[id(span)] = span.name

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.clear()  # one at a time is open


def plain(error: BaseException) -> Any:
    def handle(number: int, frame: object) -> None:
        raise error

    return handle


def restoring(error: BaseException) -> Any:
    def handle(number: int, frame: object) -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        raise error

    return handle


def partial_method(error: BaseException) -> Any:
    return partial(_Handler(error).handle, "more")


def of_any_arguments(error: BaseException) -> Any:
    def handle(*arguments: object) -> None:
        raise error

    return lru_cache(handle)


def inherited_call(error: BaseException) -> Any:
    return _HandlerBelow(error)


def a_class(error: BaseException) -> Any:
    class Handle:
        def __init__(self, number: int, frame: object) -> None:
            raise error

    return Handle


class _Handler:
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def handle(self, more: str, number: int, frame: object) -> None:
        raise self._error

    def __call__(self, number: int, frame: object) -> None:
        raise self._error


class _HandlerBelow(_Handler):
    pass


HANDLERS = (plain, restoring, partial_method, of_any_arguments, inherited_call, a_class)


@pytest.fixture
def handler() -> Iterator[Callable[..., None]]:
    before = signal.getsignal(signal.SIGUSR1)

    def install(error: BaseException, kind: Callable[[BaseException], Any] = plain) -> None:
        signal.signal(signal.SIGUSR1, kind(error))

    yield install
    signal.signal(signal.SIGUSR1, before)


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


# SystemExit ends the event loop amid its tasks, with or without us.
ERRORS = (TimeLimit, TimeoutError, RuntimeError, ValueError)
ALL_ERRORS = (*ERRORS, SystemExit, KeyboardInterrupt)
KINDS = (chat, chat_with_tools, chat_stream, chat_raw, message, chat_async)


def _points(functions: int, most: int) -> list[int]:
    return sorted({1 + functions * n // most for n in range(most)})


@pytest.mark.parametrize(
    "most", [pytest.param(30), pytest.param(10_000, marks=pytest.mark.long)], ids=["some", "all"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_signal_handler_raises_ends_the_call(
    kind: Callable[[Clients], Callable[[], object]],
    most: int,
    clients: Clients,
    spans: InMemorySpanExporter,
    handler: Callable[..., None],
) -> None:
    left_open = Open()
    assert recorders.observed is not None
    recorders.observed.provider().add_span_processor(left_open)
    call = kind(clients)
    call()
    with Strike(None) as whole:
        call()
    assert whole.functions > 100
    errors = ERRORS if kind is chat_async else ALL_ERRORS
    swallowed: list[str] = []
    for n, point in enumerate(_points(whole.functions, most)):
        error = errors[n // 2 % len(errors)]("of the program")
        handler(error, HANDLERS[n % len(HANDLERS)])
        raised = False
        with Strike(point) as strike:
            try:
                call()
            except BaseException as caught:  # noqa: BLE001 - the error, or another
                raised = caught is error
        error.__traceback__ = error.__context__ = None  # they hold what the call left behind
        if strike.where and not raised:
            swallowed.append(f"{type(error).__name__} at {strike.where}")
        if trace.get_current_span().get_span_context().is_valid:
            swallowed.append(f"the span is still current: {strike.where}")
        if left_open.spans:
            gc.collect()
        # A span whose start or end is interrupted is out of our reach.
        if left_open.spans and not strike.inside_opentelemetry:
            swallowed.append(f"the span is open: {strike.where}")
    assert swallowed == []
    handler(TimeLimit("late"))
    spans.clear()
    call()
    assert len(spans.get_finished_spans()) == 1
