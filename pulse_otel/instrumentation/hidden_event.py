"""Leave what we asked for out of the bytes that the caller reads: an event, and empty members."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pulse_otel.instrumentation.reading import loads, read

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LONGEST_END = 4
# What tells the depth of a name in JSON, and what surrounds the member to leave out. A string
# matches without its end, too: to try each later quote would take quadratic time.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\]]')
_NAME = b'"usage"'
_NULL = re.compile(rb"\s*:\s*null")
_COMMA = re.compile(rb"\s*,\s*")


class EventFilter:
    """Leave one event out of a stream of server-sent events, and `"usage": null` out of the others.

    Every other byte passes. An event that is not complete yet is held back: only its end tells
    what to leave out.
    """

    def __init__(self, hides: Callable[[Any], bool]) -> None:
        self._hides = hides
        self._held = bytearray()
        self._searched = 0

    def passed(self, data: bytes) -> bytes:
        """Return what may pass, now that `data` arrived."""
        self._held += data
        passed, start = bytearray(), 0
        while end := _END.search(self._held, max(start, self._searched)):
            passed += self._shown(bytes(self._held[start : end.end()]))
            start = end.end()
        del self._held[:start]
        self._searched = max(0, len(self._held) - _LONGEST_END + 1)
        return bytes(passed)

    def rest(self) -> bytes:
        """Return what was held back, at the end of the stream."""
        rest = bytes(self._held)
        self._held.clear()
        return rest

    def _shown(self, event: bytes) -> bytes:
        if _NAME not in event:
            return event
        lines = event.splitlines()
        data = b"\n".join(line[5:] for line in lines if line.startswith(b"data:"))
        chunk = loads(data, otherwise=None)
        if chunk is None:
            return event
        if self._hides(chunk):
            return b""
        return _without_usage(event) if read(chunk, "usage") is None else event


def _without_usage(event: bytes) -> bytes:
    """Return `event` without the member `"usage": null` of its outermost object."""
    depth = 0
    for token in _TOKEN.finditer(event):
        found = token[0]
        if found in b"{[":
            depth += 1
        elif found in b"]}":
            depth -= 1
        elif depth == 1 and found == _NAME and (value := _NULL.match(event, token.end())):
            return _cut(event, token.start(), value.end())
    return event


def _cut(event: bytes, start: int, end: int) -> bytes:
    """Leave out the member from `start` to `end`, with the comma on one of its sides."""
    before = event[:start].rstrip()
    if before.endswith(b","):
        return before[:-1] + event[end:]
    comma = _COMMA.match(event, end)
    return event[:start] + event[comma.end() if comma is not None else end :]


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
