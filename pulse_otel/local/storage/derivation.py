"""Say how traces and sessions are derived from spans, and from legacy traces (contract §3.4).

`traces`: `started` is the key of a list, null for a trace that lists hide; `seq` breaks ties.
Provider and model are those that a filter finds: `sdk` and `unknown` without a call. `model_used`
is the model that answered, else the one that was asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pulse_otel.local.storage.latencies import class_of
from pulse_otel.local.storage.summaries import Summary

_IS_CALL = "(new.kind = 'llm_call')"
# Trace lists hide these two event types (contract §3.3).
_IS_LISTED = "(new.event_type NOT IN ('session_start', 'session_end'))"


def _of_calls(value: str) -> str:
    return f"CASE WHEN {_IS_CALL} THEN {value} END"


def _metadata(*names: str) -> str:
    """Take the first of these entries that is there; SQLite refuses JSON that is very deep."""
    found = [f"""json_extract(new.metadata, '$."{name}"')""" for name in names]
    first = found[0] if len(found) == 1 else f"COALESCE({', '.join(found)})"
    return f"CASE WHEN json_valid(new.metadata) THEN {first} END"


_USAGE = {
    name: _of_calls(f"new.{name}") for name in ("input_tokens", "output_tokens", "cost_cents")
}
# A successful call without a cost: the sum of the costs is a lower bound.
_UNPRICED = "({cost} IS NULL AND new.status = 'success')"
_KINDS = {
    "calls": _IS_CALL,
    "tool_calls": "(new.kind = 'tool_use')",
    "agent_runs": "(new.kind = 'agent_run')",
    "errors": "(new.status = 'error')",
    "spans": "1",
    "unpriced": f"({_IS_CALL} AND {_UNPRICED.format(cost='new.cost_cents')})",
}

TOKENS = "COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)"


def _list_indexes(table: str) -> str:
    """Write the indexes that pages of the list of traces walk (`trace_list`)."""
    # With all that totals read, so that they read no rows.
    by_time = "started, seq, errors, cost_cents, input_tokens, output_tokens"
    columns = {
        "time": by_time,
        "session": f"session_id, {by_time}",
        "user": f"user_id, {by_time}",
        "failed": by_time,
        "model": f"model_used, {by_time}",
        "provider": f"provider, {by_time}",
        "cost": "COALESCE(cost_cents, 0), seq",
        "tokens": f"{TOKENS}, seq",
        "latency": "COALESCE(latency_ms, 0), seq",
    }
    partly = {"user": "WHERE user_id IS NOT NULL", "failed": "WHERE errors > 0"}
    return "".join(
        f"CREATE INDEX {table}_by_{name} ON {table} ({these}) {partly.get(name, '')};\n"
        for name, these in columns.items()
    )


TRACES = Summary(
    table="trace_summaries",
    key={"project_id": "new.project_id", "trace_id": "new.trace_id"},
    main_rank=f"NOT {_IS_CALL}",
    firsts={
        "session_id": "new.session_id",
        "source": "new.source",
        "service": "new.service",
        "provider": f"COALESCE({_of_calls('new.provider')}, 'sdk')",
        "model": f"COALESCE({_of_calls('new.model')}, 'unknown')",
        "model_used": f"COALESCE({_of_calls('COALESCE(new.model_used, new.model)')}, 'unknown')",
        "user_id": _metadata("pulse.user_id"),
        "summary": _metadata("pulse.summary", "pulse.metadata.summary", "summary"),
    },
    sums={**_USAGE, **_KINDS, "latency_ms": "COALESCE(new.duration_ms, 0)"},
    least={"started": f"CASE WHEN {_IS_LISTED} THEN new.timestamp END", "seq": "new.rowid"},
    most={"last_started": f"CASE WHEN {_IS_LISTED} THEN new.timestamp END"},
)
SESSIONS = Summary(
    table="session_summaries",
    # In this order: a page shows the sessions of one id in all projects.
    key={"session_id": "new.session_id", "project_id": "new.project_id"},
    main_rank=f"NOT {_IS_CALL}",
    firsts={
        "source": "new.source",
        "model": _of_calls("new.model"),
        "main_id": "new.span_id",
    },
    sums={
        **_USAGE,
        **_KINDS,
        "traces": "NOT EXISTS (SELECT 1 FROM spans AS other INDEXED BY spans_of_session"
        " WHERE other.project_id = new.project_id"
        " AND other.session_id = new.session_id AND other.trace_id = new.trace_id"
        " AND other.rowid < new.rowid)",
    },
    least={"started": "new.timestamp", "seq": "new.rowid"},
    most={"last_started": "new.timestamp", "named": "new.session_id <> new.trace_id"},
    lists={"sources": "new.source", "users": _metadata("pulse.user_id")},
)
# The lengths of the overview's periods in ms: five minutes, an hour, six hours, a day.
PERIODS = (300_000, 3_600_000, 21_600_000, 86_400_000)


def _usage(table: str, names: Mapping[str, str], latency: str, sums: Mapping[str, str]) -> Summary:
    """Roll calls up by period and model: the overview reads nothing else."""
    lengths = " UNION ALL ".join(f"SELECT {length} AS length" for length in PERIODS)
    return Summary(
        table=table,
        key={
            "length": "period.length",
            "period": "new.timestamp - new.timestamp % period.length",
            **names,
        },
        sums={name: sums[name] for name in (*_USAGE, "calls", "errors", "unpriced")},
        counts={"latencies": class_of(latency)},
        clustered=True,
        times=f"({lengths}) AS period",
    )


USAGE = dataclasses.replace(
    _usage(
        "usage",
        {
            "provider": "COALESCE(new.provider, 'sdk')",
            "model": "COALESCE(new.model_used, new.model, 'unknown')",
        },
        "new.duration_ms",
        {**_USAGE, **_KINDS},
    ),
    condition=_IS_CALL,
)
INDEXES = f"""
CREATE INDEX named_sessions_by_time ON session_summaries (last_started, seq) WHERE named;
{_list_indexes(TRACES.table)}
CREATE INDEX traces_by_time
    ON trace_summaries (project_id, started, seq, last_started, errors, provider, model);
CREATE INDEX sessions_by_time ON session_summaries (project_id, last_started, seq);
CREATE INDEX all_sessions_by_time ON session_summaries (last_started, seq);
"""


def _stored(name: str) -> str:
    return f"CASE WHEN json_valid(new.row) THEN json_extract(new.row, '$.{name}') END"


_LEGACY_SUMS = {
    **{name: _stored(name) for name in _USAGE},
    "calls": "1",
    "tool_calls": "0",
    "agent_runs": "0",
    "errors": "(new.status = 'error')",
    "spans": "1",
    "unpriced": _UNPRICED.format(cost=_stored("cost_cents")),
}
LEGACY_TRACES = Summary(
    table="legacy_summaries",
    key={"project_id": "new.project_id", "trace_id": "new.trace_id"},
    firsts={
        "session_id": "new.session_id",
        "provider": "new.provider",
        "model": "new.model_requested",
        "model_used": "COALESCE(new.model_used, new.model_requested)",
        "user_id": _stored("metadata.user_id"),
        "summary": _stored("metadata.summary"),
    },
    sums={**_LEGACY_SUMS, "latency_ms": _stored("latency_ms")},
    least={"started": "new.timestamp", "seq": "new.rowid"},
    most={"last_started": "new.timestamp"},
)
LEGACY_SESSIONS = Summary(
    table="legacy_sessions",
    key={"session_id": "new.session_id", "project_id": "new.project_id"},
    firsts={"main_id": "new.trace_id"},
    sums={**_LEGACY_SUMS, "traces": "1"},
    least={"started": "new.timestamp", "seq": "new.rowid"},
    most={"last_started": "new.timestamp", "named": "new.session_id <> new.trace_id"},
    lists={"users": _stored("metadata.user_id")},
    condition="new.session_id IS NOT NULL",
)
LEGACY_USAGE = _usage(
    "legacy_usage",
    {"provider": "new.provider", "model": "COALESCE(new.model_used, new.model_requested)"},
    _stored("latency_ms"),
    _LEGACY_SUMS,
)
LEGACY_INDEXES = f"""
CREATE INDEX named_legacy_by_time ON legacy_sessions (last_started, seq) WHERE named;
{_list_indexes(LEGACY_TRACES.table)}
CREATE INDEX legacy_by_time ON legacy_summaries (project_id, started, seq, errors, provider, model);
"""
