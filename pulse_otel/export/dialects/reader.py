"""Canonical attributes -> Record: the reader that all dialects share."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from pulse_otel import semconv
from pulse_otel.export import bodies
from pulse_otel.export.dialects import parts
from pulse_otel.export.dialects.counts import usage_of
from pulse_otel.export.dialects.dialect import DOLLARS, ESTIMATED, START_NS, Dialect
from pulse_otel.export.dialects.errors import error_details
from pulse_otel.export.dialects.extra import attributes_without_column
from pulse_otel.export.dialects.finish import finish_reasons
from pulse_otel.export.dialects.kinds import kind_of
from pulse_otel.export.dialects.providers import FRAMEWORKS, provider_name, provider_of_model
from pulse_otel.export.dialects.source import (
    Attributes,
    Source,
    as_json,
    as_number,
    as_text,
    at,
    dicts,
    items,
    loose_json,
    mapping,
)
from pulse_otel.export.records.record import UNKNOWN_USAGE, Record, made
from pulse_otel.process.program import program_name
from pulse_otel.values import plain

_NO_SERVICE = "unknown_service"  # what the OpenTelemetry SDK calls a service that nobody named
_SPAN_ID = re.compile("(?!0{16})[0-9a-f]{16}")


def record_of(source: Source, dialect: Dialect) -> Record | None:
    """Return the record of a span, or None if it is not a GenAI operation."""
    span = source.span
    context = span.get_span_context()
    if context is None or (dialect.ignores and dialect.ignores(source)):
        return None
    canonical = dialect.canonical(source)
    start = int(canonical.pop(START_NS, None) or span.start_time or 0)
    kind = kind_of(canonical, int(span.end_time or start) - start)
    if kind is None:
        return None
    failed = span.status.status_code is StatusCode.ERROR
    is_error = failed or bool(as_text(canonical.get(semconv.ERROR_TYPE)))
    canonical[semconv.PULSE_REQUEST_PARAMETERS] = _parameters(canonical)  # parsed once
    if is_error and canonical.get(semconv.RESPONSE_ID) is None:
        canonical.pop(semconv.RESPONSE_MODEL, None)  # then it can only be the requested one
    provider, shared_id = _provider(canonical), _span_id(canonical)
    usage = usage_of(canonical, dialect, provider)
    canonical[semconv.PROVIDER_NAME] = provider
    values: dict[str, Any] = {
        "kind": kind,
        "trace_id": format_trace_id(context.trace_id),
        "span_id": shared_id or format_span_id(context.span_id),
        "parent_span_id": format_span_id(span.parent.span_id) if span.parent else None,
        "start_ns": start,
        "end_ns": max(start, int(span.end_time or start)),
        "name": source.name,
        "scope": source.scope,
        "provider": provider,
        "usage": usage if kind == "llm_call" else UNKNOWN_USAGE,
        "is_error": is_error,
        "metadata": _metadata(canonical),
        "attributes": attributes_without_column(source, dialect, canonical, kind, usage),
        "service_name": _service_name(source),
        **_texts(canonical),
        **_content(source, canonical, kind),
    }
    if is_error:
        values["error"] = error_details(source, canonical)
    if canonical.get(ESTIMATED) is True:
        values["estimates_usage"] = True
    if shared_id is not None:
        values["is_shared"] = True
    if kind == "llm_call":
        values["contains"] = source.calls_within()
        values["reported_cost_cents"] = _cost(canonical)
    return made(Record, values)


def _parameters(canonical: Attributes) -> Mapping[str, Any]:
    sent = canonical.get(semconv.PULSE_REQUEST_PARAMETERS)
    return {} if sent is None else mapping(as_json(sent))


def _service_name(source: Source) -> str | None:
    """The service's name; where nobody gave one, the program's, instead of the SDK's stopgap."""
    name = as_text(source.span.resource.attributes.get(semconv.SERVICE_NAME))
    return program_name() if name and name.partition(":")[0] == _NO_SERVICE else name


def _span_id(canonical: Attributes) -> str | None:
    """Return the id that the span asks for, if it is one."""
    asked = as_text(canonical.get(semconv.PULSE_SPAN_ID))
    return asked if asked and _SPAN_ID.fullmatch(asked) else None


_COLUMNS = {
    semconv.OPERATION_NAME: "operation",
    semconv.REQUEST_MODEL: "model",
    semconv.RESPONSE_MODEL: "response_model",
    semconv.RESPONSE_ID: "response_id",
    semconv.TOOL_CALL_ID: "tool_id",
    semconv.TOOL_NAME: "tool_name",
    semconv.AGENT_NAME: "agent_name",
    semconv.PULSE_SPEED: "speed",
    semconv.PULSE_INFERENCE_GEO: "inference_geo",
    semconv.SERVER_ADDRESS: "server",
}
_FIRST_OF = {  # the first that is a text decides
    # A library names its own runs; the block of the program that it runs in is the session.
    "session_id": (semconv.PULSE_SESSION_ID, semconv.CONVERSATION_ID),
    "user_id": (semconv.PULSE_USER_ID, semconv.USER_ID),
    # The tier that served the call, or else the requested one
    "service_tier": (
        semconv.PULSE_SERVICE_TIER,
        semconv.OPENAI_RESPONSE_SERVICE_TIER,
        semconv.OPENAI_REQUEST_SERVICE_TIER,
    ),
}


def _texts(canonical: Attributes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, name in _COLUMNS.items():
        if key in canonical:
            found[name] = as_text(canonical[key])
    for name, keys in _FIRST_OF.items():
        for key in keys:
            if key in canonical and (text := as_text(canonical[key])):
                found[name] = text
                break
    if "user_id" not in found and (sent := canonical[semconv.PULSE_REQUEST_PARAMETERS]):
        # the user named to the provider
        told = as_text(sent.get("user")) or as_text(at(sent, "metadata", "user_id"))
        found["user_id"] = told
    return found


def _provider(canonical: Attributes) -> str | None:
    named = as_text(canonical.get(semconv.PROVIDER_NAME))
    if named and named.lower() not in FRAMEWORKS:
        return provider_name(named)
    models = (canonical.get(semconv.REQUEST_MODEL), canonical.get(semconv.RESPONSE_MODEL))
    guesses = (provider_of_model(model) for model in models if isinstance(model, str))
    return next((guess for guess in guesses if guess), None)


def _cost(canonical: Attributes) -> float | None:
    cents = as_number(canonical.get(semconv.PULSE_COST_CENTS))
    if cents is not None or DOLLARS not in canonical:
        return cents
    dollars = as_number(canonical[DOLLARS])
    return None if dollars is None else dollars * 100


def _metadata(canonical: Attributes) -> dict[str, Any]:
    known = canonical.get(semconv.PULSE_METADATA)
    return {} if known is None else {str(k): v for k, v in mapping(as_json(known)).items()}


def _content(source: Source, canonical: Attributes, kind: str) -> dict[str, Any]:
    """Return the bodies, the answer's text and the finish reason, or a tool's input and output."""
    output = parts.recorded(as_json(canonical.get(semconv.OUTPUT_MESSAGES)))
    reasons = finish_reasons(canonical, output)
    found: dict[str, Any] = {"finish_reason": reasons.column}
    given = as_json(canonical.get(semconv.INPUT_MESSAGES))
    content = bodies.Content(
        system=_parts(canonical.get(semconv.SYSTEM_INSTRUCTIONS)),
        input=None if given is None else parts.recorded(given),
        output=output,
        tools=_tools(canonical.get(semconv.TOOL_DEFINITIONS)),
        parameters=canonical[semconv.PULSE_REQUEST_PARAMETERS],
        raw_finish_reasons=reasons.raw,
        finish_reasons=reasons.normalised,
    )
    shape = bodies.shape_of(canonical, source.scope)
    request = bodies.request(canonical, content, shape)
    response = bodies.response(canonical, content, shape)
    if kind == "tool_use":
        return found | _tool(canonical, request, response)
    return {
        **found,
        "output_text": bodies.answer_text(output),
        "request": request,
        "response": response,
    }


def _tool(canonical: Attributes, request: Any, response: Any) -> dict[str, Any]:
    """Return a tool's input and output; for a call of an API, its bodies instead."""
    given = bodies.bounded(plain(loose_json(canonical.get(semconv.TOOL_CALL_ARGUMENTS))))
    result = bodies.bounded(plain(loose_json(canonical.get(semconv.TOOL_CALL_RESULT))))
    if canonical.get(semconv.OPERATION_NAME) == semconv.OPERATION_EXECUTE_TOOL:
        return {"tool_input": given, "tool_output": result}
    name = as_text(canonical.get(semconv.TOOL_NAME)) or as_text(
        canonical.get(semconv.OPERATION_NAME)
    )
    return {
        "tool_name": name,
        "tool_input": given if given is not None else request or None,
        "tool_output": result if result is not None else response,
    }


def _tools(value: Any) -> list[dict[str, Any]]:
    return [] if value is None else [parts.tool(tool) for tool in dicts(as_json(value))]


def _parts(value: Any) -> list[dict[str, Any]]:
    """Return the parts of system instructions: a list of parts, or one text."""
    if value is None:
        return []
    parsed = loose_json(value)
    return parts.content(parsed) if isinstance(parsed, str) else dicts(items(parsed))
