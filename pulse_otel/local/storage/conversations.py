"""Read pages of sessions, and of the traces of a session, by key from their summaries.

A session is listed if a program named it: without a name, each trace is a session of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulse_otel.local.storage.database import Key, Select
from pulse_otel.local.storage.summaries import words

_SESSION: tuple[str, ...] = (
    "project_id", "session_id", "started", "last_started", "seq", "traces", "errors",
    "input_tokens", "output_tokens", "cost_cents", "unpriced", "users", "main_id",
)  # fmt: skip
_TRACE: tuple[str, ...] = ("project_id", "trace_id", "started", "seq", "errors", "user_id")


@dataclass(frozen=True)
class Tables:
    """The summaries of a generation of the service, and the index that finds named sessions."""

    sessions: str
    named: str
    traces: str
    of_session: str


CURRENT: Final = Tables(
    "session_summaries",
    "named_sessions_by_time",
    "trace_summaries",
    "trace_summaries_by_session",
)
LEGACY: Final = Tables(
    "legacy_sessions", "named_legacy_by_time", "legacy_summaries", "legacy_summaries_by_session"
)


@dataclass(frozen=True)
class Page:
    """Rows in the order of the page, and whether there are others before and after them."""

    rows: list[dict[str, Any]]
    before: bool
    after: bool


def sessions(
    select: Select,
    tables: Tables,
    limit: int,
    *,
    older: Key | None = None,
    newer: Key | None = None,
) -> Page:
    """Return sessions by their last activity, the latest first: next to a key, or the first."""
    key = older or newer
    backwards = older is None and newer is not None
    beyond = (
        "" if key is None else f"AND (last_started, seq) {'>' if backwards else '<'} (:at, :seq)"
    )
    way = "ASC" if backwards else "DESC"
    found = select(
        f"SELECT {', '.join(_SESSION)} FROM {tables.sessions}"  # noqa: S608 - our own names
        f" INDEXED BY {tables.named} WHERE named {beyond}"
        f" ORDER BY last_started {way}, seq {way} LIMIT :limit",
        {**_bound(key), "limit": limit + 1},
    )
    rows = [_with_users(dict(zip(_SESSION, values, strict=True))) for values in found]
    return _page(rows, limit, backwards=backwards, started=key is not None)


def session(select: Select, tables: Tables, session_id: str) -> list[dict[str, Any]]:
    """Return the row of a session in each project that has it."""
    found = select(
        f"SELECT {', '.join(_SESSION)} FROM {tables.sessions}"  # noqa: S608
        " WHERE session_id = :session_id ORDER BY started",
        {"session_id": session_id},
    )
    return [_with_users(dict(zip(_SESSION, values, strict=True))) for values in found]


def traces(
    select: Select,
    tables: Tables,
    session_id: str,
    limit: int,
    *,
    later: Key | None = None,
    earlier: Key | None = None,
) -> Page:
    """Return the traces of a session by their start: next to a key, or the first."""
    key = later or earlier
    backwards = later is None and earlier is not None
    beyond = "" if key is None else f"AND (started, seq) {'<' if backwards else '>'} (:at, :seq)"
    way = "DESC" if backwards else "ASC"
    found = select(
        f"SELECT {', '.join(_TRACE)} FROM {tables.traces}"  # noqa: S608
        f" INDEXED BY {tables.of_session}"
        f" WHERE session_id = :session_id AND started IS NOT NULL {beyond}"
        f" ORDER BY started {way}, seq {way} LIMIT :limit",
        {**_bound(key), "session_id": session_id, "limit": limit + 1},
    )
    rows = [dict(zip(_TRACE, values, strict=True)) for values in found]
    return _page(rows, limit, backwards=backwards, started=key is not None)


def _bound(key: Key | None) -> Mapping[str, float]:
    return {} if key is None else {"at": key[0], "seq": key[1]}


def _page(rows: list[dict[str, Any]], limit: int, *, backwards: bool, started: bool) -> Page:
    more = len(rows) > limit
    if backwards:
        return Page(rows[:limit][::-1], before=more, after=started)
    return Page(rows[:limit], before=started, after=more)


def _with_users(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "users": words(row["users"])}
