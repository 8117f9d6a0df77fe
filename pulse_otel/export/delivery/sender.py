"""Sends one request at a time, and backs off after a failure."""

from __future__ import annotations

import time
from collections.abc import Callable

from pulse_otel.export.delivery.backlog import Backlog
from pulse_otel.export.delivery.backoff import Backoff
from pulse_otel.export.delivery.batches import Batches
from pulse_otel.export.delivery.steps import Steps
from pulse_otel.export.transport.outcome import Outcome, Verdict
from pulse_otel.guard import FAILED, guarded
from pulse_otel.log import rate_limited

_INTERNAL = Outcome(Verdict.RETRY, "an internal error while sending")
_LONG_PAUSE_S = 5.0  # during such a pause, any process may send what waits on disk


class Sender:
    """`more` brings entries into the backlog; False if there are none. For one thread at a time."""

    def __init__(
        self, steps: Steps, backlog: Backlog, batches: Batches, more: Callable[[], bool]
    ) -> None:
        self._steps = steps
        self._backlog = backlog
        self._batches = batches
        self._more = more
        self.backoff = Backoff()

    @property
    def trouble(self) -> str:
        """What keeps the service from taking spans, for the log; empty if it takes them."""
        return self._steps.located(self.backoff.cause)

    def send(self, deadline: float) -> bool:
        """Send one request. True if it was answered for good, or if there is none to send."""
        sent = guarded(self._send, deadline, otherwise=FAILED)
        return self._back_off(_INTERNAL) if sent is FAILED else sent

    def _send(self, deadline: float) -> bool:
        if not len(self._batches) and not self._more():
            return True  # spans that are not for Pulse need no service, and no question to it
        form = self._steps.form(deadline)
        if isinstance(form, Outcome):
            return self._back_off(form)
        batch = self._batches.next(form)
        if batch is None:
            return True
        self._backlog.renew(self._batches.entries())
        attempt_end = min(deadline, time.monotonic() + self._steps.attempt_s)
        post = self._steps.post
        outcome = guarded(post, form, batch.encoded(), attempt_end, otherwise=_INTERNAL)
        if outcome.verdict in (Verdict.RETRY, Verdict.PAUSED):
            self._batches.failed(batch, outcome)
            return self._back_off(outcome)
        self._warn(outcome)
        self.backoff.record_success(outcome.retry_after_s)
        self._batches.conclude(batch, outcome)
        return True

    def _back_off(self, outcome: Outcome) -> bool:
        self._warn(outcome)
        self.backoff.record_failure(outcome)
        if self._backlog.on_disk and self.backoff.pause_s() > _LONG_PAUSE_S:
            self._backlog.give_back(self._batches.clear())
        return False

    def _warn(self, outcome: Outcome) -> None:
        if text := self._steps.located(outcome.cause):
            # Once per status: what the service says of it may differ each time.
            cause = f"{self._steps.where}:{outcome.status or outcome.cause}"
            rate_limited.warning(cause, "pulse-otel: %s", text)
