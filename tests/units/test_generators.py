"""Decorated generators: the span lasts until the end, and is current in the body alone."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import inspect
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.trace import StatusCode

from pulse_otel import current_trace_id, session, trace
from tests.units.reading import io, is_child, named


@pytest.fixture(autouse=True)
def no_complaint(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """OpenTelemetry logs a context that cannot be detached."""
    yield
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []


@trace("words")
def words(*given: str) -> Iterator[str]:
    for word in given:
        with trace(word):
            yield word


@trace("async words")
async def async_words(*given: str) -> AsyncIterator[str]:
    for word in given:
        await asyncio.sleep(0)
        with trace(word):
            yield word


def _tree(spans: Any, root: str) -> None:
    found = named(spans)
    for name, span in found.items():
        if name != root:
            assert is_child(span, found[root]), name


def test_a_generator_is_one_span_with_what_it_yielded(spans: Any) -> None:
    assert list(words("a", "b")) == ["a", "b"]

    _tree(spans, "words")
    assert io(named(spans)["words"]) == ('{"given":["a","b"]}', "ab")


def test_an_async_generator_is_one_span_with_what_it_yielded(spans: Any) -> None:
    async def read() -> list[str]:
        return [word async for word in async_words("a", "b")]

    assert asyncio.run(read()) == ["a", "b"]

    _tree(spans, "async words")
    assert io(named(spans)["async words"])[1] == "ab"


def test_nothing_of_a_generator_is_current_in_its_consumer(spans: Any) -> None:
    @trace("body")
    def body() -> Iterator[str | None]:
        with session("inside"), trace("inner"):
            yield current_trace_id()
            yield current_trace_id()

    with trace("consumer"):
        here, context = current_trace_id(), otel_context.get_current()
        for seen in body():
            assert seen == here  # it started here, and is a child
            assert otel_context.get_current() is context
            with trace("between"):
                pass

    inner, between = (
        [span for span in spans.get_finished_spans() if name in span.name]
        for name in ("inner", "between")
    )
    (consumer,) = [span for span in spans.get_finished_spans() if "consumer" in span.name]
    assert all(is_child(span, consumer) for span in between)
    assert {span.attributes["session.id"] for span in between} == {
        consumer.attributes["session.id"]  # it had none of its own
    }
    assert inner[0].attributes["session.id"] == "inside"


def test_tasks_beside_an_async_generator_see_nothing_of_it(spans: Any) -> None:
    async def main() -> None:
        async with trace("main"):
            here, seen = otel.get_current_span(), []

            async def other() -> None:
                for _ in range(6):
                    seen.append(otel.get_current_span() is here)
                    await asyncio.sleep(0)

            beside = asyncio.create_task(other())
            async for _ in async_words("a", "b"):
                assert otel.get_current_span() is here
            await beside
            assert seen == [True] * 6

    asyncio.run(main())
    assert io(named(spans)["async words"])[1] == "ab"


def test_what_is_sent_thrown_and_returned_passes_through(spans: Any) -> None:
    @trace("talk")
    def talk() -> Any:
        heard = []
        while len(heard) < 2:
            try:
                heard.append((yield len(heard)))
            except KeyError as error:
                heard.append(error)
        return heard

    def delegate() -> Any:
        return (yield from talk())

    generator, error = delegate(), KeyError("k")
    assert next(generator) == 0
    assert generator.send("hello") == 1
    with pytest.raises(StopIteration) as stopped:
        generator.throw(error)

    assert stopped.value.value == ["hello", error]
    (span,) = spans.get_finished_spans()
    assert io(span) == (None, "[0,1]")


def test_a_body_that_ignores_its_end_fails_as_without_us(spans: Any) -> None:
    @trace
    def stubborn() -> Iterator[int]:
        while True:
            with contextlib.suppress(GeneratorExit):
                yield 1

    generator = stubborn()
    next(generator)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        generator.close()
    sys.unraisablehook, hook = (lambda _: None), sys.unraisablehook
    del generator
    gc.collect()
    sys.unraisablehook = hook


def test_each_item_may_be_fetched_in_another_thread(spans: Any) -> None:
    """As web frameworks do with the body of a streamed response: a thread and a context each."""
    generator, got = words("a", "b", "c"), []

    def fetch() -> None:
        got.append(next(generator, None))

    for _ in range(4):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(fetch,))
        thread.start()
        thread.join()

    assert got == ["a", "b", "c", None]
    _tree(spans, "words")


def test_a_generator_may_be_closed_in_another_context(spans: Any) -> None:
    generator = words("a", "b")
    contextvars.copy_context().run(next, generator)
    contextvars.copy_context().run(generator.close)

    assert set(named(spans)) == {"words", "a"}


@pytest.mark.parametrize("kind", ["decorated", "block"])
def test_an_async_generator_may_be_closed_in_another_task(kind: str, spans: Any) -> None:
    async def plain(*given: str) -> AsyncIterator[str]:
        with trace("async words"):
            for word in given:
                yield word

    async def main() -> None:
        generator: Any = (async_words if kind == "decorated" else plain)("a", "b")
        await generator.__anext__()
        await asyncio.create_task(generator.aclose())

    asyncio.run(main())

    assert named(spans)["async words"].status.status_code is StatusCode.UNSET


def test_an_async_generator_that_is_left_ends_with_its_loop(spans: Any) -> None:
    async def main() -> None:
        async for _ in async_words("a", "b"):
            break

    asyncio.run(main())

    _tree(spans, "async words")
    assert io(named(spans)["async words"])[1] == "a"


def test_a_cancelled_consumer_ends_an_async_generator_as_failed(spans: Any) -> None:
    @trace("waits")
    async def waits() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async def main() -> None:
        async def read() -> None:
            async for _ in waits():
                pass

        task = asyncio.create_task(read())
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    (span,) = spans.get_finished_spans()
    assert span.attributes["error.type"] == "asyncio.CancelledError"


# What a consumer does to a generator, one after the other.
STEPS = st.lists(st.sampled_from(["next", "send", "throw", "close"]), min_size=1, max_size=8)


def _talker() -> Any:
    heard: list[Any] = []
    while len(heard) < 4:
        try:
            heard.append((yield list(heard)))
        except KeyError:
            heard.append("error")
    return heard


def _driven(generator: Any, steps: list[str]) -> list[Any]:
    """What each step gives or raises."""
    seen: list[Any] = []
    for step in steps:
        try:
            if step == "send":
                seen.append(generator.send("s"))
            elif step == "throw":
                seen.append(generator.throw(KeyError("k")))
            else:
                seen.append(next(generator) if step == "next" else generator.close())
        except BaseException as error:  # noqa: BLE001 - what it raises is compared
            seen.append((type(error), str(error), getattr(error, "value", None)))
    return seen


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_a_decorated_generator_does_what_the_bare_one_does(spans: Any, steps: list[str]) -> None:
    assert _driven(trace("t")(_talker)(), steps) == _driven(_talker(), steps)
    assert inspect.getgeneratorstate(trace("t")(_talker)()) == inspect.GEN_CREATED
