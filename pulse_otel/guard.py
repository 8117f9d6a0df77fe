"""The one broad ``except``: an error of ours ends neither a call of the program nor a worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar, overload

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
    what must not be logged. Under ``PULSE_STRICT=1`` (tests) the error is raised.
    """
    global _internal_errors
    try:
        return function(*args)
    except Exception as error:
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
