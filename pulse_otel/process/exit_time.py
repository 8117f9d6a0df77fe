"""How long an exporter may take to stop. At the end of the process, all of them share 5 s.

A TracerProvider of the user stops its exporters one after the other, in an exit hook.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from pulse_otel.process.exporters import running

EXIT_S = 5.0
"""The longest that the end of a process waits, in seconds, for all services together."""

LONGEST_S = 1e6
"""The longest time that any wait is given, in seconds: all clocks can count it."""

_RESERVE_S = 1.0  # for each exporter that stops later: its service may answer


class _Exit:
    until: float | None = None


_exit = _Exit()


def begin_end() -> None:
    """Begin the end of a process whose main thread does not end, as in a child that is forked."""
    if _exit.until is None:
        _exit.until = time.monotonic() + EXIT_S


def exit_s(given: float = EXIT_S) -> float:
    """Return the seconds that an exporter may take to stop now, at most `given`."""
    if _exit.until is None:
        main = threading.main_thread()
        if main.is_alive() or threading.get_ident() != main.ident:
            return given  # the main thread may have returned while others go on
        begin_end()
    left = max(0.0, (_exit.until or 0.0) - time.monotonic())
    several = max(1, len(running()))
    return min(given, left - (several - 1) * min(_RESERVE_S, left / several))


def seconds(value: Any) -> float:
    """Return a time that a user gave, as a float. Raises TypeError for what is no number."""
    if not _is_number(value) or value != value:
        raise TypeError(f"timeout_s: expected a number of seconds, got {value!r:.40}")
    return min(float(value), LONGEST_S)


def _is_number(value: object) -> bool:
    if isinstance(value, (int, float)):
        return True
    from numbers import Real  # those of others, such as numpy's

    return isinstance(value, Real)
