"""Write the addresses of the pages, and the keys of rows that they go on from."""

from __future__ import annotations

import re
from urllib.parse import quote

from pulse_otel.local.storage.database import Key

# No number is too long for SQLite.
_KEY = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,3})?)_([0-9]{1,18})")


def of_trace(trace_id: str) -> str:
    """Return the address of a trace's page."""
    return "/dashboard/traces/" + quote(trace_id, safe="")


def of_session(session_id: str) -> str:
    """Return the address of a session's page."""
    return "/sessions/" + quote(session_id, safe="")


def write_key(key: Key) -> str:
    """Write a key for an address."""
    return f"{key[0]}_{key[1]}"


def read_key(text: str) -> Key | None:
    """Read a key; None if the text is none."""
    found = _KEY.fullmatch(text)
    return (float(found[1]), int(found[2])) if found else None
