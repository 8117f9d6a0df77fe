"""What comes from outside is told from what our reading or an object of the program's raises."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest

from pulse_otel.guard import guarded
from pulse_otel.values import plain


class TimeLimit(Exception):
    """Stand for an exception of the program's own."""


class Raising:
    """An object whose text raises, in a function that could be a signal handler."""

    def __str__(self, number: int = 0, frame: object = None) -> str:
        raise TimeLimit


def give_up(number: int, frame: object) -> NoReturn:
    del number, frame
    raise TimeLimit


def decline(number: int, frame: object) -> NoReturn:
    decline_in_turn()


def decline_in_turn() -> NoReturn:
    raise TimeLimit


@pytest.fixture
def alarm() -> Iterator[Callable[[Callable[[int, Any], Any]], None]]:
    before = signal.getsignal(signal.SIGALRM)

    def install(handler: Callable[[int, Any], Any]) -> None:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.02)

    yield install
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def for_ever() -> NoReturn:
    while True:
        plain([{"a": 1}] * 50)


@pytest.mark.usefixtures("not_strict")
@pytest.mark.parametrize("handler", [give_up, decline])
def test_an_alarm_ends_what_is_guarded(handler: Any, alarm: Any) -> None:
    with pytest.raises(TimeLimit):
        alarm(handler)
        guarded(for_ever)


@pytest.mark.usefixtures("not_strict")
def test_what_an_object_of_the_program_raises_is_kept_from_it() -> None:
    future: Future[None] = Future()
    future.set_exception(TimeLimit())

    assert guarded(str, Raising()) is None
    assert guarded(future.result) is None
    assert guarded(Mock(side_effect=TimeLimit)) is None
    assert guarded(give_up, 1, None) is None  # no handler of a signal


@pytest.mark.usefixtures("not_strict")
def test_an_error_of_a_library_is_kept_from_the_program() -> None:
    from pydantic_core import to_json

    assert guarded(to_json, object()) is None  # its code raises it amid ours
