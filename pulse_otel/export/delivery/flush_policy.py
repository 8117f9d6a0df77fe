"""Who waits for the delivery, and how long that makes sense.

`Expedite` says that somebody waits, or that the process is about to end: then nothing is held
back. `ShutdownPolicy` says when the flush of a shutdown should give up early.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.export.delivery.backoff import Backoff

ANSWER_S = 1.0
"""The longest that a shutdown waits for an answer while everything is on disk."""

_LONGEST_S = 60.0  # a program that was told to end, and goes on, is not expedited for ever


class Expedite:
    """Guarded by the lock of `changed`, which is told of changes."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._waiting = 0
        self._until = 0.0

    @property
    def on(self) -> bool:
        """Whether spans are to be sent at once."""
        return self._waiting > 0 or (self._until > 0 and time.monotonic() < self._until)

    def begin(self) -> None:
        """The process is about to end: send what ends from now on at once."""
        with self._changed:
            self._until = time.monotonic() + _LONGEST_S
            self._changed.notify_all()

    @contextmanager
    def waiting(self) -> Generator[None, None, None]:
        """Send at once while the block runs."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= 1


class ShutdownPolicy:
    """`work` is held while a request is under way. `losing`: what is not sent is lost."""

    def __init__(
        self,
        backoff: Backoff,
        snapshot: Callable[[], DeliveryStats],
        work: threading.Lock,
        losing: bool,
    ) -> None:
        self._backoff = backoff
        self._snapshot = snapshot
        self._work = work
        self._losing = losing
        self._failures = max(1, backoff.failures)
        self._seen: DeliveryStats | None = None
        self._since = 0.0

    def should_give_up(self, left_s: float) -> bool:
        """Return whether waiting for another `left_s` cannot help any more."""
        if self._backoff.pause_s(expedited=True) >= left_s:
            return True  # the service has named a later time
        if not self._backoff.passing and self._backoff.failures > self._failures:
            return True  # somebody has to change something, and did not meanwhile
        if self._losing or (found := self._snapshot()).in_queue:
            return False
        if found != self._seen or not self._work.locked():
            self._seen, self._since = found, time.monotonic()
        return self._backoff.open or time.monotonic() - self._since > ANSWER_S
