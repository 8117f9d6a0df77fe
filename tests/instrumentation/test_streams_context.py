"""Streams in a program: each call its own span with the right parent, and nothing leaks."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.stream_cases import KINDS, TEXT, Kind, client_of, context_manager

_USERS = TracerProvider(shutdown_on_exit=False).get_tracer("user")


@pytest.fixture(params=[name for name in KINDS if "beta" not in name])
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def client(kind: Kind, provider: Any, spans: Any) -> Iterator[Any]:
    client = client_of(kind, provider, asynchronous=False, observed=True)
    provider.enqueue(*[kind.reply(TEXT)] * 3)
    yield client
    client.close()


def _open(kind: Kind, client: Any) -> Any:
    opened = kind.open(client)
    return opened.__enter__() if context_manager(opened) else opened


def _parents(spans: InMemorySpanExporter) -> list[int | None]:
    return [span.parent.span_id if span.parent else None for span in spans.get_finished_spans()]


def test_two_streams_at_once(kind: Kind, client: Any, spans: InMemorySpanExporter) -> None:
    with _USERS.start_as_current_span("first"):
        first = _open(kind, client)
    with _USERS.start_as_current_span("second") as parent:
        second = _open(kind, client)
        list(first)
        list(second)

    ids = {span.get_span_context().span_id for span in spans.get_finished_spans()}
    assert len(ids) == 2
    assert len(set(_parents(spans))) == 2
    assert _parents(spans)[1] == parent.get_span_context().span_id
    for span in spans.get_finished_spans():
        assert TEXT in span.attributes["gen_ai.output.messages"]


def test_a_call_inside_the_loop(kind: Kind, client: Any, spans: InMemorySpanExporter) -> None:
    before = otel_context.get_current()
    with _USERS.start_as_current_span("user") as user:
        outer = _open(kind, client)
        for _ in outer:
            assert trace.get_current_span() is user
            if not spans.get_finished_spans():
                list(_open(kind, client))

    assert otel_context.get_current() == before
    assert _parents(spans) == [user.get_span_context().span_id] * 2


def test_it_outlives_the_function_that_opened_it(
    kind: Kind, client: Any, spans: InMemorySpanExporter
) -> None:
    def opened() -> tuple[Any, int]:
        with _USERS.start_as_current_span("function") as user:
            return _open(kind, client), user.get_span_context().span_id

    stream, parent = opened()
    with _USERS.start_as_current_span("later"):
        list(stream)

    assert _parents(spans) == [parent]


def test_consumed_in_another_thread(kind: Kind, client: Any, spans: InMemorySpanExporter) -> None:
    with _USERS.start_as_current_span("user") as user:
        stream = _open(kind, client)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(list, stream).result()
        list(_open(kind, client))

    assert _parents(spans) == [user.get_span_context().span_id, None]
    assert TEXT in spans.get_finished_spans()[0].attributes["gen_ai.output.messages"]


def test_consumed_in_another_task(
    kind: Kind, provider: Any, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    provider.enqueue(*[kind.reply(TEXT)] * 2)

    async def opened(client: Any) -> Any:
        stream = kind.open(client)
        return await (stream.__aenter__() if hasattr(stream, "__aenter__") else stream)

    async def consume(stream: Any) -> None:
        async for _ in stream:
            assert not trace.get_current_span().get_span_context().is_valid

    async def main() -> int:
        async with client_of(kind, provider, asynchronous=True, observed=True) as client:
            with _USERS.start_as_current_span("user") as user:
                stream = await asyncio.create_task(opened(client))
            await asyncio.create_task(consume(stream))
            await consume(await opened(client))
        return user.get_span_context().span_id

    assert _parents(spans) == []
    parent = asyncio.run(main())
    assert _parents(spans) == [parent, None]
    assert "detach" not in caplog.text


def test_an_open_connection_keeps_nothing_of_the_call(
    kind: Kind, provider: Any, spans: InMemorySpanExporter
) -> None:
    """An event loop keeps the context that a connection was opened in, as long as it is open."""
    provider.enqueue(kind.reply(TEXT))

    async def main() -> Any:
        async with client_of(kind, provider, asynchronous=True, observed=True) as client:
            opened = kind.open(client)
            stream = await (opened.__aenter__() if hasattr(opened, "__aenter__") else opened)
            async for _ in stream:
                pass
            response = weakref.ref(getattr(stream, "response", None) or stream._response)
            del opened, stream
            for _ in range(10):  # the SDK itself may still be at work on the end of the body
                await asyncio.sleep(0.01)
                gc.collect()
                if response() is None:
                    break
            return response()

    assert asyncio.run(main()) is None
