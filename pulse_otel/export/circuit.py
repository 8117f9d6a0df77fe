"""When to ask the service again: at once while it answers, ever more rarely while it does not.

Open, nothing is built and nothing sent: a dead service costs nothing but the waiting. One
success closes it. Times are of `time.monotonic`: no step of the wall clock matters.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import SystemRandom

from pulse_otel.export.outcome import Outcome, Verdict

# The program's own `random` is left alone: its seed and its sequence are the program's.
_random = SystemRandom()

HURRIED_S = 0.2
"""While somebody waits in a flush: the longest pause, except for one the service asked for."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """The first and the longest pause of a back-off in s; each is twice the one before."""

    first_s: float
    longest_s: float

    def after(self, failures: int) -> float:
        """The pause after so many failures in a row, jittered between half and all of it."""
        whole = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 20))
        return whole * _random.uniform(0.5, 1.0)


# What heals by itself is tried sooner than what needs somebody.
PAUSES = {Verdict.RETRY: Pauses(0.5, 20.0), Verdict.PAUSED: Pauses(1.0, 60.0)}


@dataclass(slots=True)
class Circuit:
    """Used by one thread at a time."""

    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    _ready_at: float = field(default=0.0)
    _asked_for: bool = False  # the service named the pause: it is not shortened

    def failed(self, outcome: Outcome) -> None:
        """Open, or stay open for longer."""
        self.failures += 1
        self._asked_for = outcome.retry_after_s is not None
        pause = PAUSES[outcome.verdict].after(self.failures)
        if outcome.retry_after_s is not None:
            # Not a moment earlier, and not all senders of a fleet at the same moment.
            pause = outcome.retry_after_s * _random.uniform(1.0, 1.1)
        self._ready_at = self.clock() + pause

    def worked(self) -> None:
        """Close."""
        self.failures, self._ready_at, self._asked_for = 0, 0.0, False

    @property
    def open(self) -> bool:
        """Whether the last request failed."""
        return self.failures > 0

    def pause_s(self, hurried: bool = False) -> float:
        """How long to wait for the next request; `hurried`: somebody waits for it."""
        left = self._ready_at - self.clock()
        if hurried and not self._asked_for and left > HURRIED_S:
            self._ready_at = self.clock() + HURRIED_S
            left = HURRIED_S
        return max(0.0, left)
