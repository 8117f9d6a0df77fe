"""List the sessions of a project from their summaries (contract §3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel.local.storage.database import Select
from pulse_otel.local.storage.spans import Filters
from pulse_otel.local.storage.summaries import words

# Field of the answer -> column. Tokens and cost are null if no call has any, as in a trace.
_COLUMNS: Mapping[str, str] = {
    "sessionId": "session_id",
    "firstTimestamp": "started",
    "lastTimestamp": "last_started",
    "status": "CASE WHEN errors THEN 'error' ELSE 'success' END",
    # Between the first and the last start: a session of one span lasts 0 ms.
    "durationMs": "last_started - started",
    "agentRuns": "agent_runs",
    "toolCalls": "tool_calls",
    "totalSpans": "spans",
    "errorCount": "errors",
    "traceCount": "traces",
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "costCents": "cost_cents",
    "sources": "sources",
    "source": "source",
    "model": "model",
}


def session_page(select: Select, filters: Filters) -> tuple[list[dict[str, Any]], int]:
    """Return the page of sessions at `limit` and `offset`, newest first, and how many there are."""
    (total,) = select(
        "SELECT COUNT(*) FROM session_summaries WHERE project_id = :project_id", filters
    )
    found = select(
        f"SELECT {', '.join(_COLUMNS.values())} FROM session_summaries"  # noqa: S608
        " WHERE project_id = :project_id"
        " ORDER BY last_started DESC, seq DESC LIMIT :limit OFFSET :offset",
        filters,
    )
    rows = [dict(zip(_COLUMNS, values, strict=True)) for values in found]
    return [{**row, "sources": words(row["sources"])} for row in rows], total[0]
