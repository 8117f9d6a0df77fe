"""Derive the traces of the read routes from spans (contract §3.4).

Names are in camelCase. A field of a trace without a value is absent, except for `errorService`, the
tokens, the cost, and the provider fields of a trace without an llm_call, which are null.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypeAlias

from pulse_otel.local.json_text import Json
from pulse_otel.local.storage.spans import SpanRow

View: TypeAlias = dict[str, Json]

_CALL = "llm_call"
_TOOL = "tool_use"
_EDITING_TOOLS = ("edit", "write")
_SUMMARIES = ("pulse.summary", "pulse.metadata.summary", "summary")
_CALL_FIELDS = (
    "provider", "modelRequested", "modelUsed", "inputTokens", "outputTokens", "costCents",
    "requestBody", "responseBody",
)  # fmt: skip


def span_view(span: SpanRow) -> View:
    """Show one span as the service does: with every column, null if it is empty."""
    columns = {field.name: getattr(span, field.name) for field in dataclasses.fields(span)}
    columns["timestamp"] = iso(span.timestamp)
    return {camel_case(name): value for name, value in columns.items()}


def _labelled(span: SpanRow) -> View:
    """Show a span of a trace; its label is a tool's name, else its event type (contract §3.3)."""
    tool = span.tool_name if span.kind == _TOOL else None
    return {**span_view(span), "label": tool or span.event_type}


def trace_view(spans: Sequence[SpanRow]) -> View:
    """Derive a trace from its spans, which are sorted by start (contract §3.4)."""
    calls = [span for span in spans if span.kind == _CALL]
    main = (calls or spans)[0]
    failed = [span for span in spans if span.status == "error"]
    services: list[Json] = list(dict.fromkeys(span.service for span in spans if span.service))
    tools = [span for span in spans if span.kind == _TOOL]
    tool_calls = len({span.tool_use_id or span.span_id for span in tools})
    edited = sum((span.tool_name or "").lower() in _EDITING_TOOLS for span in tools)
    view = _present(
        {
            "traceId": main.trace_id,
            "sessionId": main.session_id,
            "timestamp": iso(main.timestamp),
            # The sum over all spans: a parent and its child both count.
            "latencyMs": sum(span.duration_ms or 0 for span in spans),
            "source": main.source,
            "services": services,
            "spanCount": len(spans),
            "summary": _summary(main, tool_calls, edited),
            "toolCallCount": tool_calls,
            "filesEdited": edited,
            "providerRequestId": main.provider_request_id,
            "outputText": main.output_text,
            "finishReason": main.finish_reason,
            "status": "error" if failed else "success",
            "error": next((span.error for span in spans if span.error is not None), None),
            "metadata": {**main.metadata, "toolCalls": tool_calls},
        }
    )
    view["errorService"] = failed[0].service if failed else None
    view["spans"] = [_labelled(span) for span in spans]
    return {**view, **_call_view(calls)}


def _summary(main: SpanRow, tool_calls: int, edited: int) -> str:
    """Return what the program calls the trace, else its model, else what its tools did."""
    said = (main.metadata.get(name) for name in _SUMMARIES)
    first = next((text for text in said if isinstance(text, str) and text), None)
    if first is not None or main.kind == _CALL:
        return first or main.model or "unknown"
    return f"{tool_calls} tool calls" + (f" · {edited} files edited" if edited else "")


def session_view(session_id: str, spans: Iterable[SpanRow]) -> View:
    """Show a session: the traces of its spans, oldest first (contract §3.4, §3.5)."""
    traces: dict[str, list[SpanRow]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    return {"sessionId": session_id, "traces": [trace_view(group) for group in traces.values()]}


def sessions_view(sessions: Iterable[Mapping[str, Any]]) -> list[View]:
    """Show the rows of the list of sessions."""
    times = ("firstTimestamp", "lastTimestamp")
    return [{**row, **{name: iso(row[name]) for name in times}} for row in sessions]


def _call_view(calls: Sequence[SpanRow]) -> View:
    """Derive the provider fields: bodies of the first call, sums over all (contract §3.4)."""
    if not calls:
        return dict.fromkeys(_CALL_FIELDS)
    first = calls[0]
    model = first.model or "unknown"
    bodies = {f"{name}Body": _body(first.metadata, name) for name in ("request", "response")}
    return {
        "provider": first.provider or "sdk",
        "modelRequested": model,
        "modelUsed": first.model_used or model,
        "inputTokens": _total(call.input_tokens for call in calls),
        "outputTokens": _total(call.output_tokens for call in calls),
        "costCents": _total(call.cost_cents for call in calls),
        **_present(bodies),
    }


def _total(values: Iterable[float | None]) -> float | None:
    """Sum the values; null if there is none."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _body(metadata: Mapping[str, Json], name: str) -> Json:
    body = metadata.get(f"pulse.{name}")
    return metadata.get(name) if body is None else body


def _present(view: View) -> View:
    return {name: value for name, value in view.items() if value is not None}


def camel_case(name: str) -> str:
    """Write a column's name as the service does."""
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)


def iso(milliseconds: int) -> str:
    """Write milliseconds since the epoch as the service does."""
    moment = datetime.fromtimestamp(milliseconds // 1000, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"
