"""The one broad `except` of this half: an error of ours ends neither the worker nor a caller."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

from pulse_otel.log import rate_limited

R = TypeVar("R")


class _Failure(Enum):
    FAILED = "failed"


FAILED: Final = _Failure.FAILED
Failed: TypeAlias = Literal[_Failure.FAILED]


def guarded(
    function: Callable[..., R], *args: object, what: str = "in the delivery of spans"
) -> R | Failed:
    """What `function` returns; FAILED, and a line in the log, if it raises.

    The line names the kind of the error only: its text may hold what must not be logged.
    """
    try:
        return function(*args)
    except Exception as error:  # noqa: BLE001
        kind = type(error).__name__
        rate_limited.warning(f"internal:{what}:{kind}", "pulse-otel: error %s (%s)", what, kind)
        return FAILED
