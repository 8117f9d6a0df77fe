"""Note when the chunks of a stream reach the program; of calls that are measured only."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Iterator
from time import perf_counter
from typing import Any


class TimedChunks:
    """Iterate over the chunks of a stream, and note the time of each."""

    def __init__(self, inner: Any, times: array[float]) -> None:
        self._inner = inner
        self._times = times

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        item = next(self._inner)
        self._times.append(perf_counter())
        return item


class AsyncTimedChunks(TimedChunks):
    """Do the same for an async stream."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        item = await self._inner.__anext__()
        self._times.append(perf_counter())
        return item
