"""The logger, and the one way to complain: at most one line a minute for each cause."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from pulse_otel.printable import printable

logger = logging.getLogger("pulse_otel")

INTERVAL_S = 60.0
_MOST_CAUSES = 200  # a bound on memory; causes are short, fixed words


class RateLimitedLog:
    """Logs a cause at most once a minute; thread-safe, and never while holding its lock.

    The lock is re-entrant: a finalizer may complain while its thread does.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._next: dict[str, float] = {}

    def warning(self, cause: str, message: str, *args: object) -> bool:
        """Log `message` as a warning unless `cause` was logged within the minute."""
        now = self._clock()
        with self._lock:
            if now < self._next.get(cause, 0.0):
                return False
            if len(self._next) >= _MOST_CAUSES:
                self._next.clear()
            self._next[cause] = now + INTERVAL_S
        logger.warning(message, *map(_safe, args))
        return True

    def reset_after_fork(self) -> None:
        """A lock that another thread held at the fork would stay locked in the child."""
        self._lock = threading.RLock()


def _safe(value: object) -> object:
    """Names and errors come from outside, such as the environment: a terminal obeys none."""
    return value if value is None or isinstance(value, (int, float)) else printable(str(value))


rate_limited = RateLimitedLog()
