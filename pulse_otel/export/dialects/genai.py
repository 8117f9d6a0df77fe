"""The current GenAI semantic conventions, as our own spans use them."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from pulse_otel import semconv
from pulse_otel.export import bodies
from pulse_otel.export.record import Kind, Record, Usage

_KINDS: dict[str, Kind] = {
    "chat": "llm_call",
    "generate_content": "llm_call",
    "text_completion": "llm_call",
    "embeddings": "llm_call",
    "execute_tool": "tool_use",
    "invoke_agent": "agent_run",
    "invoke_workflow": "agent_run",
}

_USAGE = {
    "input": semconv.INPUT_TOKENS,
    "output": semconv.OUTPUT_TOKENS,
    "cache_read": semconv.CACHE_READ_TOKENS,
    "cache_write": semconv.CACHE_WRITE_TOKENS,
    "reasoning": semconv.REASONING_TOKENS,
    "input_audio": semconv.INPUT_AUDIO_TOKENS,
    "output_audio": semconv.OUTPUT_AUDIO_TOKENS,
}

# What becomes a column or a body; anything else of gen_ai.* and pulse.* goes to the metadata.
_TAKEN = frozenset(
    {
        *_USAGE.values(),
        semconv.PROVIDER_NAME,
        semconv.REQUEST_MODEL,
        semconv.RESPONSE_MODEL,
        semconv.RESPONSE_ID,
        semconv.FINISH_REASONS,
        semconv.PULSE_RAW_FINISH_REASONS,
        semconv.CONVERSATION_ID,
        semconv.INPUT_MESSAGES,
        semconv.OUTPUT_MESSAGES,
        semconv.SYSTEM_INSTRUCTIONS,
        semconv.TOOL_DEFINITIONS,
        semconv.PULSE_METADATA,
        semconv.PULSE_ERROR,
        semconv.PULSE_REQUEST_PARAMETERS,
        semconv.PULSE_COST_CENTS,
    }
)
_KEPT_USAGE = (semconv.CACHE_READ_TOKENS, semconv.CACHE_WRITE_TOKENS, semconv.REASONING_TOKENS)


def read(span: ReadableSpan) -> Record | None:
    """The record of `span`, or None if it does not speak this vocabulary."""
    attributes: Mapping[str, Any] = span.attributes or {}
    kind = _KINDS.get(str(attributes.get(semconv.OPERATION_NAME)))
    context = span.get_span_context()
    if kind is None or context is None:
        return None
    messages = bodies.Content(
        system=_json(attributes.get(semconv.SYSTEM_INSTRUCTIONS)),
        input=_json(attributes.get(semconv.INPUT_MESSAGES)),
        output=_json(attributes.get(semconv.OUTPUT_MESSAGES)),
        tools=_json(attributes.get(semconv.TOOL_DEFINITIONS)),
        parameters=_json(attributes.get(semconv.PULSE_REQUEST_PARAMETERS)),
        raw_finish_reasons=list(attributes.get(semconv.PULSE_RAW_FINISH_REASONS) or ()),
    )
    start = span.start_time or 0
    is_error = span.status.status_code is StatusCode.ERROR
    return Record(
        kind=kind,
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_span_id=format_span_id(span.parent.span_id) if span.parent else None,
        start_ns=start,
        end_ns=max(start, span.end_time or start),
        name=span.name,
        provider=_text(attributes.get(semconv.PROVIDER_NAME)),
        model=_text(attributes.get(semconv.REQUEST_MODEL)),
        response_model=_text(attributes.get(semconv.RESPONSE_MODEL)),
        response_id=_text(attributes.get(semconv.RESPONSE_ID)),
        session_id=_text(attributes.get(semconv.CONVERSATION_ID))
        or _text(attributes.get(semconv.SESSION_ID)),
        usage=Usage(**{name: _count(attributes.get(key)) for name, key in _USAGE.items()}),
        finish_reason=_finish_reason(attributes.get(semconv.FINISH_REASONS)),
        output_text=bodies.answer_text(messages.output),
        request=bodies.request(attributes, messages),
        response=bodies.response(attributes, messages),
        is_error=is_error,
        error=_error(span, attributes) if is_error else None,
        metadata=_mapping(_json(attributes.get(semconv.PULSE_METADATA))),
        attributes=_leftover(attributes),
        reported_cost_cents=_cost(attributes.get(semconv.PULSE_COST_CENTS)),
        service_name=_text(span.resource.attributes.get(semconv.SERVICE_NAME)),
    )


def _leftover(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The other attributes that the service keeps: by their own names, in its metadata."""
    return {
        key: value
        for key, value in attributes.items()
        if key.startswith(("gen_ai.", "pulse."))
        and (key not in _TAKEN or key in _KEPT_USAGE)
        and value is not None
    }


def _error(span: ReadableSpan, attributes: Mapping[str, Any]) -> dict[str, Any]:
    details = _mapping(_json(attributes.get(semconv.PULSE_ERROR)))
    if details:
        return dict(details)
    found = {
        "name": _text(attributes.get(semconv.ERROR_TYPE)),
        "message": _text(span.status.description),
    }
    return {key: value for key, value in found.items() if value} or {"name": "error"}


def _finish_reason(value: Any) -> str | None:
    """Text, as the service reads only text: several choices are joined with commas."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value) or None
    return _text(value)


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        return None
    return int(value) if value < 2**53 else None


def _cost(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value >= 0 else None
