"""Open an SQLite database, and keep it small."""

from __future__ import annotations

import math
import sqlite3

_FREED_PAGES = 2_000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def connect(path: str) -> sqlite3.Connection:
    """Open the database at `path`; a new file gets smaller when rows are deleted."""
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    return connection


def shrink(connection: sqlite3.Connection) -> None:
    """Give free pages back to the file system, a few at a time."""
    # `execute` would take one step, which frees one page.
    connection.executescript(f"PRAGMA incremental_vacuum({_FREED_PAGES})")


def size(connection: sqlite3.Connection) -> str:
    """Say how large the database is."""
    ((pages,), (page,)) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    bytes_ = pages * page
    power = min(int(math.log10(max(bytes_, 1)) // 3), len(_UNITS) - 1)
    return f"{bytes_ / 1000**power:.3g} {_UNITS[power]}"
