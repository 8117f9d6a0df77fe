"""Turn an array of traces into rows, or list all that is wrong with it (contract §2).

No clock, no storage, no HTTP.
"""

from __future__ import annotations

from typing import Any

from pulse_otel.local.json_text import Json, parse_body
from pulse_otel.local.service.legacy.fields import (
    ABSENT,
    FIELDS,
    Issue,
    array_rule,
    milliseconds,
    object_rule,
    too_big,
)
from pulse_otel.local.storage.legacy_traces import TraceRow

MAX_TRACES = 100


class TracesRefused(ValueError):
    """The upload is refused with a 400, and nothing of it is stored (contract §1, §2.2).

    `issues` lists the faults, and is empty for a body that is not JSON.
    """

    def __init__(self, message: str, issues: list[Issue]) -> None:
        super().__init__(message)
        self.issues = issues


def read_traces(body: bytes, *, project_id: str) -> list[TraceRow]:
    """Make the rows of an upload, in its order. Raises TracesRefused."""
    try:
        traces = parse_body(body)
    except ValueError as error:
        raise TracesRefused("Invalid JSON body", []) from error
    issues = _issues_of(traces)
    if issues or not isinstance(traces, list):
        raise TracesRefused("Validation failed", issues)
    return [_row(trace, project_id) for trace in traces if isinstance(trace, dict)]


def _issues_of(traces: Json) -> list[Issue]:
    """List all issues of all traces, each with its path: [], [index] or [index, field]."""
    if not isinstance(traces, list):
        return [{**(array_rule(traces) or {}), "path": []}]
    if len(traces) > MAX_TRACES:
        issue = too_big("array", MAX_TRACES, f"array to have <={MAX_TRACES} items")
        return [{**issue, "path": []}]
    return [issue for index, trace in enumerate(traces) for issue in _trace_issues(index, trace)]


def _trace_issues(index: int, trace: Json) -> list[Issue]:
    if not isinstance(trace, dict):
        return [{**(object_rule(trace) or {}), "path": [index]}]
    found = (
        (name, field.check(trace.get(name, ABSENT)))
        for name, field in FIELDS.items()
        if field.required or name in trace
    )
    return [{**issue, "path": [index, name]} for name, issue in found if issue is not None]


def _row(trace: dict[str, Json], project_id: str) -> TraceRow:
    """Make the row of a valid trace; drop unknown fields (contract §2.1)."""
    columns: dict[str, Any] = {name: trace.get(name) for name in FIELDS}
    columns["timestamp"] = milliseconds(columns["timestamp"])
    return TraceRow(project_id=project_id, **columns)
