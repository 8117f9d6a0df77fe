"""Store accepted items a moment later, as the real service does (contract §2.4, §3.6)."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Writer(Generic[T]):
    """Pass queued items to `write`, in order, `delay_s` seconds later.

    A thread exists only while items wait. It is not a daemon, so a normal exit of the process
    loses none.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], object],
        *,
        delay_s: float = 0.05,
        capacity: int = 20_000,
    ) -> None:
        self._store = write
        self._delay_s = delay_s
        self._capacity = capacity
        self._waiting: list[T] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def put(self, items: Sequence[T]) -> bool:
        """Queue `items`; return False if they do not fit."""
        with self._lock:
            if len(self._waiting) + len(items) > self._capacity:
                return False
            if items and not self._waiting:
                threading.Timer(self._delay_s, self._write).start()
            self._waiting.extend(items)
            return True

    def _write(self) -> None:
        # Items leave the queue under the writing lock, so that the first of two equal ids wins.
        with self._writing:
            with self._lock:
                items, self._waiting = self._waiting, []
            try:
                self._store(items)
            except (sqlite3.Error, RecursionError):
                _log.exception("%d accepted items could not be stored", len(items))
