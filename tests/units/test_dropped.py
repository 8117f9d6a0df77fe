"""A run that cannot begin, or that the program drops, is recorded, and Python warns as ever."""

from __future__ import annotations

import asyncio
import gc
import inspect
import warnings
from typing import Any

import pytest

from pulse_otel import trace


def test_wrong_arguments_of_a_coroutine_are_an_error_of_the_run(spans: Any) -> None:
    @trace
    async def work(question: str) -> str:
        return question

    with pytest.raises(TypeError, match="question"):
        asyncio.run(work())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

    (span,) = spans.get_finished_spans()
    assert span.status.status_code.name == "ERROR"
    assert span.attributes["error.type"] == "TypeError"


async def body() -> int:
    return 3


@trace
def plain() -> Any:
    return body()


def test_a_dropped_coroutine_of_a_plain_function_is_a_failed_run(spans: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plain()
        gc.collect()

    assert [str(warning.message) for warning in caught] == ["coroutine 'body' was never awaited"]
    caught.clear()  # each holds its coroutine
    gc.collect()
    (span,) = spans.get_finished_spans()
    assert span.status.status_code.name == "ERROR"
    assert span.attributes["error.type"].endswith("NeverAwaited")


def test_a_coroutine_that_the_program_closes_is_a_failed_run_without_a_warning(spans: Any) -> None:
    plain().close()

    (span,) = spans.get_finished_spans()
    assert span.status.status_code.name == "ERROR"


def test_a_coroutine_of_a_plain_function_stays_one_with_its_name(spans: Any) -> None:
    made = plain()

    assert inspect.iscoroutine(made)
    assert (made.__name__, made.__qualname__) == ("body", "body")
    assert asyncio.run(made) == 3
    (span,) = spans.get_finished_spans()
    assert span.status.status_code.name == "UNSET"
