"""Store the traces of the legacy service in SQLite, one row per trace (contract §2)."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulse_otel.local.json_text import Json, stored_json, write_json
from pulse_otel.local.storage import retention
from pulse_otel.local.storage.database import Database
from pulse_otel.local.storage.derivation import (
    LEGACY_INDEXES,
    LEGACY_SESSIONS,
    LEGACY_TRACES,
    LEGACY_USAGE,
)
from pulse_otel.local.storage.spans import Filters
from pulse_otel.local.storage.summaries import keep
from pulse_otel.local.storage.texts import Texts, TextTable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TraceRow:
    """One trace, which is one call; the fields are in the order in which the service shows them."""

    trace_id: str
    project_id: str
    session_id: str | None
    timestamp: int  # ms since the epoch
    latency_ms: float
    provider: str
    model_requested: str
    model_used: str | None
    provider_request_id: str | None
    request_body: dict[str, Json]
    response_body: dict[str, Json] | None
    input_tokens: int | None
    output_tokens: int | None
    output_text: str | None
    finish_reason: str | None
    status: str
    error: dict[str, Json] | None
    cost_cents: float | None
    metadata: dict[str, Json] | None


_FIELDS = tuple(field.name for field in dataclasses.fields(TraceRow))
# Filters need columns of their own; `row` is the whole trace as JSON text.
_COLUMNS = (
    "trace_id", "project_id", "session_id", "timestamp", "provider", "model_requested",
    "model_used", "status",
)  # fmt: skip
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS traces ({", ".join(_COLUMNS)}, row, PRIMARY KEY (trace_id));
CREATE INDEX IF NOT EXISTS traces_by_session ON traces (project_id, session_id);
CREATE INDEX IF NOT EXISTS legacy_traces_by_time
    ON traces (project_id, timestamp, provider, model_requested, status);
CREATE INDEX IF NOT EXISTS all_legacy_traces_by_time ON traces (timestamp);
"""
_INSERT = f"INSERT INTO traces VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"  # noqa: S608
_EQUAL = ("project_id", "trace_id", "session_id", "provider", "status")
# Filter -> SQL. Only these strings and bound values ever reach the database.
_CONDITIONS: Mapping[str, str] = {
    **{name: f"{name} = :{name}" for name in _EQUAL},
    "model": "model_requested = :model",
    "date_from": "timestamp >= :date_from",
    "date_to": "timestamp <= :date_to",
}


class LegacyStore(Database):
    """Store traces in one SQLite database; all threads share it behind a lock."""

    relations = retention.LEGACY

    def __init__(self, path: str, read: Callable[[TraceRow], Texts] | None = None) -> None:
        """Open the database at `path`; `read` says what the texts of a trace are."""
        super().__init__(path, _SCHEMA)
        summaries = (LEGACY_TRACES, LEGACY_SESSIONS, LEGACY_USAGE)
        built = keep(self._connection, "traces", summaries, LEGACY_INDEXES)
        self._texts = read and TextTable(self._connection, LEGACY_TRACES.table, read)
        if self._texts and (built or not self._texts.current()):
            sql = "SELECT row FROM traces"
            self._texts.build(
                lambda: (_from_text(whole) for (whole,) in self._connection.execute(sql))
            )

    def insert(self, rows: Sequence[TraceRow]) -> bool:
        """Store `rows` up to the first whose id is taken; return whether that is all of them.

        An id is taken in all projects, also by an earlier row of the same call (contract §2.2).
        """
        with self._lock, self._connection:
            return all(self._owner(row) is None and self._add(row) for row in rows)

    def insert_queued(self, uploads: Sequence[Sequence[TraceRow]]) -> None:
        """Store the new traces of each upload; a stored one is not changed (contract §2.4).

        A trace whose id belongs to another project is dropped, and so is the rest of its upload.
        """
        with self._lock, self._connection:
            for rows in uploads:
                if not all(self._add_once(row) for row in rows):
                    _log.warning("a trace id belongs to another project: the rest is dropped")

    def _add_once(self, row: TraceRow) -> bool:
        owner = self._owner(row)
        return self._add(row) if owner is None else owner == row.project_id

    def _owner(self, row: TraceRow) -> str | None:
        sql = "SELECT project_id FROM traces WHERE trace_id = ?"
        found = self._connection.execute(sql, [row.trace_id]).fetchone()
        return str(found[0]) if found else None

    def _add(self, row: TraceRow) -> bool:
        whole = write_json({name: getattr(row, name) for name in _FIELDS})
        self._connection.execute(_INSERT, [*(getattr(row, name) for name in _COLUMNS), whole])
        if self._texts:
            self._texts.add([row])
        return True

    def page(self, filters: Filters, limit: int, offset: int = 0) -> tuple[list[TraceRow], int]:
        """Return one page of the matching traces, newest first, and the number of all of them."""
        counting = f"SELECT COUNT(*) FROM traces WHERE {_where(filters)}"  # noqa: S608
        with self._lock:
            total = int(self.select(counting, filters)[0][0])
            return self.traces(filters, limit=limit, offset=offset), total

    def traces(self, filters: Filters, *, limit: int = -1, offset: int = 0) -> list[TraceRow]:
        """Return the matching traces, newest first; a negative limit means all."""
        found = self.select(
            f"SELECT row FROM traces WHERE {_where(filters)}"  # noqa: S608
            " ORDER BY timestamp DESC, rowid DESC LIMIT :limit OFFSET :offset",
            {**filters, "limit": limit, "offset": offset},
        )
        return [_from_text(whole) for (whole,) in found]


def _where(filters: Filters) -> str:
    return " AND ".join(_CONDITIONS[name] for name in filters) or "1"


def _from_text(whole: str) -> TraceRow:
    columns: Any = stored_json(whole)
    return TraceRow(**columns)
