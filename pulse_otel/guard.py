"""The one broad ``except``: an error of ours ends neither a call of the program nor a worker.

An exception that came from outside meanwhile is none of ours: `outside` tells which one did.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar, overload

from pulse_otel.log import rate_limited
from pulse_otel.outside import from_outside

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
    what came from outside.
    """
    try:
        return function(*args)
    except Exception as error:
        if not kept(error, function):
            raise
        return otherwise


def kept(error: Exception, function: Callable[..., object]) -> bool:
    """Count and log an error of ours that `function` raised; return False if it is to be raised.

    It is the half of `guarded` for a loop in which the call of `guarded` itself would take long.
    """
    global _internal_errors
    if from_outside(error):
        return False
    _internal_errors += 1
    if os.environ.get("PULSE_STRICT") == "1":
        return False
    name = getattr(function, "__qualname__", type(function).__name__)
    rate_limited.warning(
        f"internal:{name}",
        "pulse-otel: internal error in %s (%s); the program is not affected",
        name,
        type(error).__name__,
    )
    return True


def tried(
    function: Callable[..., T],
    *args: object,
    kinds: type[Exception] | tuple[type[Exception], ...] = Exception,
    otherwise: D,
) -> T | D:
    """Return `function(*args)`, or `otherwise` if it raises one of `kinds`, as data may make it.

    What came from outside is raised.
    """
    try:
        return function(*args)
    except kinds as error:
        if from_outside(error):
            raise
        return otherwise
