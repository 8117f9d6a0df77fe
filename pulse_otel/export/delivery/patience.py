"""What waits at the end of a process is waited for as long as there is something to hope for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.export.delivery.backoff import Backoff

ANSWER_S = 1.0
"""The longest that a service is waited for by who has everything on disk."""


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
        """Whether waiting for another `left_s` is of no more use."""
        if self._backoff.pause_s(expedited=True) >= left_s:
            return True  # the service has named a later time
        if not self._backoff.passing and self._backoff.failures > self._failures:
            return True  # somebody has to change something, and did not meanwhile
        if self._losing or (found := self._snapshot()).in_queue:
            return False
        if found != self._seen or not self._work.locked():
            self._seen, self._since = found, time.monotonic()
        return self._backoff.open or time.monotonic() - self._since > ANSWER_S
