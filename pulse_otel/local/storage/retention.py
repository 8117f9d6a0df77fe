"""Delete traces whose last span is older than a limit, in small batches beside the requests.

The roll-up of calls stays: it is small, and it has no texts.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from pulse_otel.local.storage.derivation import LEGACY_SESSIONS, LEGACY_TRACES, SESSIONS, TRACES
from pulse_otel.local.storage.summaries import Summary

_log = logging.getLogger(__name__)

_BATCH = 25  # traces: the requests wait for no more
_PAUSE_S = 0.02
_EVERY_S = 60.0


@dataclass(frozen=True)
class Relations:
    """The table that traces are derived from, and its summaries.

    `of_trace` and `of_session` are how SQLite finds their rows.
    """

    source: str
    of_trace: str
    of_session: str
    traces: Summary
    sessions: Summary


SPANS: Final = Relations(
    "spans", "INDEXED BY spans_of_trace", "INDEXED BY spans_of_session", TRACES, SESSIONS
)
LEGACY: Final = Relations(
    "traces", "", "INDEXED BY traces_by_session", LEGACY_TRACES, LEGACY_SESSIONS
)
Session = tuple[str, str]


class Deletes(Protocol):
    """A store that can delete."""

    relations: Relations

    def change(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run `work` as one transaction."""


def delete_before(store: Deletes, before: int, wait: Callable[[float], bool]) -> int:
    """Delete the traces that ended before `before`, in ms; return how many these are.

    `wait` waits some seconds between batches, and returns whether to end.
    """
    deleted = 0
    sessions: set[Session] = set()
    while True:
        found: Sequence[Session] | None = store.change(
            lambda connection: _delete_batch(connection, store.relations, before, sessions)
        )
        deleted += len(found or ())
        ended = wait(_PAUSE_S)
        if ended or not found:
            break
    # At the end only: a session may have traces in each batch.
    for session in sessions:
        store.change(partial(_renew, of=store.relations, session=session))
    return deleted


def _delete_batch(
    connection: sqlite3.Connection, of: Relations, before: int, sessions: set[Session]
) -> Sequence[Session]:
    table = of.traces.table
    old = (
        f"SELECT project_id, trace_id FROM {table} WHERE {{}} AND last_time < :before"  # noqa: S608
    ).replace("last_time", "COALESCE(last_started, main_time)")
    # A trace that lists hide has no start.
    sql = f"{old.format('started < :before')} UNION ALL {old.format('started IS NULL')} LIMIT :most"
    found = connection.execute(sql, {"before": before, "most": _BATCH}).fetchall()
    for one in found:
        rows = f"FROM {of.source} {of.of_trace} WHERE project_id = ? AND trace_id = ?"
        sessions.update(connection.execute(f"SELECT session_id, project_id {rows}", one))
        connection.execute(f"DELETE {rows}", one)
        connection.execute(f"DELETE FROM {table} WHERE project_id = ? AND trace_id = ?", one)  # noqa: S608
    return found


def _renew(connection: sqlite3.Connection, of: Relations, session: Session) -> None:
    """Derive a session anew from what it still has."""
    which = "session_id = :session AND project_id = :project"
    values = {"session": session[0], "project": session[1]}
    connection.execute(f"DELETE FROM {of.sessions.table} WHERE {which}", values)  # noqa: S608
    rows = f"{of.source} AS new {of.of_session}"
    only = "new.session_id = :session AND new.project_id = :project"
    connection.execute(of.sessions.add(rows, only=only), values)


@contextlib.contextmanager
def keeping(stores: Iterable[Deletes], milliseconds: int) -> Generator[None]:
    """Delete what is older than `milliseconds` while the block runs: now, and each minute."""
    ended = threading.Event()
    thread = threading.Thread(
        target=_keep, args=(tuple(stores), milliseconds, ended), name="retention", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)


def _keep(stores: Sequence[Deletes], milliseconds: int, ended: threading.Event) -> None:
    while True:
        before = time.time_ns() // 1_000_000 - milliseconds
        try:
            for store in stores:
                delete_before(store, before, ended.wait)
        except sqlite3.Error:
            _log.exception("old traces could not be deleted")
        if ended.wait(_EVERY_S):
            return
