"""Store spans in SQLite, one row per span, written once (contract §3.2, §3.5)."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pulse_otel.local.json_text import Json

Filters: TypeAlias = Mapping[str, str | int]

SOURCES = ("claude_code", "codex", "opencode", "openclaw", "sdk")
KINDS = (
    "llm_call", "tool_use", "agent_run", "session", "user_prompt", "llm_response", "notification",
)  # fmt: skip
STATUSES = ("success", "error")


@dataclass(frozen=True, kw_only=True)
class SpanRow:
    """One stored span; the fields are in the order in which the service shows them."""

    span_id: str
    trace_id: str
    project_id: str
    session_id: str
    parent_span_id: str | None
    timestamp: int  # ms since the epoch
    duration_ms: int | None
    source: str
    service: str | None
    kind: str
    event_type: str
    status: str
    tool_use_id: str | None
    tool_name: str | None
    tool_input: Json
    tool_response: Json
    error: Json
    is_interrupt: bool | None
    cwd: str | None
    model: str | None
    agent_name: str | None
    provider: str | None
    model_used: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_cents: float | None
    finish_reason: str | None
    output_text: str | None
    provider_request_id: str | None
    metadata: dict[str, Json]


_COLUMNS = tuple(field.name for field in dataclasses.fields(SpanRow))
_JSON_COLUMNS = frozenset({"tool_input", "tool_response", "error", "metadata"})
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS spans ({", ".join(_COLUMNS)}, PRIMARY KEY (project_id, span_id));
CREATE INDEX IF NOT EXISTS spans_by_trace ON spans (project_id, trace_id);
CREATE INDEX IF NOT EXISTS spans_by_session ON spans (project_id, session_id);
"""
_INSERT = (
    f"INSERT OR IGNORE INTO spans ({', '.join(_COLUMNS)})"  # noqa: S608 - our own column names
    f" VALUES ({', '.join('?' * len(_COLUMNS))})"
)

# Filter -> SQL. Only these strings and bound values ever reach the database.
_EQUAL = (
    "project_id", "trace_id", "span_id", "session_id", "source", "service", "kind", "tool_name",
    "provider", "status",
)  # fmt: skip
_CONDITIONS: Mapping[str, str] = {
    **{name: f"{name} = :{name}" for name in _EQUAL},
    "model": "(model = :model OR model_used = :model)",
    "date_from": "timestamp >= :date_from",
    "date_to": "timestamp <= :date_to",
    # A trace fails if any of its spans does (contract §3.4).
    "trace_status": "(:trace_status = 'error') = EXISTS (SELECT 1 FROM spans AS failed"
    " WHERE failed.project_id = spans.project_id AND failed.trace_id = spans.trace_id"
    " AND failed.status = 'error')",
}
# Trace lists hide these two event types (contract §3.3).
_LISTED = "event_type NOT IN ('session_start', 'session_end')"


class Store:
    """Store spans in one SQLite database; all threads share it behind a lock."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        weakref.finalize(self, self._connection.close)
        self._connection.executescript(_SCHEMA)

    def insert(self, rows: Sequence[SpanRow]) -> None:
        """Store new spans; a stored (project, span id) is not changed (contract §3.2)."""
        with self._lock, self._connection:
            self._connection.executemany(_INSERT, [_to_columns(row) for row in rows])

    def spans(self, filters: Filters, *, limit: int = -1, offset: int = 0) -> list[SpanRow]:
        """Return the matching spans, newest first; a negative limit means all."""
        found = self._all(
            f"SELECT {', '.join(_COLUMNS)} FROM spans WHERE {_where(filters)}"  # noqa: S608
            " ORDER BY timestamp DESC, rowid DESC LIMIT :limit OFFSET :offset",
            {**filters, "limit": limit, "offset": offset},
        )
        return [_from_columns(columns) for columns in found]

    def span_page(self, filters: Filters, limit: int, offset: int) -> tuple[list[SpanRow], int]:
        """Return one page of the matching spans and the number of all, read at one moment."""
        sql = f"SELECT COUNT(*) FROM spans WHERE {_where(filters)}"  # noqa: S608
        with self._lock:
            total = int(self._all(sql, filters)[0][0])
            return self.spans(filters, limit=limit, offset=offset), total

    def trace_page(
        self, filters: Filters, limit: int, offset: int = 0
    ) -> tuple[list[list[SpanRow]], int]:
        """Return one page of the traces with a matching span, and the number of all such traces."""
        sql = (
            "SELECT COUNT(*) FROM (SELECT 1 FROM spans"  # noqa: S608
            f" WHERE {_LISTED} AND {_where(filters)} GROUP BY project_id, trace_id)"
        )
        with self._lock:
            total = int(self._all(sql, filters)[0][0])
            return self._traces(filters, limit, offset), total

    def _traces(self, filters: Filters, limit: int, offset: int) -> list[list[SpanRow]]:
        """Return the traces with a matching span, newest first; the spans of each by start."""
        found = self._all(
            f"SELECT project_id, trace_id FROM spans WHERE {_LISTED} AND {_where(filters)}"  # noqa: S608
            " GROUP BY project_id, trace_id ORDER BY MIN(timestamp) DESC, MIN(rowid) DESC"
            " LIMIT :limit OFFSET :offset",
            {**filters, "limit": limit, "offset": offset},
        )
        return [self.trace({"project_id": p, "trace_id": t}) for p, t in found]

    def trace(self, filters: Filters) -> list[SpanRow]:
        """Return the matching spans by start (contract §3.4)."""
        return self.spans(filters)[::-1]

    def _all(self, sql: str, values: Filters) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, dict(values)).fetchall()


def _where(filters: Filters) -> str:
    return " AND ".join(_CONDITIONS[name] for name in filters) or "1"


def _to_columns(row: SpanRow) -> list[Any]:
    values = ((name, getattr(row, name)) for name in _COLUMNS)
    return [
        json.dumps(value) if name in _JSON_COLUMNS and value is not None else value
        for name, value in values
    ]


def _from_columns(columns: Sequence[Any]) -> SpanRow:
    row = dict(zip(_COLUMNS, columns, strict=True))
    for name in _JSON_COLUMNS:
        row[name] = None if row[name] is None else json.loads(row[name])
    interrupt = row["is_interrupt"]
    row["is_interrupt"] = None if interrupt is None else bool(interrupt)
    return SpanRow(**row)
