"""The worker: takes finished spans, and sees to it that each comes to a known end.

A bounded queue (oldest dropped first, counted) and one daemon thread that makes batches, posts
them, retries with back-off, splits. The caller's thread only appends. `settled` counts the
spans whose end is known, in order; `flush` waits for it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pulse_otel.export.batches import Batch, Batches, ending
from pulse_otel.export.guarded import FAILED, guarded
from pulse_otel.export.outcome import Outcome, Verdict
from pulse_otel.export.payloads.form import Encoded, Form
from pulse_otel.export.record import Record
from pulse_otel.export.stats import Stats
from pulse_otel.log import complaints

T = TypeVar("T")

MAX_QUEUED = 50_000
MAX_QUEUED_BYTES = 64 << 20
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 0.5, 30.0
_INTERNAL = Outcome(Verdict.RETRY, "an internal error while sending")


@dataclass(frozen=True, slots=True)
class Steps(Generic[T]):
    """What the worker does not do itself. Deadlines are times of `time.monotonic`.

    All but `size` are called by the worker only, one at a time.
    """

    size: Callable[[T], int]  # a cheap estimate in bytes
    read: Callable[[T], Record | None]  # None: not ours
    form: Callable[[float], Form | Outcome]  # what to write in by now, or why that is not known
    post: Callable[[Form, Sequence[Encoded], float], Outcome]
    attempt_s: float


class Delivery(Generic[T]):
    """One queue, one worker."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self.stats = Stats()
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._work = threading.Lock()  # held while sending: the worker's, or a flush's at exit
        self._queue: deque[tuple[T, int]] = deque()
        self._queued_bytes = 0
        self._batches = Batches(self._pop, self._steps.read, self._unsent)  # with `_work` held
        self._settled = 0
        self._urgent = 0  # how many wait in `flush`
        self._stopped = False
        self._worker: threading.Thread | None = None
        self._failures = 0
        self._retry_at = 0.0

    def reset_after_fork(self) -> None:
        """In a child: the parent sends what it queued; nothing of its locks or threads is here."""
        self.stats = Stats()
        self._reset()

    # --- the caller's side

    def submit(self, items: Sequence[T]) -> None:
        """Queue `items`. No I/O, and no lock held during any."""
        sized = [(item, self._steps.size(item)) for item in items]
        with self._changed:
            self.stats.received += len(sized)
            if self._stopped:
                self.stats.dropped["after shutdown"] += len(sized)
                self._settled += len(sized)
                return
            self._queue.extend(sized)
            self._queued_bytes += sum(size for _, size in sized)
            self._bound()
            self._start()
            self._changed.notify_all()

    def _bound(self) -> None:
        while len(self._queue) > MAX_QUEUED or self._queued_bytes > MAX_QUEUED_BYTES:
            _, size = self._queue.popleft()
            self._queued_bytes -= size
            self._settled += 1
            self.stats.dropped["queue full"] += 1

    def _start(self) -> None:
        if self._worker is None or not self._worker.is_alive():
            worker = threading.Thread(target=self._run, name="pulse-otel-delivery", daemon=True)
            try:
                worker.start()
            except RuntimeError:  # the interpreter is shutting down: `flush` sends by itself
                return
            self._worker = worker

    def flush(self, timeout_s: float) -> bool:
        """Wait until all submitted so far is settled; True if none of it was lost."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            target, lost = self.stats.received, self.stats.lost
            self._urgent += 1
            self._changed.notify_all()
            while self._settled < target and self._alive():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                self._changed.wait(min(remaining, 0.5))
            self._urgent -= 1
        if not self._alive():
            self._drain(target, deadline)
        with self._changed:
            return self._settled >= target and self.stats.lost == lost

    def _alive(self) -> bool:
        return self._worker is not None and self._worker.is_alive()

    def _drain(self, target: int, deadline: float) -> None:
        """Without a worker (at exit): send in this thread, while there is time."""
        while self._settled < target and time.monotonic() < deadline:
            if not self._step(deadline):
                time.sleep(min(0.2, max(0.0, deadline - time.monotonic())))

    def shutdown(self, timeout_s: float) -> bool:
        """Flush, then stop; what is left is dropped and counted. Idempotent."""
        if self._stopped:
            return True
        done = self.flush(timeout_s)
        with self._changed:
            self._stopped = True
            left = self.stats.received - self._settled
            if left:
                self.stats.dropped["shutdown"] += left
                self._settled += left
            self._queue.clear()
            self._changed.notify_all()
        if self.stats.lost:
            reasons = ", ".join(f"{n} {why}" for why, n in self.stats.dropped.items() if n)
            complaints.warn("lost", "pulse-otel: %d spans lost (%s)", self.stats.lost, reasons)
        return done

    # --- the worker's side

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and not self._due():
                    self._changed.wait(self._pause())
                if self._stopped:
                    break
            self._step(time.monotonic() + self._steps.attempt_s)
        self._batches.clear()

    def _due(self) -> bool:
        waiting = bool(self._queue or self._batches)
        return waiting and (time.monotonic() >= self._retry_at)

    def _pause(self) -> float | None:
        if not (self._queue or self._batches):
            return None
        # A flush shortens the wait: somebody stands there.
        limit = 0.2 if self._urgent else _LAST_BACKOFF_S
        self._retry_at = min(self._retry_at, time.monotonic() + limit)
        return max(0.001, self._retry_at - time.monotonic())

    def _step(self, deadline: float) -> bool:
        """Send one request; True if it came to an end, or if there is none to send."""
        if not self._work.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            # What is not ours needs no service, and no question to it.
            return not self._batches.something() or self._send(deadline)
        finally:
            self._work.release()

    def _send(self, deadline: float) -> bool:
        form = guarded(self._steps.form, deadline)
        if form is FAILED or isinstance(form, Outcome):
            return self._back_off(_INTERNAL if form is FAILED else form)
        batch = self._batches.next(form)
        if batch is None:
            return True
        attempt_end = min(deadline, time.monotonic() + self._steps.attempt_s)
        outcome = guarded(self._steps.post, form, batch.encoded(), attempt_end)
        if outcome is FAILED or outcome.verdict in (Verdict.RETRY, Verdict.PAUSED):
            return self._back_off(_INTERNAL if outcome is FAILED else outcome)
        return self._settle_batch(batch, outcome)

    def _settle_batch(self, batch: Batch, outcome: Outcome) -> bool:
        _complain(outcome)
        self._failures, self._retry_at = 0, 0.0
        end = ending(batch, outcome)
        self._batches.replace(end.again)
        self._settle(delivered=end.delivered, dropped=end.dropped, why=end.why)
        return True

    def _back_off(self, outcome: Outcome) -> bool:
        _complain(outcome)
        self._failures += 1
        longest = min(_LAST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** min(self._failures, 10))
        wait = outcome.retry_after_s or longest * random.uniform(0.5, 1.0)
        self._retry_at = time.monotonic() + wait
        return False

    def _pop(self) -> T | None:
        with self._changed:
            if not self._queue:
                return None
            item, size = self._queue.popleft()
            self._queued_bytes -= size
            return item

    def _unsent(self, ignored: int, dropped: int, why: str) -> None:
        self._settle(ignored=ignored, dropped=dropped, why=why)

    def _settle(
        self, *, delivered: int = 0, ignored: int = 0, dropped: int = 0, why: str = ""
    ) -> None:
        count = delivered + ignored + dropped
        with self._changed:
            if self._stopped or not count:  # what was left at the stop is counted as dropped
                return
            self.stats.delivered += delivered
            self.stats.ignored += ignored
            if dropped:
                self.stats.dropped[why] += dropped
            self._settled += count
            self._changed.notify_all()


def _complain(outcome: Outcome) -> None:
    if outcome.cause:
        complaints.warn(outcome.cause, "pulse-otel: %s", outcome.cause)
