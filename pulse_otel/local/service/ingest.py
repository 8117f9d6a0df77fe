"""Turn an OTLP/JSON export into one row per accepted span (contract §3.1 to §3.3).

No clock, no storage, no HTTP. Values are treated as the real service treats them, also where that
is surprising, because exporters are developed against it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulse_otel.local.json_text import Json, parse_body
from pulse_otel.local.service import checks, otlp_values
from pulse_otel.local.service.otlp_values import Attributes, SpanRejected, checked, items, payload
from pulse_otel.local.storage.spans import KINDS, SOURCES, SpanRow

MAX_SPANS = 1000
_ERROR_CODE = 2

# Column <- attributes; the first one that is present wins (contract §3.3).
_TEXT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "session_id": ("pulse.session_id", "gen_ai.conversation.id"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "pulse.provider"),
    "model": ("pulse.model", "gen_ai.request.model", "gen_ai.response.model"),
    "model_used": ("gen_ai.response.model",),
    "output_text": ("pulse.output_text",),
    "provider_request_id": ("gen_ai.response.id",),
    "tool_use_id": ("pulse.tool.id", "gen_ai.tool.call.id"),
    "tool_name": ("pulse.tool.name", "gen_ai.tool.name"),
    "agent_name": ("pulse.agent.name",),
    "cwd": ("pulse.cwd",),
    "service": ("service.name",),
    "finish_reason": ("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason"),
}
_PAYLOAD_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "error": ("pulse.error", "exception.message"),
    "tool_input": ("pulse.tool.input", "gen_ai.tool.input"),
    "tool_response": ("pulse.tool.response", "gen_ai.tool.output"),
}
_TOKEN_COLUMNS = {c: f"gen_ai.usage.{c}" for c in ("input_tokens", "output_tokens")}
_TRACE_ID, _KIND, _EVENT_TYPE, _SOURCE = (
    "pulse.trace_id", "pulse.kind", "pulse.event_type", "pulse.source",
)  # fmt: skip
_COST, _INTERRUPT = "pulse.cost_cents", "pulse.is_interrupt"
_METADATA, _SESSION_NAME = "pulse.metadata", "pulse.session_name"
_METADATA_PREFIXES = ("pulse.", "gen_ai.")
_CONSUMED = frozenset(
    [_TRACE_ID, _KIND, _EVENT_TYPE, _SOURCE, _COST, _INTERRUPT, _SESSION_NAME]
    + [*_TOKEN_COLUMNS.values()]
    + [name for names in (*_TEXT_COLUMNS.values(), *_PAYLOAD_COLUMNS.values()) for name in names]
)


@dataclass(frozen=True)
class Ingested:
    """The outcome of one export: the rows to store, and the reasons of rejected spans."""

    rows: tuple[SpanRow, ...]
    rejections: tuple[str, ...]


class ExportRefused(ValueError):
    """The export is refused with a 400, and nothing of it is stored (contract §1, §3)."""


def read_export(body: bytes, *, project_id: str, now_ms: int) -> Ingested:
    """Validate the body of `POST /v1/traces`. Raises ExportRefused for a 400 (contract §3)."""
    try:
        export = parse_body(body)
    except ValueError as error:
        raise ExportRefused("Invalid JSON body") from error
    groups = export.get("resourceSpans") if isinstance(export, dict) else None
    if not isinstance(groups, list):
        raise ExportRefused("Missing resourceSpans")
    spans = [pair for group in groups for pair in _spans_of(group)]
    if len(spans) > MAX_SPANS:
        raise ExportRefused(f"Export exceeds {MAX_SPANS} spans")
    results = [_outcome(span, inherited, project_id, now_ms) for span, inherited in spans]
    return Ingested(
        rows=tuple(row for row in results if isinstance(row, SpanRow)),
        rejections=tuple(message for message in results if isinstance(message, str)),
    )


def _spans_of(group: Json) -> Iterator[tuple[Json, list[Json]]]:
    """Yield the spans of one resource group, each with the attributes of the resource."""
    inherited = _resource_attributes(group.get("resource") if isinstance(group, dict) else None)
    for scope in items(group, "scopeSpans"):
        for span in items(scope, "spans"):
            yield span, inherited


def _resource_attributes(resource: Json) -> list[Json]:
    """Return the attributes; Raises ExportRefused if they are no list of objects (contract §3.2).

    How the service words this 400 is not known.
    """
    found = resource.get("attributes") if isinstance(resource, dict) else None
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ExportRefused("Invalid JSON body")
    return found


def _outcome(span: Json, inherited: list[Json], project_id: str, now_ms: int) -> SpanRow | str:
    try:
        return _row(span, inherited, project_id, now_ms)
    except SpanRejected as rejection:
        return str(rejection)
    except RecursionError:
        return "Invalid input: nested too deeply"


def _row(span: Json, inherited: list[Json], project_id: str, now_ms: int) -> SpanRow:
    """Make the row of one span. Raises SpanRejected (contract §3.2, §3.3)."""
    if not isinstance(span, dict):
        raise SpanRejected(str(checks.wrong_type("object", span)["message"]))
    own = span.get("attributes")
    if own is not None and not isinstance(own, list):
        raise SpanRejected(str(checks.wrong_type("array", own)["message"]))
    found = otlp_values.attributes([*inherited, *(own or [])])
    columns: dict[str, Any] = {
        column: _first_text(found, names) for column, names in _TEXT_COLUMNS.items()
    }
    for column, names in _PAYLOAD_COLUMNS.items():
        columns[column] = next((payload(found[name]) for name in names if name in found), None)
    for column, name in _TOKEN_COLUMNS.items():
        columns[column] = otlp_values.tokens(found.get(name))
    start, end = span.get("startTimeUnixNano"), span.get("endTimeUnixNano")
    columns.update(_classified(found), **_ids(span, found))
    columns.update(otlp_values.times(start, end, now_ms))
    columns["project_id"] = project_id
    columns["session_id"] = columns["session_id"] or columns["trace_id"]
    columns["status"] = _status(span.get("status"))
    columns["cost_cents"] = otlp_values.cost(found.get(_COST))
    interrupt = found.get(_INTERRUPT)
    columns["is_interrupt"] = interrupt if isinstance(interrupt, bool) else None
    columns["finish_reason"] = otlp_values.finish_reason(columns["finish_reason"])
    columns["output_text"] = otlp_values.cut(columns["output_text"])
    columns["error"] = None if columns["error"] == "" else columns["error"]
    columns["metadata"] = _metadata(found)
    columns["tool_name"] = _tool_name(span, columns)
    return SpanRow(**columns)


def _tool_name(span: dict[str, Json], columns: Mapping[str, Any]) -> str | None:
    """Return the name of a tool, else the span's; other kinds have none (contract §3.2, §3.3)."""
    if columns["kind"] != "tool_use":
        return None
    name: str | None = columns["tool_name"]
    return name or otlp_values.identifier(span, "name") or None


def _first_text(found: Attributes, names: tuple[str, ...]) -> str | None:
    values = (found.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)


def _classified(found: Attributes) -> dict[str, str]:
    """Read kind, event type and source; an unknown value rejects the span (contract §3.3)."""
    event_type = str(checked(found.get(_EVENT_TYPE, "provider_call"), checks.some_text))
    usual = "llm_call" if event_type == "provider_call" else "tool_use"
    return {
        "event_type": event_type,
        "kind": str(checked(found.get(_KIND, usual), _kind)),
        "source": str(checked(found.get(_SOURCE, "sdk"), _source)),
    }


_kind, _source = checks.one_of(KINDS), checks.one_of(SOURCES)


def _ids(span: dict[str, Json], found: Attributes) -> dict[str, str | None]:
    """Read the ids as they are; generate an absent one (contract §3.2)."""
    trace_id = _first_text(found, (_TRACE_ID,))
    if trace_id is None and "traceId" in span:
        trace_id = str(checked(span["traceId"], checks.some_text))
    return {
        "trace_id": trace_id or str(uuid.uuid4()),
        "span_id": otlp_values.identifier(span, "spanId") or str(uuid.uuid4()),
        "parent_span_id": otlp_values.identifier(span, "parentSpanId") or None,
    }


def _status(status: Json) -> str:
    """Return error for the code 2, the number; success for any other (contract §3.2)."""
    code = status.get("code") if isinstance(status, dict) else None
    return "error" if code == _ERROR_CODE else "success"


def _metadata(found: Attributes) -> dict[str, Json]:
    """Collect the pulse.* and gen_ai.* attributes that have no column (contract §3.3)."""
    metadata: dict[str, Json] = {}
    for name, value in found.items():
        if name in _CONSUMED or not name.startswith(_METADATA_PREFIXES):
            continue
        if name == _METADATA and isinstance(value, dict):
            metadata.update({key: payload(item) for key, item in value.items()})
        else:
            metadata[name] = payload(value)
    session_name = found.get(_SESSION_NAME)
    if isinstance(session_name, str) and session_name:
        metadata["session_name"] = session_name
    return metadata
