"""Open an SQLite database, and say how large it is."""

from __future__ import annotations

import math
import sqlite3

MEMORY = ":memory:"
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def connect(path: str) -> sqlite3.Connection:
    """Open the database at `path`; a new file gets smaller when rows are deleted."""
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    return connection


def described(connection: sqlite3.Connection) -> str:
    """Say where the database is and how large it is."""
    (_, _, path) = connection.execute("PRAGMA database_list").fetchone()
    ((pages,), (size,)) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    return f"Traces are in {path or 'memory'}: {_size(pages * size)}."


def _size(size: float) -> str:
    power = min(int(math.log10(max(size, 1)) // 3), len(_UNITS) - 1)
    return f"{size / 1000**power:.3g} {_UNITS[power]}"
