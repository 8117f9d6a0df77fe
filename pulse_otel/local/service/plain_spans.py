"""Turn an array of plain spans into rows, as command-line agents upload them (contract §3.8).

No clock, no storage, no HTTP. The services' answers show which fields come first and are required
(span_id, session_id, timestamp, source); the rest is read as a column of the same name.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulse_otel.local.json_text import Json
from pulse_otel.local.service import checks
from pulse_otel.local.service.checks import Field
from pulse_otel.local.service.uploads import read_items
from pulse_otel.local.storage.spans import KINDS, SOURCES, STATUSES, SpanRow

MAX_SPANS = 100
_LEGACY_SOURCES = tuple(source for source in SOURCES if source != "sdk")
_FIELDS: Mapping[str, Field] = {
    "span_id": Field(checks.some_text, required=True),
    "session_id": Field(checks.text, required=True),
    "parent_span_id": Field(checks.text),
    "timestamp": Field(checks.instant, required=True),
    "duration_ms": Field(checks.amount),
    "source": Field(checks.one_of(SOURCES), required=True),
    "kind": Field(checks.one_of(KINDS), required=True),
    "event_type": Field(checks.some_text, required=True),
    "status": Field(checks.one_of(STATUSES), required=True),
    "trace_id": Field(checks.some_text),
    **dict.fromkeys(
        (
            "service", "tool_use_id", "tool_name", "cwd", "model", "agent_name", "provider",
            "model_used", "finish_reason", "output_text", "provider_request_id",
        ),
        Field(checks.text),
    ),
    **dict.fromkeys(("tool_input", "tool_response", "error"), Field(checks.anything)),
    "is_interrupt": Field(checks.boolean),
    "input_tokens": Field(checks.count),
    "output_tokens": Field(checks.count),
    "cost_cents": Field(checks.amount),
    "metadata": Field(checks.record),
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """What differs between the generations: the fields, and what a repeated id means."""

    fields: Mapping[str, Field]
    skips_repeated: bool


CURRENT = Form(_FIELDS, skips_repeated=True)
LEGACY = Form(
    {
        **_FIELDS,
        "span_id": Field(checks.uuid, required=True),
        "source": Field(checks.one_of(_LEGACY_SOURCES), required=True),
    },
    skips_repeated=False,
)


def read_spans(body: bytes, form: Form, *, project_id: str) -> list[SpanRow]:
    """Make the rows of an upload, in its order. Raises UploadRefused."""
    return [_row(span, project_id) for span in read_items(body, form.fields, MAX_SPANS)]


def _row(span: dict[str, Json], project_id: str) -> SpanRow:
    columns: dict[str, Any] = {name: span.get(name) for name in _FIELDS}
    columns["timestamp"] = checks.milliseconds(columns["timestamp"])
    columns["trace_id"] = columns["trace_id"] or str(uuid.uuid4())
    columns["metadata"] = columns["metadata"] or {}
    return SpanRow(project_id=project_id, **columns)
