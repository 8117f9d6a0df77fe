"""An SQLite database that all threads share, and that is kept small."""

from __future__ import annotations

import math
import sqlite3
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Select: TypeAlias = Callable[[str, Mapping[str, Any]], "list[tuple[Any, ...]]"]
"""Runs a query with the values of its names."""
Key: TypeAlias = tuple[float, int]
"""The value of a row in the order of a list, and its place among equals."""

_FREED_PAGES = 2_000
_CACHE_KB = 32_000  # what a view of a large file reads, it finds there the next time
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


class Database:
    """One connection behind a lock, which may be taken again."""

    def __init__(self, path: str, schema: str) -> None:
        """Open the database at `path`; a new file gets smaller when rows are deleted."""
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        self._connection.executescript(schema)

    def change(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run `work` as one transaction, and give back the pages that it frees."""
        with self._lock:
            with self._connection:
                found = work(self._connection)
            # A few pages at a time. `execute` would take one step, which frees one page.
            self._connection.executescript(f"PRAGMA incremental_vacuum({_FREED_PAGES})")
            return found

    def select(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a query of this package; `values` are bound to its names."""
        with self._lock:
            return self._connection.execute(sql, dict(values)).fetchall()

    def size(self) -> str:
        """Say how large the database is."""
        with self._lock:
            ((pages,), (page,)) = (
                self._connection.execute(f"PRAGMA {name}").fetchone()
                for name in ("page_count", "page_size")
            )
        bytes_ = pages * page
        power = min(int(math.log10(max(bytes_, 1)) // 3), len(_UNITS) - 1)
        return f"{bytes_ / 1000**power:.3g} {_UNITS[power]}"
