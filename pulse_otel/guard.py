"""The one broad ``except``: an error of ours ends neither a call of the program nor a worker.

An exception that a signal handler of the program raised meanwhile is none of ours. A handler may
run between any two steps of the main thread: a time limit (`signal.alarm`, Celery's soft limit)
ends what it interrupts by an exception, and would end nothing if we kept it.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from enum import Enum
from inspect import CO_VARARGS
from types import FrameType
from typing import Any, Final, Literal, TypeAlias, TypeVar, overload

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
    """Return whether a signal handler raised `error`: one runs in a frame of its traceback."""
    return any(_runs_handler(frame) for frame, _ in traceback.walk_tb(error.__traceback__))


def _runs_handler(frame: FrameType) -> bool:
    """Return whether Python called the function of `frame` with the frame that it interrupted.

    That tells a handler of any kind, also one that has put another in its place meanwhile.
    """
    interrupted, code, local = frame.f_back, frame.f_code, frame.f_locals
    many = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & CO_VARARGS)
    arguments: list[Any] = [local.get(name) for name in code.co_varnames[:many]]
    if code.co_flags & CO_VARARGS:
        arguments += arguments.pop() or ()
    return interrupted is not None and any(argument is interrupted for argument in arguments)
