"""Decorated functions: what is recorded of a run, and that the function stays what it was."""

from __future__ import annotations

import abc
import asyncio
import functools
import inspect
import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace as otel
from opentelemetry.trace import SpanKind, StatusCode

from pulse_otel import observe, tool, trace
from tests.conftest import MESSAGES
from tests.units.reading import io, is_child, named

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}


@trace
def module_level(question: str, *, times: int = 1) -> str:
    """Say it again."""
    return question * times


def test_a_function_is_one_span_with_its_arguments_and_its_result(spans: Any) -> None:
    assert module_level("a", times=2) == "aa"
    assert module_level(question="b") == "b"

    first, second = spans.get_finished_spans()
    assert (first.name, first.kind) == ("invoke_workflow module_level", SpanKind.INTERNAL)
    assert first.attributes["gen_ai.workflow.name"] == "module_level"
    assert io(first) == ('{"question":"a","times":2}', "aa")
    assert io(second) == ("b", "b")
    assert first.status.status_code is StatusCode.UNSET


def test_a_decorated_function_keeps_what_others_ask_of_it() -> None:
    assert module_level.__doc__ == "Say it again."
    assert str(inspect.signature(module_level)) == "(question: 'str', *, times: 'int' = 1) -> 'str'"
    assert pickle.loads(pickle.dumps(module_level)) is module_level

    @trace()
    async def asynchronous() -> None: ...
    @trace("g")
    def generator() -> Any:
        yield

    @tool
    async def async_generator() -> Any:
        yield

    assert inspect.iscoroutinefunction(asynchronous)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)
    assert not inspect.iscoroutinefunction(module_level)


def test_calls_and_units_inside_are_children(spans: Any, openai_client: Any) -> None:
    observe(openai_client, "openai")

    @trace("inner")
    def inner() -> None:
        openai_client.chat.completions.create(**GPT)

    @trace("outer")
    def outer() -> None:
        inner()

    outer()

    found = named(spans)
    assert is_child(found["inner"], found["outer"])
    assert is_child(found["gpt-4o-mini"], found["inner"])
    assert not otel.get_current_span().get_span_context().is_valid


def test_async_runs_at_once_are_traces_of_their_own(spans: Any) -> None:
    @tool
    async def step(name: str) -> str:
        await asyncio.sleep(0)
        return name

    @trace("run")
    async def run(name: str) -> list[str]:
        return await asyncio.gather(step(name), step(name))

    async def both() -> Any:
        return await asyncio.gather(run("a"), run("b"))

    assert asyncio.run(both()) == [["a", "a"], ["b", "b"]]

    runs = {io(span)[0]: span for span in spans.get_finished_spans() if "run" in span.name}
    steps = [span for span in spans.get_finished_spans() if "step" in span.name]
    for span in steps:
        name = json.loads(span.attributes["gen_ai.tool.call.arguments"])["name"]
        assert is_child(span, runs[name])
    assert len(steps) == 4
    assert runs["a"].context.trace_id != runs["b"].context.trace_id


class Agent(abc.ABC):
    """Methods of each kind; with either order of the decorators of a class."""

    @trace
    def method(self, question: str) -> str:
        return question

    @trace
    @classmethod
    def outside(cls, question: str) -> str:
        return f"{cls.__name__} {question}"

    @classmethod
    @trace
    def inside(cls, question: str) -> str:
        return f"{cls.__name__} {question}"

    @trace
    @staticmethod
    def static(question: str) -> str:
        return question

    @property
    @trace
    def value(self) -> str:
        return "v"

    @trace
    @abc.abstractmethod
    def abstract(self) -> None: ...

    @trace
    def __call__(self, question: str) -> str:
        return question


class Concrete(Agent):
    def abstract(self) -> None: ...


@pytest.mark.parametrize(
    ("call", "name", "expected"),
    [
        (lambda agent: agent.method("q"), "Agent.method", ("q", "q")),
        (lambda agent: agent.outside("q"), "Agent.outside", ("q", "Concrete q")),
        (lambda agent: type(agent).inside("q"), "Agent.inside", ("q", "Concrete q")),
        (lambda agent: agent.static("q"), "Agent.static", ("q", "q")),
        (lambda agent: type(agent).static("q"), "Agent.static", ("q", "q")),
        (lambda agent: agent.value, "Agent.value", (None, "v")),
        (lambda agent: agent("q"), "Agent.__call__", ("q", "q")),
    ],
)
def test_methods_of_every_kind_are_recorded_without_their_receiver(
    call: Callable[[Any], str], name: str, expected: tuple[Any, Any], spans: Any
) -> None:
    assert call(Concrete()) == expected[1]

    (span,) = spans.get_finished_spans()
    assert span.attributes["gen_ai.workflow.name"] == name
    assert io(span) == expected


def test_an_abstract_method_stays_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Agent()  # type: ignore[abstract]


def test_an_error_is_raised_untouched_and_marks_the_span(spans: Any) -> None:
    error = ValueError("my customer's secret")

    @trace
    def fails() -> None:
        raise error

    with pytest.raises(ValueError) as raised:  # noqa: PT011
        fails()

    assert raised.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "ValueError"
    assert "secret" not in str(span.to_json())


@pytest.mark.parametrize(
    ("error", "fails"),
    [
        (KeyboardInterrupt(), True),
        (asyncio.CancelledError(), True),
        (SystemExit(3), True),
        (SystemExit(0), False),
        (SystemExit(), False),
    ],
)
def test_what_counts_as_a_failure(error: BaseException, fails: bool, spans: Any) -> None:
    with pytest.raises(type(error)), trace("ends"):
        raise error

    (span,) = spans.get_finished_spans()
    assert (span.status.status_code is StatusCode.ERROR) is fails


def test_a_cancelled_task_is_recorded_as_one_that_failed(spans: Any) -> None:
    @trace
    async def waits() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    (span,) = spans.get_finished_spans()
    assert span.attributes["error.type"] == "asyncio.CancelledError"


def test_a_wrong_call_raises_what_the_function_raises(spans: Any) -> None:
    with pytest.raises(TypeError, match=r"module_level\(\) missing 1 required"):
        module_level()  # type: ignore[call-arg]


def test_a_function_that_returns_a_coroutine_lasts_until_it_is_awaited(spans: Any) -> None:
    async def inner() -> str:
        with trace("inner"):
            return "done"

    @trace("outer")
    def returns() -> Any:
        return inner()

    assert asyncio.run(returns()) == "done"

    found = named(spans)
    assert is_child(found["inner"], found["outer"])
    assert io(found["outer"]) == (None, "done")


def test_partial_functions_objects_and_builtins_can_be_decorated(spans: Any) -> None:
    assert trace(functools.partial(module_level.__wrapped__, "a"))() == "a"  # type: ignore[attr-defined]
    assert trace(Concrete().method)("m") == "m"
    assert trace("len")(len)([1, 2]) == 2

    async def double(number: int) -> int:
        return 2 * number

    assert asyncio.run(trace(functools.partial(double, 2))()) == 4

    names = [span.name.partition(" ")[2] for span in spans.get_finished_spans()]
    assert names[0] == "module_level"
    assert "len" in names


@pytest.mark.parametrize("decorator", [trace, tool])
@pytest.mark.parametrize("wrong", [3, object(), Concrete, property(lambda self: 1)])
def test_what_cannot_be_decorated_is_refused(decorator: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"^{decorator.__name__}: "):
        decorator(wrong)
    with pytest.raises(TypeError, match=f"^{decorator.__name__}: "):
        decorator("name")(wrong)


def test_a_decorated_function_runs_in_threads(spans: Any) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(module_level, "abcd")) == list("abcd")

    found = spans.get_finished_spans()
    assert sorted(io(span)[1] or "" for span in found) == list("abcd")
    assert len({span.context.trace_id for span in found}) == 4


def test_the_methods_of_a_cached_function_are_kept(spans: Any) -> None:
    @trace
    @functools.lru_cache
    def cached(number: int) -> int:
        return number

    assert (cached(1), cached(1)) == (1, 1)
    assert cached.cache_info().hits == 1
    cached.cache_clear()
    assert cached.cache_info().hits == 0
    assert len(spans.get_finished_spans()) == 2
