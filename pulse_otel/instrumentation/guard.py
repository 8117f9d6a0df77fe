"""The one broad ``except`` on the user's path: whatever goes wrong here is ours, not theirs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from pulse_otel.log import rate_limited

T = TypeVar("T")

_internal_errors = 0


def internal_errors() -> int:
    """How many errors of our own were kept from the program so far."""
    return _internal_errors


def guarded(function: Callable[..., T], *args: object) -> T | None:
    """`function(*args)`, or None if it raised: counted, logged once a minute per cause.

    Under ``PULSE_STRICT=1`` (tests) the error is raised instead.
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
            "pulse-otel: internal error in %s (%s); the call itself is not affected",
            name,
            type(error).__name__,
        )
        return None
