"""The worker: takes finished spans, and sees to it that each comes to a known end.

A bounded queue (oldest dropped first, counted) and one daemon thread that coalesces, encodes,
posts, retries with back-off, splits. The caller's thread only appends. `settled` counts the
spans whose end is known, in order; `flush` waits for it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pulse_otel.export.outcome import Outcome, Verdict
from pulse_otel.log import complaints

T = TypeVar("T")
R = TypeVar("R")

MAX_QUEUED = 50_000
MAX_QUEUED_BYTES = 64 << 20
MAX_REQUEST_BYTES = 5 << 20
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 0.5, 30.0


@dataclass(slots=True)
class Stats:
    """Where the spans of a delivery came to: received = delivered + ignored + dropped + waiting."""

    received: int = 0
    delivered: int = 0
    ignored: int = 0
    dropped: Counter[str] = field(default_factory=lambda: Counter[str]())

    @property
    def lost(self) -> int:
        """Spans that will never arrive."""
        return sum(self.dropped.values())


@dataclass(frozen=True, slots=True)
class Steps(Generic[T]):
    """What the worker does not do itself. Called by the worker only, one at a time."""

    encode: Callable[[T], tuple[object, int] | None]  # (wire form, its bytes), or None: not ours
    post: Callable[[Sequence[object], float], Outcome]  # batch, deadline (time.monotonic)
    size: Callable[[T], int]  # a cheap estimate in bytes
    max_batch: int
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
        self._pending: deque[list[tuple[object, int]]] = deque()  # encoded requests, in order
        self._settled = 0
        self._urgent = 0  # how many wait in `flush`
        self._stopped = False
        self._worker: threading.Thread | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._internal_errors = 0

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
            self._pending.clear()
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
                    return
            self._step(time.monotonic() + self._steps.attempt_s)

    def _due(self) -> bool:
        waiting = bool(self._queue or self._pending)
        return waiting and (time.monotonic() >= self._retry_at)

    def _pause(self) -> float | None:
        if not (self._queue or self._pending):
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
            batch = self._next_batch()
            if not batch:
                return True
            attempt_end = min(deadline, time.monotonic() + self._steps.attempt_s)
            return self._apply(batch, self._post(batch, attempt_end))
        finally:
            self._work.release()

    def _next_batch(self) -> list[tuple[object, int]]:
        """The request to send: what is left of an earlier one first, else a full one."""
        if not self._pending:
            batch = self._take()
            with self._changed:
                if batch and not self._stopped:
                    self._pending.append(batch)
        with self._changed:
            return self._pending[0] if self._pending else []

    def _take(self) -> list[tuple[object, int]]:
        """Encode from the queue until a request is full."""
        batch: list[tuple[object, int]] = []
        total = 0
        while len(batch) < self._steps.max_batch and total < MAX_REQUEST_BYTES:
            with self._changed:
                if not self._queue:
                    break
                item, size = self._queue.popleft()
                self._queued_bytes -= size
            encoded = self._encode(item)
            if encoded is not None:
                batch.append(encoded)
                total += encoded[1]
        return batch

    def _post(self, batch: list[tuple[object, int]], deadline: float) -> Outcome:
        posted = self._guard(self._steps.post, [item for item, _ in batch], deadline)
        return posted or Outcome(Verdict.RETRY, "an internal error while sending")

    def _guard(self, function: Callable[..., R], *args: object) -> R | None:
        """The one broad `except` of this half: an error of ours ends neither worker nor caller."""
        try:
            return function(*args)
        except Exception as error:  # noqa: BLE001
            self._internal_errors += 1
            complaints.warn(
                f"internal:{type(error).__name__}",
                "pulse-otel: internal error in the delivery of spans (%s)",
                type(error).__name__,
            )
            return None

    def _encode(self, item: T) -> tuple[object, int] | None:
        before = self._internal_errors
        encoded = self._guard(self._steps.encode, item)
        if self._internal_errors > before:
            self._settle(1, dropped="not encodable")
        elif encoded is None:
            self._settle(1, ignored=True)
        return encoded

    def _apply(self, batch: list[tuple[object, int]], outcome: Outcome) -> bool:
        if outcome.cause:
            complaints.warn(outcome.cause, "pulse-otel: %s", outcome.cause)
        if outcome.verdict in (Verdict.RETRY, Verdict.PAUSED):
            self._back_off(outcome)
            return False
        with self._changed:
            if self._stopped:  # counted as dropped already
                return True
            self._pending.popleft()
            self._failures, self._retry_at = 0, 0.0
            if outcome.verdict is not Verdict.DELIVERED and len(batch) > 1:
                # One bad span never costs the others: the halves are sent on their own.
                middle = len(batch) // 2
                self._pending.extendleft((batch[middle:], batch[:middle]))
                return True
        if outcome.verdict is Verdict.DELIVERED:
            refused = min(max(outcome.refused, 0), len(batch))
            self._settle(len(batch) - refused)
            self._settle(refused, dropped="refused by the service")
        else:
            self._settle(1, dropped=outcome.verdict.value)
        return True

    def _back_off(self, outcome: Outcome) -> None:
        self._failures += 1
        longest = min(_LAST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** min(self._failures, 10))
        wait = outcome.retry_after_s or longest * random.uniform(0.5, 1.0)
        self._retry_at = time.monotonic() + wait

    def _settle(self, count: int, *, dropped: str = "", ignored: bool = False) -> None:
        with self._changed:
            if self._stopped or not count:
                return
            if dropped:
                self.stats.dropped[dropped] += count
            elif ignored:
                self.stats.ignored += count
            else:
                self.stats.delivered += count
            self._settled += count
            self._changed.notify_all()
