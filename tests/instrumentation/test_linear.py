"""What recording takes of the caller's thread grows no faster than the call itself.

Only the CPU time within the package counts, which is under `guarded` or in what keeps a chunk: the
SDKs take far more.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider

import pulse_otel
from pulse_otel import guard
from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.tools import tool_calls
from tests.conftest import KEY
from tests.instrumentation import long_exchanges as long

_LEAST_ROUNDS, _MOST_ROUNDS = 3, 12
_LEAST_S = 0.0005  # a shorter time is mostly that of any call
_MOST = 6  # linear time gives about 4, quadratic time about 16
_BOUND = 20_000  # of content, where it is exceeded by both sizes

Made = tuple[Any, dict[str, Any]]
"""A client whose every request is answered in this process, and the arguments of the call."""


class OwnTime:
    """The CPU time of this thread within `guarded`, from outside of it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False

    def guarded(self, function: Callable[..., Any], *args: Any, **otherwise: Any) -> Any:
        if self._inside:
            return guard.guarded(function, *args, **otherwise)
        self._inside, begin = True, time.thread_time()
        try:
            return guard.guarded(function, *args, **otherwise)
        finally:
            self._inside = False
            self.seconds += time.thread_time() - begin

    def adding(self, call: Any, add_piece: Callable[..., bool]) -> None:
        """Count what adds the pieces of `call`."""
        call.pieces = lambda *args: self.guarded(add_piece, *args)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> OwnTime:
    pulse_otel.observe(openai.OpenAI(api_key="k"), provider="openai")
    pulse_otel.observe(anthropic.Anthropic(api_key="k"), provider="anthropic")
    time_of_ours = OwnTime()
    for name, module in list(sys.modules.items()):
        ours = name.startswith("pulse_otel.") and module is not guard
        if ours and vars(module).get("guarded") is guard.guarded:
            monkeypatch.setattr(module, "guarded", time_of_ours.guarded)
    chunk = LlmCall.chunk
    monkeypatch.setattr(LlmCall, "chunk", lambda *args: time_of_ours.guarded(chunk, *args))
    pieces = property(lambda call: call.pieces, time_of_ours.adding)
    monkeypatch.setattr(LlmCall, "add_piece", pieces, raising=False)
    return time_of_ours


@pytest.fixture
def init() -> Iterator[Callable[..., None]]:
    """`init_pulse` with a pipeline of the user's that holds no span."""

    def start(**settings: Any) -> None:
        provider = TracerProvider(shutdown_on_exit=False)
        pulse_otel.init_pulse(
            {"api_key": KEY, "api_url": "http://127.0.0.1:9"}, tracer_provider=provider, **settings
        )
        provider._active_span_processor._span_processors = ()

    yield start
    pulse_otel.shutdown(0)


def client_of(exchange: long.Exchange, asynchronous: bool = False) -> Any:
    """Return an observed client that gets the exchange's reply."""
    kind = "text/event-stream" if exchange.streams else "application/json"
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, content=exchange.reply, headers={"content-type": kind})
    )
    sdk: Any = anthropic if exchange.api == "messages" else openai
    http: Any = httpx2.AsyncClient if asynchronous else httpx2.Client
    name = "Anthropic" if exchange.api == "messages" else "OpenAI"
    make = getattr(sdk, f"Async{name}" if asynchronous else name)
    made = make(api_key="k", max_retries=0, http_client=http(transport=transport))
    return pulse_otel.observe(made, provider=name.lower())


def method(client: Any, exchange: long.Exchange, raw: bool = False) -> Any:
    resource = client.chat.completions if exchange.api == "chat" else getattr(client, exchange.api)
    return (resource.with_raw_response if raw else resource).create


def sync(exchange: long.Exchange) -> Callable[[], object]:
    client = client_of(exchange)
    return lambda: read(method(client, exchange)(**exchange.request), exchange)


def read(reply: Any, exchange: long.Exchange) -> None:
    for _ in reply if exchange.streams else ():
        pass


def raw_parsed(exchange: long.Exchange) -> Callable[[], object]:
    client = client_of(exchange)
    return lambda: read(method(client, exchange, raw=True)(**exchange.request).parse(), exchange)


def raw_bytes(exchange: long.Exchange) -> Callable[[], object]:
    client = client_of(exchange)

    def call() -> None:
        for _ in method(client, exchange, raw=True)(**exchange.request).http_response.iter_bytes():
            pass

    return call


def asynchronous(exchange: long.Exchange) -> Callable[[], object]:
    client = client_of(exchange, asynchronous=True)

    async def call() -> None:
        reply = await method(client, exchange)(**exchange.request)
        if exchange.streams:
            async for _ in reply:
                pass

    assert inspect.iscoroutinefunction(call)
    return lambda: asyncio.run(call())


def growth(own: OwnTime, make: Callable[[int], long.Exchange], way: Any, count: int) -> float:
    """Return how many times the time for `count` that for four times as many is, each at best.

    A busy machine makes some rounds slower, so more of them follow while it is not below `_MOST`.
    """
    calls = [way(make(size)) for size in (count, 4 * count)]
    best = [float("inf")] * 2
    for finished in range(1, _MOST_ROUNDS + 1):
        for at, call in enumerate(calls):
            own.seconds = 0.0
            call()
            best[at] = min(best[at], own.seconds)
        found = best[1] / max(best[0], _LEAST_S)
        if finished >= _LEAST_ROUNDS and found < _MOST:
            break
    return found


@pytest.mark.parametrize("name", long.EXCHANGES)
def test_recording_takes_linear_time(name: str, own: OwnTime, init: Callable[..., None]) -> None:
    make, count = long.EXCHANGES[name]
    init()

    assert growth(own, make, sync, count) < _MOST


@pytest.mark.parametrize("name", ["messages", "tools", "results", "extra body", "Anthropic blocks"])
@pytest.mark.parametrize("settings", [{"capture_content": False}, {"max_content_bytes": _BOUND}])
def test_so_it_does_without_content_and_above_its_bound(
    name: str, settings: dict[str, Any], own: OwnTime, init: Callable[..., None]
) -> None:
    make, count = long.EXCHANGES[name]
    init(**settings)

    assert growth(own, make, sync, count) < _MOST


@pytest.mark.parametrize("way", [raw_parsed, raw_bytes, asynchronous])
@pytest.mark.parametrize("name", ["chunks", "tool calls", "Responses events", "Anthropic events"])
def test_so_it_does_whichever_way_the_answer_is_read(
    name: str, way: Any, own: OwnTime, init: Callable[..., None]
) -> None:
    make, count = long.EXCHANGES[name]
    init()

    assert growth(own, make, way, count) < _MOST


def test_so_it_does_for_tools_whose_results_are_known(
    own: OwnTime, init: Callable[..., None]
) -> None:
    """The answer asks for n tools, and the next request brings their results."""
    init()

    def round_trip(count: int) -> Callable[[], object]:
        asked, brought = long.tool_calls(count), long.results(count)
        ask, bring = sync(asked), sync(brought)

        def call() -> None:
            ask()
            bring()

        return call

    assert growth(own, round_trip, lambda call: call, 60) < _MOST  # type: ignore[arg-type]
    assert tool_calls.waiting
