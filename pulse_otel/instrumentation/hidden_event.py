"""Leave the event that we asked for out of the bytes that the caller reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pulse_otel.instrumentation.reading import loads

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LONGEST_END = 4


class EventFilter:
    """Leave one event out of a stream of server-sent events; every other byte passes.

    An event that is not complete yet is held back: only its end tells whether it is the one.
    """

    def __init__(self, hides: Callable[[Any], bool]) -> None:
        self._hides = hides
        self._held = bytearray()
        self._searched = 0
        self._done = False

    def passed(self, data: bytes) -> bytes:
        """Return what may pass, now that `data` arrived."""
        if self._done:
            return data
        self._held += data
        passed = bytearray()
        while not self._done:
            end = _END.search(self._held, self._searched)
            if end is None:
                self._searched = max(0, len(self._held) - _LONGEST_END + 1)
                return bytes(passed)
            event = bytes(self._held[: end.end()])
            del self._held[: end.end()]
            self._searched = 0
            self._done = self._is_hidden(event)
            if not self._done:
                passed += event
        return bytes(passed) + self.rest()

    def rest(self) -> bytes:
        """Return what was held back, at the end of the stream."""
        rest = bytes(self._held)
        self._held.clear()
        return rest

    def _is_hidden(self, event: bytes) -> bool:
        if b'"usage"' not in event:
            return False
        lines = event.splitlines()
        data = b"\n".join(line[5:] for line in lines if line.startswith(b"data:"))
        found = loads(data, otherwise=None)
        return found is not None and self._hides(found)


class FilteredDecoder:
    """Decode an encoded body as the HTTP library does, without the hidden event."""

    def __init__(
        self, decoder: Any, passed: Callable[[bytes], bytes], rest: Callable[[], bytes]
    ) -> None:
        self._decoder = decoder
        self._passed = passed
        self._rest = rest

    def decode(self, data: bytes) -> Any:
        """Return what `data` decodes to: bytes (httpx), or an iterator of bytes (httpx2)."""
        decoded: Any = self._decoder.decode(data)
        return self._passed(decoded) if isinstance(decoded, bytes) else map(self._passed, decoded)

    def flush(self) -> Any:
        """Return the end of the body, and what was held back."""
        last: Any = self._decoder.flush()
        if isinstance(last, bytes):
            return self._passed(last) + self._rest()
        return (piece for pieces in (map(self._passed, last), self._ended()) for piece in pieces)

    def _ended(self) -> Iterator[bytes]:
        yield self._rest()
