"""How long stopping may take: at the end of the process, the exporters share what there is.

A user's provider stops its exporters one after the other, in an exit hook.
"""

from __future__ import annotations

import threading
import time

from pulse_otel.process.exporters import running

EXIT_S = 5.0
"""The longest that the end of a process waits for the service, or for several of them."""

LONGEST_S = 1e6
"""What "for ever" is: a time that all clocks know."""

_RESERVE_S = 1.0  # for each that comes later, since its service may be a better one


class _Exit:
    until: float | None = None


_exit = _Exit()


def begin_end() -> None:
    """The process ends without an end of its main thread, as a child of `multiprocessing` does."""
    if _exit.until is None:
        _exit.until = time.monotonic() + EXIT_S


def exit_s(given: float = EXIT_S) -> float:
    """The seconds that an exporter which is to stop now may take: `given`, if there are so many."""
    if _exit.until is None:
        if threading.main_thread().is_alive():
            return given
        begin_end()
    left = max(0.0, (_exit.until or 0.0) - time.monotonic())
    several = max(1, len(running()))
    return min(given, left - (several - 1) * min(_RESERVE_S, left / several))
