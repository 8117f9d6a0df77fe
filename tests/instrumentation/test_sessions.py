"""Sessions, users and metadata: whose word wins, and how they travel."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import observe, session
from tests.conftest import KEY, MESSAGES

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    pulse_otel.init_pulse(
        {"api_key": KEY, "api_url": "http://127.0.0.1:9", "tracer_provider": provider}
    )
    yield memory
    pulse_otel.shutdown(0)


def _said(memory: InMemorySpanExporter) -> list[tuple[Any, Any, Any]]:
    """Session, user and metadata of each span."""
    found: list[tuple[Any, Any, Any]] = []
    for span in memory.get_finished_spans():
        attributes = span.attributes or {}
        assert attributes.get("gen_ai.conversation.id") == attributes.get("session.id")
        metadata = json.loads(str(attributes.get("pulse.metadata", "null")))
        found.append((attributes.get("session.id"), attributes.get("user.id"), metadata))
    return found


def test_a_block_labels_its_calls_and_nothing_else(openai_client: Any, spans: Any) -> None:
    observe(openai_client, "openai")

    with session("s1", user_id="u1", metadata={"feature": "chat"}):
        openai_client.chat.completions.create(**GPT)
    openai_client.chat.completions.create(**GPT)

    assert _said(spans) == [("s1", "u1", {"feature": "chat"}), (None, None, None)]


def test_call_wins_over_client_over_inner_over_outer_block(openai_client: Any, spans: Any) -> None:
    outer = session("outer", user_id="u", metadata={"a": 1, "b": 1})
    with outer, session("inner", metadata={"b": 2, "c": 2}):
        observe(openai_client, "openai")
        openai_client.chat.completions.create(**GPT)
        observe(openai_client, "openai", {"session_id": "client", "metadata": {"c": 3}})
        openai_client.chat.completions.create(**GPT)
        openai_client.chat.completions.create(
            **GPT, pulse_session_id="call", pulse_user_id="v", pulse_metadata={"c": 4}
        )

    assert _said(spans) == [
        ("inner", "u", {"a": 1, "b": 2, "c": 2}),
        ("client", "u", {"a": 1, "b": 2, "c": 3}),
        ("call", "v", {"a": 1, "b": 2, "c": 4}),
    ]


def test_decorated_functions_are_blocks_sync_and_async(openai_client: Any, spans: Any) -> None:
    observe(openai_client, "openai")

    @session("plain")
    def plain() -> None:
        openai_client.chat.completions.create(**GPT)

    @session("async")
    async def asynchronous() -> str:
        await asyncio.sleep(0)
        openai_client.chat.completions.create(**GPT)
        return "result"

    async def both() -> list[str]:
        async with session("around"):
            return await asyncio.gather(asynchronous(), asynchronous())

    plain()
    assert asyncio.run(both()) == ["result", "result"]

    assert [said[0] for said in _said(spans)] == ["plain", "async", "async"]
    assert plain.__name__ == "plain"


def test_a_generator_is_refused_with_the_remedy() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="use `with` in it"):
        session("s")(numbers)


def test_baggage_names_the_session_too(openai_client: Any, spans: Any) -> None:
    observe(openai_client, "openai")
    token = otel_context.attach(baggage.set_baggage("session.id", "from-baggage"))
    try:
        openai_client.chat.completions.create(**GPT)
    finally:
        otel_context.detach(token)

    assert _said(spans) == [("from-baggage", None, None)]


def test_a_thread_has_the_session_if_it_is_handed_the_context(
    openai_client: Any, spans: Any
) -> None:
    observe(openai_client, "openai")
    with session("s1"):
        context = contextvars.copy_context()
    call = lambda: openai_client.chat.completions.create(**GPT)  # noqa: E731

    for target in (lambda: context.run(call), call):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()

    assert [said[0] for said in _said(spans)] == ["s1", None]


def test_one_object_serves_threads_at_once_and_leaves_nothing_behind(
    openai_client: Any, spans: Any
) -> None:
    observe(openai_client, "openai")
    shared, both = session("shared"), threading.Barrier(2, timeout=10)

    def block(order: tuple[int, int]) -> None:
        with shared:
            both.wait()
            if order[0] > order[1]:  # the one that entered last need not leave first
                both.wait()
        if order[0] < order[1]:
            both.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(block, [(0, 1), (1, 0)]))
        list(pool.map(lambda _: openai_client.chat.completions.create(**GPT), range(2)))

    assert [said[0] for said in _said(spans)] == [None, None]


def test_a_callable_that_gives_something_to_await_is_in_the_block(
    openai_client: Any, spans: Any
) -> None:
    observe(openai_client, "openai")

    async def later() -> None:
        openai_client.chat.completions.create(**GPT)

    asyncio.run(session("s1")(lambda: later())())

    assert [said[0] for said in _said(spans)] == ["s1"]


def test_a_class_is_refused() -> None:
    with pytest.raises(TypeError, match="decorate a class's methods"):
        session("s")(dict)


@pytest.mark.parametrize("what", [lambda: None, test_a_class_is_refused, type, len])
def test_a_decorator_without_parentheses_is_refused_at_once(what: Any) -> None:
    with pytest.raises(TypeError, match=r"parentheses: @session\(\.\.\.\)"):
        session(what)
