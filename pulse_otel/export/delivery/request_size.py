"""How large a request may be: as large as the service allows, and as fits its time.

| what a request met | the next ones |
|---|---|
| too large (413) | at most half as large, until some of that size were taken: then twice |
| its deadline | an eighth as large, down to one record; if others had an answer, the same bound |
| an answer | so large that they need a part of the time, at most eight times as large |

Nobody says how fast a link or a service is, so the first requests are small.
"""

from __future__ import annotations

MAX_REQUEST_BYTES = 5 << 20
_FIRST_BYTES = 8 << 10

_LEAST_BYTES = 4096  # below this, it is not the size of a request that is refused
_TAKEN_BEFORE_MORE = 16  # a limit that stays costs one request in so many

_PART = 0.3  # of an attempt's time: what is under way when a process ends fits its last seconds
_STEP = 8

_IN_TIME_BYTES = 500_000  # a larger record gets more time than an attempt has
MOST_TIME = 3.0
"""How many times the time of an attempt the longest one gets."""


class RequestSize:
    """The smaller of two limits: what did not fail, and what needs little time."""

    def __init__(self) -> None:
        self._bound = MAX_REQUEST_BYTES
        self._in_time = _FIRST_BYTES
        self._taken = 0
        self._answers = False  # since the last deadline that passed

    @property
    def limit(self) -> int:
        """The bytes of the texts in one request, unless it holds a single one."""
        return min(self._bound, self._in_time)

    def too_large(self, size: int) -> None:
        """Note that a request of `size` bytes was refused for its size."""
        self._keep_below(max(size, 2 * _LEAST_BYTES))

    def too_slow(self, size: int) -> None:
        """Note that the deadline of a request of `size` bytes passed."""
        if self._answers:  # else it may be that nothing is answered, of whatever size
            self._keep_below(size)
        self._answers = False
        self._in_time = min(self._in_time, size) // _STEP

    def _keep_below(self, size: int) -> None:
        self._bound = min(self._bound, size // 2)
        self._taken = 0

    def answered(self, size: int, part: float) -> None:
        """Note that a request of `size` bytes was answered in this `part` of an attempt's time."""
        self._answers = True
        self._in_time = max(self._in_time, int(size * min(_STEP, _PART / max(part, 1e-9))))
        self._taken += size * 2 > self._bound  # a small one proves nothing
        if self._taken >= _TAKEN_BEFORE_MORE:
            self._bound = min(max(self._bound, size) * 2, MAX_REQUEST_BYTES)
            self._taken = 0

    def within(self, part: float) -> int:
        """Return the limit for a request that has only this `part` of an attempt's time left."""
        return int(min(self.limit, self._in_time * max(0.0, part) / _PART))


def time_factor(size: int) -> float:
    """Return how many times the time of an attempt a single record of `size` bytes gets.

    It cannot be divided; all others can, and get the time once.
    """
    return min(MOST_TIME, max(1.0, size / _IN_TIME_BYTES))
