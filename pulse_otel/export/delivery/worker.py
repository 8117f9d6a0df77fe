"""The worker: delivers finished spans, and accounts for each one.

`submit` only appends to a bounded queue. One daemon thread makes batches, posts them, backs off,
splits. With a spool, a second thread writes what was queued to disk first, so that a slow service
never keeps spans from being safe; the sender then reads them from there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pulse_otel.export.accounts.ledger import Ledger
from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.export.delivery.backlog import Backlog
from pulse_otel.export.delivery.batches import Batches
from pulse_otel.export.delivery.flush_policy import Expedite, ShutdownPolicy
from pulse_otel.export.delivery.queue import SpanQueue
from pulse_otel.export.delivery.request_size import MOST_TIME
from pulse_otel.export.delivery.sender import Sender
from pulse_otel.export.delivery.steps import Steps
from pulse_otel.export.delivery.threads import WorkerThreads
from pulse_otel.guard import guarded
from pulse_otel.process.forks import loading

if TYPE_CHECKING:
    from pulse_otel.export.spool.spool import Spool

_CLOSING_S = 1.0  # for a shutdown, beyond its flush


def _at_once() -> bool:
    return True


class Delivery:
    """One queue, one sender."""

    def __init__(self, steps: Steps, *, spool: Spool | None = None) -> None:
        self._steps = steps
        self._spool = spool
        self._reset()

    def _reset(self) -> None:
        self._ledger = Ledger()
        self._changed = self._ledger.changed
        self._backlog = Backlog(self._ledger, self._spool)
        self._queue = SpanQueue(self._ledger, self._steps, self._backlog.store)
        self._batches = Batches(self._more, self._backlog.settle, self._backlog.ready)
        self._sender = Sender(self._steps, self._backlog, self._batches, self._more)
        self._sending = threading.Lock()  # held by the worker, or by a flush at exit
        self.expedite = Expedite(self._changed)
        self._ending = threading.RLock()  # held while shutting down
        self._end_by = float("inf")  # the latest time at which a shutdown wants to end
        self.stopped = False  # it was shut down
        self._done = False
        self._threads = WorkerThreads(
            [self._send_loop, *([self._spool_loop] if self._spool is not None else [])]
        )

    def reset_after_fork(self) -> None:
        """In a child: the parent sends what it queued; nothing of its locks or threads is here."""
        if self._spool is not None:
            self._spool.reset_after_fork()
        stopped = self.stopped
        self._reset()
        if stopped:
            self._close(time.monotonic())

    @property
    def trouble(self) -> str:
        """What keeps the service from taking spans, for the log; empty if it takes them."""
        return self._sender.trouble

    @property
    def passing(self) -> bool:
        """Whether that trouble passes by itself; else somebody has to change something."""
        return self._sender.backoff.passing

    @property
    def stats(self) -> DeliveryStats:
        """Where all spans are, at this moment."""
        return self.snapshot()

    @property
    def bytes_received_and_queued(self) -> tuple[int, int]:
        """The bytes of the spans that were submitted, and of those that wait in the queue."""
        return self._ledger.received_bytes, self._queue.size_bytes

    def snapshot(self) -> DeliveryStats:
        """Return where all spans are at this moment."""
        with self._changed:
            return self._ledger.snapshot()

    def submit(self, items: Sequence[Any], others: int = 0) -> None:
        """Queue `items`, count `others`. No I/O, and no lock held during any."""
        with self._ledger.lock:
            self._ledger.not_genai(others)
            if not items:
                return
            if self.stopped:
                self._ledger.refused(len(items))
                return
            if self._queue.add(items):
                self._changed.notify_all()
            if self.stopped:  # by a signal handler meanwhile
                self._queue.clear()
                self._ledger.close()
        if not self._threads.alive():
            self.start()

    def start(self) -> None:
        """Start the threads that do not run; without them, `flush` sends by itself."""
        with self._changed:
            if not self.stopped:
                self._threads.start()

    def flush(
        self,
        timeout_s: float,
        handed_over: Callable[[], bool] = _at_once,
        policy: ShutdownPolicy | None = None,
    ) -> bool:
        """Wait until everything submitted so far is accepted; False if not, or if any was lost.

        `handed_over` says whether batch processors have submitted what they held; the flush waits
        for that first.
        """
        deadline = time.monotonic() + timeout_s
        if self.stopped:
            return True
        with self.expedite.waiting():
            if not self._wait_until(handed_over, deadline):
                return False
            target, lost = self._ledger.received_count, self._ledger.lost
            if not self._wait(lambda: self._queue.drained_upto >= target, deadline, policy):
                return False
            groups = self._ledger.open()
            done = self._wait(lambda: not any(p.left > 0 for p in groups), deadline, policy)
            return done and self._ledger.lost == lost

    def _wait_until(self, handed_over: Callable[[], bool], deadline: float) -> bool:
        """Wait without work of our own: a signal handler may have interrupted this thread while it
        held the lock, which another one needs to hand over; waiting releases it."""
        while not handed_over():
            left = min(deadline, self._end_by) - time.monotonic()
            if left <= 0 or self.stopped:
                return False
            with self._changed:
                self._changed.wait(min(left, 0.02))
        return True

    def _wait(
        self, done: Callable[[], bool], deadline: float, policy: ShutdownPolicy | None
    ) -> bool:
        while not done():
            left = min(deadline, self._end_by) - time.monotonic()
            if left <= 0 or self.stopped or (policy and policy.should_give_up(left)):
                return False
            if not self._threads.alive():
                self._work_here(deadline)
                continue
            with self._changed:
                if not done():
                    self._changed.wait(min(left, 0.1))
        return True

    def _work_here(self, deadline: float) -> None:
        """Read and send in this thread, where the others have ended, as at exit."""
        if self._spool is not None:
            self._queue.drain(deadline, True)
        pause = self._sender.backoff.pause_s(expedited=True)
        if pause or not self._step(deadline):
            time.sleep(min(pause or 0.05, max(0.0, deadline - time.monotonic())))

    def shutdown(self, timeout_s: float, handed_over: Callable[[], bool] = _at_once) -> bool:
        """Flush, then stop; what is left stays on disk, or is dropped and counted. Idempotent."""
        deadline = time.monotonic() + timeout_s
        self._end_by = min(self._end_by, deadline)  # also for a shutdown that is under way
        if not self._ending.acquire(timeout=max(0.0, timeout_s) + _CLOSING_S):
            return False
        try:
            if not self.stopped:
                policy = ShutdownPolicy(
                    self._sender.backoff, self.snapshot, self._sending, self._spool is None
                )
                done = self.flush(timeout_s, handed_over, policy)
                if not self.stopped:  # else a signal handler did it meanwhile, in this thread
                    self._done = done
                    self._close(deadline)
            return self._done
        finally:
            self._end_by = float("inf")
            self._ending.release()

    def _close(self, deadline: float) -> None:
        with self._changed:
            self.stopped = True
            self._backlog.end_unconfirmed(self._batches.unconfirmed())
            self._changed.notify_all()
        if self._spool is not None:
            # What was not sent is not lost if it gets to the disk, which takes moments.
            grace = max(deadline, time.monotonic()) + 0.3
            while self._queue.drain(grace, True) and len(self._queue) and time.monotonic() < grace:
                pass
            here = self._sending.acquire(timeout=0.2)
            self._backlog.give_back(self._batches.clear())
            self._backlog.leave_all()
            if here:
                self._sending.release()
        with self._changed:
            self._queue.clear()
            self._ledger.close()

    def _is_current(self, changed: threading.Condition) -> bool:
        """Return whether a loop goes on. Never returns to a greenlet that survived a fork."""
        if changed is not self._changed:
            # gevent: should it end, `threading` would not know it in the child, and print that.
            threading.Event().wait()
        return not self.stopped

    def _prepare(self) -> None:
        with loading():
            guarded(self._steps.prepare)

    def _send_loop(self) -> None:
        changed = self._changed
        self._prepare()
        while True:
            with changed:
                while self._is_current(changed) and (pause := self._pause()) != 0:
                    changed.wait(pause)
                if not self._is_current(changed):
                    break
            self._step(time.monotonic() + MOST_TIME * self._steps.attempt_s)

    def _spool_loop(self) -> None:
        changed = self._changed
        self._prepare()
        while True:
            with changed:
                while self._is_current(changed) and (
                    self._backlog.full() or self._queue.wait_s(self.expedite.on) != 0
                ):
                    changed.wait(self._queue.wait_s(self.expedite.on) or 0.5)
                if not self._is_current(changed):
                    break
            deadline = time.monotonic() + self._steps.attempt_s
            guarded(self._queue.drain, deadline, self.expedite.on)

    def _pause(self) -> float | None:
        """Return for how many seconds there is nothing to send; None: until something changes."""
        waits = [self._queue.wait_s(self.expedite.on)] if self._spool is None else []
        waits += [self._backlog.wait_s()]
        if len(self._batches):
            waits.append(0.0)
        some = [wait for wait in waits if wait is not None]
        if not some:
            return None
        return max(min(some), self._sender.backoff.pause_s(self.expedite.on))

    def _step(self, deadline: float) -> bool:
        """Send one request; True if it was answered for good, or if there is none to send."""
        if not self._sending.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            return not self.stopped and self._sender.send(deadline, self._end_by)
        finally:
            self._sending.release()

    def _more(self) -> bool:
        """Bring entries into the backlog; False if there are none."""
        if self._spool is None:
            deadline = time.monotonic() + self._steps.attempt_s
            while not self._backlog.ready and self._queue.wait_s(True) == 0:
                before = len(self._queue)
                self._queue.drain(deadline, self.expedite.on)
                if len(self._queue) >= before:
                    break
        elif not self._backlog.ready:
            self._backlog.lease()
        return bool(self._backlog.ready)
