"""Whether what waits is to be sent at once: for who waits in a flush, or before an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

_LONGEST_S = 60.0  # a program that was told to end, and goes on, is not expedited for ever


class Expedite:
    """Guarded by the lock of `changed`, which is told of it."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._waiting = 0
        self._until = 0.0

    @property
    def on(self) -> bool:
        """Whether there is any."""
        return self._waiting > 0 or time.monotonic() < self._until

    def begin(self) -> None:
        """The process is about to end: what ends from now on is sent at once."""
        with self._changed:
            self._until = time.monotonic() + _LONGEST_S
            self._changed.notify_all()

    @contextmanager
    def waiting(self) -> Generator[None, None, None]:
        """While somebody waits."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= 1
