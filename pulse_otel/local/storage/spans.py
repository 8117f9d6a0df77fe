"""Store spans in SQLite, one row per span, written once (contract §3.2, §3.5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pulse_otel.local.json_text import Json, stored_json, write_json
from pulse_otel.local.storage import retention
from pulse_otel.local.storage.database import Database
from pulse_otel.local.storage.derivation import INDEXES, SESSIONS, TRACES, USAGE
from pulse_otel.local.storage.summaries import keep
from pulse_otel.local.storage.texts import Texts, TextTable

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
# The last two hold all that the analytics read, so that they read no body.
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS spans ({", ".join(_COLUMNS)}, PRIMARY KEY (project_id, span_id));
DROP INDEX IF EXISTS spans_by_trace;
DROP INDEX IF EXISTS spans_by_session;
CREATE INDEX IF NOT EXISTS spans_of_trace ON spans (trace_id, project_id, timestamp);
CREATE INDEX IF NOT EXISTS spans_of_session ON spans (session_id, project_id, trace_id);
CREATE INDEX IF NOT EXISTS spans_by_time ON spans (project_id, timestamp, kind, source, service,
    event_type, status, tool_name, duration_ms, trace_id);
CREATE INDEX IF NOT EXISTS calls_by_time ON spans (kind, timestamp, project_id, provider, model,
    status, duration_ms, input_tokens, output_tokens, cost_cents, session_id);
"""
_INSERT = (
    f"INSERT OR IGNORE INTO spans ({', '.join(_COLUMNS)})"  # noqa: S608 - our own column names
    f" VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_ALL = f"SELECT {', '.join(_COLUMNS)} FROM spans"  # noqa: S608

# Filter -> SQL. Only these strings and bound values ever reach the database.
_EQUAL = (
    "project_id", "trace_id", "span_id", "session_id", "source", "service", "kind", "tool_name",
    "status",
)  # fmt: skip
_CONDITIONS: Mapping[str, str] = {
    **{name: f"{name} = :{name}" for name in _EQUAL},
    "date_from": "timestamp >= :date_from",
    "date_to": "timestamp <= :date_to",
}
# The database knows nothing of its own contents: it would rather walk through a whole project.
_BEST_INDEX = {"trace_id": "spans_of_trace", "session_id": "spans_of_session"}
# A trace has these if one of its spans has all of them.
_OF_A_SPAN = ("session_id", "source", "service")
_TRACE_CONDITIONS: Mapping[str, str] = {
    **{name: f"{name} = :{name}" for name in ("project_id", "provider", "model")},
    "date_from": "last_started >= :date_from",
    "date_to": "started <= :date_to",
    "status": "(errors > 0) = (:status = 'error')",
    # As a title, a trace without one has its model (contract §3.4).
    "summary": "instr(lower(COALESCE(summary, CASE WHEN calls THEN model END,"
    " tool_calls || ' tool calls')), lower(:summary)) > 0",
}


class Store(Database):
    """Store spans in one SQLite database; all threads share it behind a lock."""

    relations = retention.SPANS

    def __init__(self, path: str, read: Callable[[SpanRow], Texts] | None = None) -> None:
        """Open the database at `path`; `read` says what a span adds to the texts of its trace."""
        super().__init__(path, _SCHEMA)
        built = keep(self._connection, "spans", (TRACES, SESSIONS, USAGE), INDEXES)
        self._texts = read and TextTable(self._connection, TRACES.table, read)
        if self._texts and (built or not self._texts.current()):
            self._texts.build(lambda: map(_from_columns, self._connection.execute(_ALL)))

    def insert(self, rows: Sequence[SpanRow]) -> list[SpanRow]:
        """Store new spans, and return these.

        A stored (project, span id) is not changed (contract §3.2).
        """
        with self._lock, self._connection:
            tried = ((row, self._connection.execute(_INSERT, _to_columns(row))) for row in rows)
            added = [row for row, cursor in tried if cursor.rowcount]
            if self._texts:
                self._texts.add(added)
            return added

    def spans(self, filters: Filters, *, limit: int = -1, offset: int = 0) -> list[SpanRow]:
        """Return the matching spans, newest first; a negative limit means all."""
        found = self.select(
            f"SELECT {', '.join(_COLUMNS)} FROM {_from_spans(filters)}"  # noqa: S608
            " ORDER BY timestamp DESC, rowid DESC LIMIT :limit OFFSET :offset",
            {**filters, "limit": limit, "offset": offset},
        )
        return [_from_columns(columns) for columns in found]

    def first_spans(self, filters: Filters, limit: int) -> list[SpanRow]:
        """Return the first matching spans by start."""
        found = self.select(
            f"SELECT {', '.join(_COLUMNS)} FROM {_from_spans(filters)}"  # noqa: S608
            " ORDER BY timestamp, rowid LIMIT :limit",
            {**filters, "limit": limit},
        )
        return [_from_columns(columns) for columns in found]

    def span_page(self, filters: Filters, limit: int, offset: int) -> tuple[list[SpanRow], int]:
        """Return one page of the matching spans and the number of all, read at one moment."""
        sql = f"SELECT COUNT(*) FROM {_from_spans(filters)}"  # noqa: S608
        with self._lock:
            total = int(self.select(sql, filters)[0][0])
            return self.spans(filters, limit=limit, offset=offset), total

    def trace_page(
        self, filters: Filters, limit: int, offset: int = 0
    ) -> tuple[list[list[SpanRow]], int]:
        """Return one page of the matching traces, newest first, and the number of all of them."""
        matching = f"FROM trace_summaries WHERE {_where_of_traces(filters)}"
        page = (
            f"SELECT project_id, trace_id {matching}"
            " ORDER BY started DESC, seq DESC LIMIT :limit OFFSET :offset"
        )
        with self._lock:
            total = int(self.select(f"SELECT COUNT(*) {matching}", filters)[0][0])
            found = self.select(page, {**filters, "limit": limit, "offset": offset})
            return [self.trace({"project_id": p, "trace_id": t}) for p, t in found], total

    def trace(self, filters: Filters) -> list[SpanRow]:
        """Return the matching spans by start (contract §3.4)."""
        return self.spans(filters)[::-1]


def _from_spans(filters: Filters) -> str:
    index = next(
        (f" INDEXED BY {_BEST_INDEX[name]}" for name in filters if name in _BEST_INDEX), ""
    )
    return f"spans{index} WHERE {_where(filters)}"


def _where(filters: Filters) -> str:
    return " AND ".join(_CONDITIONS[name] for name in filters) or "1"


def _where_of_traces(filters: Filters) -> str:
    """Make the condition on summaries; traces that lists hide never match."""
    conditions = [_TRACE_CONDITIONS[name] for name in filters if name in _TRACE_CONDITIONS]
    of_a_span = [name for name in filters if name in _OF_A_SPAN]
    if of_a_span:
        matching = _from_spans(dict.fromkeys((*of_a_span, "project_id"), ""))
        listed = "event_type NOT IN ('session_start', 'session_end')"
        conditions.append(f"trace_id IN (SELECT trace_id FROM {matching} AND {listed})")  # noqa: S608
    return " AND ".join(["started IS NOT NULL", *conditions])


def _to_columns(row: SpanRow) -> list[Any]:
    values = ((name, getattr(row, name)) for name in _COLUMNS)
    return [
        write_json(value) if name in _JSON_COLUMNS and value is not None else value
        for name, value in values
    ]


def _from_columns(columns: Sequence[Any]) -> SpanRow:
    row = dict(zip(_COLUMNS, columns, strict=True))
    for name in _JSON_COLUMNS:
        row[name] = None if row[name] is None else stored_json(row[name])
    interrupt = row["is_interrupt"]
    row["is_interrupt"] = None if interrupt is None else bool(interrupt)
    return SpanRow(**row)
