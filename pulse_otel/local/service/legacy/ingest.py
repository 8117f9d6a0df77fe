"""Turn an array of traces into rows, or list all that is wrong with it (contract §2).

No clock, no storage, no HTTP.
"""

from __future__ import annotations

from typing import Any

from pulse_otel.local.json_text import Json
from pulse_otel.local.service.checks import milliseconds
from pulse_otel.local.service.legacy.fields import FIELDS
from pulse_otel.local.service.uploads import read_items
from pulse_otel.local.storage.legacy_traces import TraceRow

MAX_TRACES = 100


def read_traces(body: bytes, *, project_id: str) -> list[TraceRow]:
    """Make the rows of an upload, in its order. Raises UploadRefused."""
    return [_row(trace, project_id) for trace in read_items(body, FIELDS, MAX_TRACES)]


def _row(trace: dict[str, Json], project_id: str) -> TraceRow:
    """Make the row of a valid trace; drop unknown fields (contract §2.1)."""
    columns: dict[str, Any] = {name: trace.get(name) for name in FIELDS}
    columns["timestamp"] = milliseconds(columns["timestamp"])
    return TraceRow(project_id=project_id, **columns)
