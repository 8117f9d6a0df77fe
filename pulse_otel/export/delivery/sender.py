"""Sends one request at a time, and backs off after a failure."""

from __future__ import annotations

import time
from collections.abc import Callable

from pulse_otel.export.delivery.backlog import Backlog
from pulse_otel.export.delivery.backoff import PAUSES, Backoff
from pulse_otel.export.delivery.batch import Batch
from pulse_otel.export.delivery.batches import Batches
from pulse_otel.export.delivery.steps import Steps
from pulse_otel.export.transport.outcome import Outcome, Verdict
from pulse_otel.guard import FAILED, guarded
from pulse_otel.log import logger, rate_limited

_INTERNAL = Outcome(Verdict.RETRY, "an internal error while sending")
_LONG_PAUSE_S = 5.0  # during such a pause, any process may send what waits on disk
_UNANSWERED = "the service does not answer in time"


class Sender:
    """`more` brings entries into the backlog; False if there are none. For one thread at a time."""

    def __init__(
        self, steps: Steps, backlog: Backlog, batches: Batches, more: Callable[[], bool]
    ) -> None:
        self._steps = steps
        self._backlog = backlog
        self._batches = batches
        self._more = more
        self._detecting = False  # an answer to that is waited for
        self.backoff = Backoff()

    @property
    def trouble(self) -> str:
        """What keeps the service from taking spans, for the log; empty if it takes them."""
        unanswered = self._detecting or self._batches.unconfirmed()
        return self._steps.located(self.backoff.cause or (_UNANSWERED if unanswered else ""))

    def send(self, deadline: float, end: float) -> bool:
        """Send one request. True if it was answered for good, or if there is none to send.

        `end`: when the process ends; what is sent should be answered by then.
        """
        sent = guarded(self._send, deadline, end, otherwise=FAILED)
        return self._back_off(_INTERNAL) if sent is FAILED else sent

    def _send(self, deadline: float, end: float) -> bool:
        if not len(self._batches) and not self._more():
            return True  # spans that are not for Pulse need no service, and no question to it
        attempt_s = self._steps.attempt_s
        self._detecting = True
        form = self._steps.form(min(deadline, time.monotonic() + attempt_s))
        self._detecting = False
        if isinstance(form, Outcome):
            return self._back_off(form)
        part = min(1.0, (end - time.monotonic()) / attempt_s)
        batch = self._batches.next(
            form, part=part, probe=self.backoff.open and not self.backoff.passing
        )
        if batch is None:
            return True
        self._backlog.renew(self._batches.entries())
        started = time.monotonic()
        outcome = self._post(batch, min(deadline, started + attempt_s * batch.time_factor))
        if outcome.verdict in PAUSES:
            self._batches.failed(batch, outcome)
            return self._back_off(outcome)
        self.backoff.record_success(outcome.retry_after_s)
        part_of_time = (time.monotonic() - started) / attempt_s
        left = self._batches.conclude(batch, outcome, part_of_time)
        self._warn(outcome, handled=left and outcome.verdict is Verdict.TOO_LARGE)
        return True

    def _post(self, batch: Batch, attempt_end: float) -> Outcome:
        before, batch.unconfirmed = batch.unconfirmed, True  # the process may end meanwhile
        post, encoded = self._steps.post, batch.encoded()
        outcome = guarded(post, batch.form, encoded, attempt_end, otherwise=_INTERNAL)
        batch.unconfirmed = before or outcome.unconfirmed
        return outcome

    def _back_off(self, outcome: Outcome) -> bool:
        self._warn(outcome)
        self.backoff.record_failure(outcome)
        if self._backlog.on_disk and self.backoff.pause_s() > _LONG_PAUSE_S:
            self._backlog.give_back(self._batches.clear())
        return False

    def _warn(self, outcome: Outcome, *, handled: bool = False) -> None:
        text = self._steps.located(outcome.cause)
        if handled:
            logger.debug("pulse-otel: %s", text)
        elif text:
            # Once per status: what the service says of it may differ each time.
            cause = f"{self._steps.where}:{outcome.status or outcome.cause}"
            rate_limited.warning(cause, "pulse-otel: %s", text)
