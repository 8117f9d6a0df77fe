"""A time limit of the program's, raised by a signal handler, ends a unit and reaches its caller."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from opentelemetry import context as otel_context

from pulse_otel import trace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGALRM")


class TimeIsUpError(Exception):
    """What the program's handler raises."""


@pytest.fixture
def interrupted() -> Iterator[Callable[[Any, int], Any]]:
    """Runs a function, and a handler in it once, at its n-th line of Python of ours or its own."""

    def handler(number: int, frame: FrameType | None) -> None:
        raise TimeIsUpError

    def run(function: Any, at: int) -> Any:
        left = at

        def lines(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal left
            if "/pulse_otel/units/" not in frame.f_code.co_filename:
                return None
            left -= 1
            if left == 0:
                sys.settrace(None)
                signal.raise_signal(signal.SIGALRM)
            return lines

        sys.settrace(lines)
        try:
            return function()
        finally:
            sys.settrace(None)

    before = signal.signal(signal.SIGALRM, handler)
    yield run
    signal.signal(signal.SIGALRM, before)


@trace
def function() -> str:
    return "done"


@trace
def _generator() -> Iterator[str]:
    yield "done"


def block() -> str:
    with trace("block"):
        return "done"


def generator() -> str:
    return "".join(_generator())


@pytest.mark.parametrize(("form", "unguarded"), [(function, 0), (block, 3), (generator, 0)])
def test_wherever_a_time_limit_strikes_the_unit_is_not_left_current(
    form: Any, unguarded: int, interrupted: Any, spans: Any
) -> None:
    """But between `__enter__` and `__exit__`, where no block can help itself."""
    before, at, struck = otel_context.get_current(), 0, 0
    left_current = []
    while True:
        at += 1
        try:
            interrupted(form, at)
        except TimeIsUpError:
            struck += 1
        else:
            break
        if otel_context.get_current() is not before:
            left_current.append(at)
            otel_context.attach(before)

    assert struck > 30
    assert len(left_current) <= unguarded
