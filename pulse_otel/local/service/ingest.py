"""Turn an OTLP/JSON export into one row per accepted span (contract §3.1 to §3.3).

No clock, no storage, no HTTP. Values are treated as the real service treats them, also where that
is surprising, because exporters are developed against it.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pulse_otel.local.json_text import MAX_SAFE_INTEGER, Json, parse_body, parse_json, parse_number
from pulse_otel.local.storage.spans import KINDS, SOURCES, SpanRow

Attributes: TypeAlias = dict[str, Json]

MAX_SPANS = 1000
MAX_PAYLOAD_BYTES = 65_536
_MAX_TIMESTAMP_MS = 253_402_300_799_999  # the last millisecond of a datetime
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
    [_TRACE_ID, _KIND, _EVENT_TYPE, _SOURCE, _COST, _INTERRUPT, *_TOKEN_COLUMNS.values()]
    + [name for names in (*_TEXT_COLUMNS.values(), *_PAYLOAD_COLUMNS.values()) for name in names]
)

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Ingested:
    """The outcome of one export: the rows to store, and the reasons of rejected spans."""

    rows: tuple[SpanRow, ...]
    rejections: tuple[str, ...]


class ExportRefused(ValueError):
    """The export is refused with a 400, and nothing of it is stored (contract §1, §3)."""


class _SpanRejectedError(ValueError):
    """One span is rejected; the others of its export are stored (contract §3)."""


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


def _list_in(holder: Json, key: str) -> list[Json]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def _spans_of(group: Json) -> Iterator[tuple[Json, list[Json]]]:
    """Yield the spans of one resource group, each with the attributes of the resource."""
    inherited = _list_in(group.get("resource") if isinstance(group, dict) else None, "attributes")
    for scope in _list_in(group, "scopeSpans"):
        for span in _list_in(scope, "spans"):
            yield span, inherited


def _outcome(span: Json, inherited: list[Json], project_id: str, now_ms: int) -> SpanRow | str:
    try:
        return _row(span, inherited, project_id, now_ms)
    except _SpanRejectedError as rejection:
        return str(rejection)
    except RecursionError:
        return "Invalid input: nested too deeply"


def _row(span: Json, inherited: list[Json], project_id: str, now_ms: int) -> SpanRow:
    """Make the row of one span. Raises _SpanRejectedError (contract §3.2, §3.3)."""
    if not isinstance(span, dict):
        raise _SpanRejectedError("Invalid input: expected object")
    own = span.get("attributes")
    if own is not None and not isinstance(own, list):
        raise _SpanRejectedError("Invalid input: expected array")
    found = _attributes([*inherited, *(own or [])])
    columns: dict[str, Any] = {
        column: _first_text(found, names) for column, names in _TEXT_COLUMNS.items()
    }
    for column, names in _PAYLOAD_COLUMNS.items():
        columns[column] = next((_payload(found[name]) for name in names if name in found), None)
    columns.update({c: _tokens(found.get(name)) for c, name in _TOKEN_COLUMNS.items()})
    columns.update(_classified(found), **_ids(span, found), **_times(span, now_ms))
    columns["project_id"] = project_id
    columns["session_id"] = columns["session_id"] or columns["trace_id"]
    columns["status"] = _status(span.get("status"))
    columns["cost_cents"] = _not_negative(_numeric(found.get(_COST)))
    interrupt = found.get(_INTERRUPT)
    columns["is_interrupt"] = interrupt if isinstance(interrupt, bool) else None
    columns["finish_reason"] = _finish_reason(columns["finish_reason"])
    columns["output_text"] = _cut(columns["output_text"])
    columns["metadata"] = _metadata(found)
    if columns["kind"] == "tool_use" and columns["tool_name"] is None:
        # The service uses a span's name for nothing else (contract §3.2).
        columns["tool_name"] = _optional_text(span.get("name"))
    return SpanRow(**columns)


def _classified(found: Attributes) -> dict[str, str]:
    """Read kind, event type and source; an unknown value rejects the span (contract §3.3)."""
    event_type = found.get(_EVENT_TYPE, "provider_call")
    if not isinstance(event_type, str) or not event_type:
        raise _SpanRejectedError("Invalid input: expected a non-empty string")
    usual = "llm_call" if event_type == "provider_call" else "tool_use"
    return {
        "event_type": event_type,
        "kind": _option(found.get(_KIND, usual), KINDS),
        "source": _option(found.get(_SOURCE, "sdk"), SOURCES),
    }


def _option(value: Json, options: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in options:
        expected = "|".join(f'"{option}"' for option in options)
        raise _SpanRejectedError(f"Invalid option: expected one of {expected}")
    return value


def _ids(span: dict[str, Json], found: Attributes) -> dict[str, str | None]:
    """Read the ids as they are; generate an absent one (contract §3.2)."""
    trace_id = _first_text(found, (_TRACE_ID,)) or _optional_text(span.get("traceId"))
    if trace_id == "":
        raise _SpanRejectedError("Too small: expected string to have >=1 characters")
    return {
        "trace_id": trace_id or str(uuid.uuid4()),
        "span_id": _optional_text(span.get("spanId")) or str(uuid.uuid4()),
        "parent_span_id": _optional_text(span.get("parentSpanId")) or None,
    }


def _optional_text(value: Json) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _SpanRejectedError("Invalid input: expected string")
    return value


def _times(span: dict[str, Json], now_ms: int) -> dict[str, int | None]:
    """Read start and duration in ms; the start is now if unusable (contract §3.2)."""
    start = _nanoseconds(span.get("startTimeUnixNano"))
    if start is None:
        start = now_ms * 1_000_000
    end = _nanoseconds(span.get("endTimeUnixNano"))
    if end is not None and start - end >= 1_000_000:
        raise _SpanRejectedError("Too small: expected number to be >=0")
    duration = None if end is None else max(0, end - start) // 1_000_000
    return {"timestamp": start // 1_000_000, "duration_ms": duration}


def _nanoseconds(value: Json) -> int | None:
    """Read an OTLP time, a string or a number; None if it is neither or no datetime holds it."""
    digits = isinstance(value, str) and re.fullmatch("[0-9]{1,20}", value)
    number = int(digits[0]) if digits else None if isinstance(value, str) else _numeric(value)
    if number is None or not 0 <= number // 1_000_000 <= _MAX_TIMESTAMP_MS:
        return None
    return int(number)


def _attributes(entries: list[Json]) -> Attributes:
    """Map key to value; drop values without a usable type (contract §3.2)."""
    pairs = [(e.get("key"), _value(e.get("value"))) for e in entries if isinstance(e, dict)]
    return {key: value for key, value in pairs if isinstance(key, str) and value is not None}


def _value(value: Json) -> Json:
    """Read one OTLP AnyValue; None for bytes (contract §3.2)."""
    if not isinstance(value, dict):
        return None
    return next((decode(value[name]) for name, decode in _DECODERS.items() if name in value), None)


def _numeric(value: Json) -> int | float | None:
    """Read a number or a numeric string (contract §3.3); None for anything else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = parse_number(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


_DECODERS: Mapping[str, Callable[[Json], Json]] = {
    "stringValue": lambda value: value if isinstance(value, str) else None,
    "intValue": _numeric,
    "doubleValue": _numeric,
    "boolValue": lambda value: value if isinstance(value, bool) else None,
    "arrayValue": lambda value: [_value(item) for item in _list_in(value, "values")],
    "kvlistValue": lambda value: _attributes(_list_in(value, "values")),
}


def _first_text(found: Attributes, names: tuple[str, ...]) -> str | None:
    values = (found.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)


def _payload(value: Json) -> Json:
    """Parse JSON text; replace a value above 64 KiB (contract §3.1)."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    size = len(text.encode())
    if size > MAX_PAYLOAD_BYTES:
        return {"truncated": True, "originalBytes": size, "preview": text[:MAX_PAYLOAD_BYTES]}
    try:
        return parse_json(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _cut(text: str | None) -> str | None:
    """Cut the output text between characters (contract §3.1)."""
    return text and text.encode()[:MAX_PAYLOAD_BYTES].decode("utf-8", "ignore")


def _finish_reason(text: str | None) -> str | None:
    """Read `stop` and the text `["stop"]` as stop (contract §3.3)."""
    reasons = _payload(text)
    first = reasons[0] if isinstance(reasons, list) and reasons else None
    return first if isinstance(first, str) else text


def _tokens(value: Json) -> int | None:
    """Read an integer from 0 to 2^53-1; any other number rejects the span (contract §3.3)."""
    number = _not_negative(_numeric(value))
    if number is None:
        return None
    if number > MAX_SAFE_INTEGER or number != int(number):
        raise _SpanRejectedError("Invalid input: expected int")
    return int(number)


def _not_negative(number: int | float | None) -> int | float | None:
    if number is not None and number < 0:
        raise _SpanRejectedError("Too small: expected number to be >=0")
    return number


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
            metadata.update({key: _payload(item) for key, item in value.items()})
        else:
            metadata["session_name" if name == _SESSION_NAME else name] = _payload(value)
    return metadata
