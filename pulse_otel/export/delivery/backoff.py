"""When to ask the service again: at once while it answers, ever more rarely while it fails.

While it is open, nothing is written and nothing sent: a dead service costs no work. One success
closes it. Times are of `time.monotonic`, so a step of the wall clock does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import SystemRandom
from typing import NamedTuple

from pulse_otel.export.transport.outcome import MAX_RETRY_AFTER_S, Outcome, Verdict

# The program's own `random` is left alone: its seed and its sequence are the program's.
_random = SystemRandom()

HURRIED_S = 0.2
"""The longest pause after a passing fault while a flush waits.

Where somebody has to change something, it is the first pause of that kind: else a program that
flushes after each of its requests would ask with a wrong key five times a second. A pause that the
service asked for is never shortened.
"""

DOUBTED = 6
"""So many failures in a row after a success pass by themselves, whatever they are.

A service that took this key at this address may have several gateways, of which one refuses it: the
next request, as large, may meet another one.
"""


class Pauses(NamedTuple):
    """The first and the longest pause of a back-off in s; each is twice the one before."""

    first_s: float
    longest_s: float

    def after(self, failures: int) -> float:
        """Return the pause after so many failures in a row, jittered between half and all."""
        whole = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 20))
        return whole * _random.uniform(0.5, 1.0)


# A passing fault is tried again sooner than one that somebody has to mend.
_PASSING = Pauses(0.5, 20.0)
PAUSES = {
    Verdict.RETRY: _PASSING,
    Verdict.TOO_SLOW: _PASSING,
    Verdict.PAUSED: Pauses(1.0, 30.0),
}


class Backoff:
    """For one thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.failures = 0
        self.cause = ""  # of the last failure, in words; empty while it is closed
        self.passing = True  # whether that passes by itself; else somebody has to mend it
        self._succeeded = False  # once, at least
        self._ready_at = 0.0
        self._not_before = 0.0  # as the service asked for
        self._hurried_s = HURRIED_S

    def record_failure(self, outcome: Outcome) -> None:
        """Open, or stay open for longer."""
        self.failures += 1
        self.cause = outcome.cause
        refused = outcome.verdict is Verdict.PAUSED
        doubted = refused and self._succeeded and self.failures <= DOUBTED
        pauses, self.passing = PAUSES[outcome.verdict], doubted or not refused
        if doubted:
            pauses = PAUSES[Verdict.RETRY]
        self._hurried_s = HURRIED_S if self.passing else pauses.first_s
        self._wait_for(outcome.retry_after_s)
        named = not refused and outcome.retry_after_s is not None
        self._ready_at = 0.0 if named else self._clock() + pauses.after(self.failures)

    def record_success(self, retry_after_s: float | None = None) -> None:
        """Close; the service may ask for a pause even so, as with a request that is too large."""
        self.failures, self.cause, self._ready_at, self._succeeded = 0, "", 0.0, True
        self._wait_for(retry_after_s)

    def _wait_for(self, asked_s: float | None) -> None:
        self._not_before = 0.0
        if asked_s is not None:
            # Not a moment earlier, and not all senders of a fleet at the same moment.
            asked_s = min(asked_s * _random.uniform(1.0, 1.1), MAX_RETRY_AFTER_S)
            self._not_before = self._clock() + asked_s

    @property
    def open(self) -> bool:
        """Whether the last request failed."""
        return self.failures > 0

    def pause_s(self, expedited: bool = False) -> float:
        """Return the seconds until the next request. `expedited`: somebody waits for it."""
        now = self._clock()
        if expedited:
            self._ready_at = min(self._ready_at, now + self._hurried_s)
        return max(0.0, self._ready_at - now, self._not_before - now)
