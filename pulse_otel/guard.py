"""The one broad ``except``: an error of ours ends neither a call of the program nor a worker.

An exception that a signal handler of the program raised meanwhile is none of ours. A handler may
run between any two steps of the main thread: a time limit (`signal.alarm`, Celery's soft limit)
ends what it interrupts by an exception, and would end nothing if we kept it.
"""

from __future__ import annotations

import functools
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from enum import Enum
from types import CodeType
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast, overload

from pulse_otel.log import rate_limited

T = TypeVar("T")
D = TypeVar("D")


class _Failure(Enum):
    FAILED = "failed"


FAILED: Final = _Failure.FAILED
"""What `guarded` may be told to return for an error, where None is a result."""
Failed: TypeAlias = Literal[_Failure.FAILED]

_internal_errors = 0


def internal_errors() -> int:
    """Return how many errors of our own were kept from the program so far."""
    return _internal_errors


@overload
def guarded(function: Callable[..., T], *args: object) -> T | None: ...
@overload
def guarded(function: Callable[..., T], *args: object, otherwise: D) -> T | D: ...
def guarded(function: Callable[..., T], *args: object, otherwise: object = None) -> object:
    """Return `function(*args)`, or `otherwise` if it raises: counted, logged once a minute.

    The log line names the function and the kind of the error only: the error's text may quote
    what must not be logged. Under ``PULSE_STRICT=1`` (tests) the error is raised. So is, always,
    what a signal handler raised.
    """
    global _internal_errors
    try:
        return function(*args)
    except Exception as error:
        if of_signal_handler(error):
            raise
        _internal_errors += 1
        if os.environ.get("PULSE_STRICT") == "1":
            raise
        name = getattr(function, "__qualname__", type(function).__name__)
        rate_limited.warning(
            f"internal:{name}",
            "pulse-otel: internal error in %s (%s); the program is not affected",
            name,
            type(error).__name__,
        )
        return otherwise


def tried(
    function: Callable[..., T],
    *args: object,
    kinds: type[Exception] | tuple[type[Exception], ...] = Exception,
    otherwise: D,
) -> T | D:
    """Return `function(*args)`, or `otherwise` if it raises one of `kinds`, as data may make it.

    What a signal handler raised is raised.
    """
    try:
        return function(*args)
    except kinds as error:
        if of_signal_handler(error):
            raise
        return otherwise


def of_signal_handler(error: BaseException) -> bool:
    """Return whether a signal handler raised `error`: one of its frames runs a handler's code."""
    codes = set(_handlers())
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def _handlers() -> Iterator[CodeType]:
    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        while isinstance(handler, functools.partial):
            handler = cast("Any", handler).func
        if callable(handler):  # not SIG_DFL, not SIG_IGN
            yield from _code(handler)


def _code(handler: Any) -> Iterator[CodeType]:
    """Yield the code of a function, of a method, or of an object that can be called."""
    of_class: Any = handler.__class__.__dict__.get("__call__")
    for function in (handler, getattr(handler, "__func__", None), of_class):
        code: Any = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            yield code
