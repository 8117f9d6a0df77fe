"""How large a request may be: the service, or a proxy before it, says only that one was too large.

The limit is halved then, and doubled after some requests that were taken, as proxies change.
"""

from __future__ import annotations

MAX_REQUEST_BYTES = 5 << 20

_LEAST_BYTES = 4096  # below this, it is not the size of a request that is at fault
_TAKEN_BEFORE_MORE = 16  # a limit that stays costs one request in so many


class RequestSize:
    """`limit`: bytes of the texts in one request, unless it holds a single one."""

    def __init__(self) -> None:
        self.limit = MAX_REQUEST_BYTES
        self._taken = 0

    def refused(self, size: int) -> None:
        """Note that a request of `size` bytes was too large."""
        self.limit = max(_LEAST_BYTES, min(self.limit, size // 2))
        self._taken = 0

    def taken(self, size: int) -> None:
        """Note that a request of `size` bytes was not too large; a small one proves nothing."""
        self._taken += size * 2 > self.limit
        if self._taken >= _TAKEN_BEFORE_MORE:
            self.limit = min(self.limit * 2, MAX_REQUEST_BYTES)
            self._taken = 0

    def known_too_large(self, size: int) -> bool:
        """Return whether such a size was refused; the halves of a batch are never quite equal."""
        return size > 1.8 * self.limit
