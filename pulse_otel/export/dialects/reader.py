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
from pulse_otel.export.dialects.counts import TOKENS, counts_of, usage_of, without_column
from pulse_otel.export.dialects.dialect import DOLLARS, ESTIMATED, START_NS, Dialect
from pulse_otel.export.dialects.errors import error_details
from pulse_otel.export.dialects.finish import finish_reasons, in_pulses_words
from pulse_otel.export.dialects.kinds import kind_of
from pulse_otel.export.dialects.providers import FRAMEWORKS, provider_name, provider_of_model
from pulse_otel.export.dialects.source import (
    Attributes,
    Source,
    as_count,
    as_json,
    as_number,
    as_text,
    at,
    dicts,
    items,
    loose_json,
    mapping,
)
from pulse_otel.export.records.record import UNKNOWN_USAGE, Record, Usage
from pulse_otel.process.program import program_name
from pulse_otel.values import plain

_OUR_SCOPES = "pulse_otel."
_NO_SERVICE = "unknown_service"  # what the OpenTelemetry SDK calls a service that nobody named

# These become a column, a body or a key of their own; other gen_ai.* and pulse.* are kept.
_TAKEN = frozenset(
    {
        *TOKENS.values(),
        semconv.PROVIDER_NAME,
        semconv.REQUEST_MODEL,
        semconv.RESPONSE_MODEL,
        semconv.RESPONSE_ID,
        semconv.FINISH_REASONS,
        semconv.PULSE_RAW_FINISH_REASONS,
        semconv.CONVERSATION_ID,
        semconv.PULSE_SESSION_ID,
        semconv.PULSE_USER_ID,
        semconv.INPUT_MESSAGES,
        semconv.OUTPUT_MESSAGES,
        semconv.SYSTEM_INSTRUCTIONS,
        semconv.TOOL_DEFINITIONS,
        semconv.TOOL_NAME,
        semconv.TOOL_CALL_ID,
        semconv.TOOL_CALL_ARGUMENTS,
        semconv.TOOL_CALL_RESULT,
        semconv.AGENT_NAME,
        semconv.PULSE_METADATA,
        semconv.PULSE_ERROR,
        semconv.PULSE_REQUEST_PARAMETERS,
        semconv.PULSE_COST_CENTS,
        semconv.PULSE_SPAN_ID,
        semconv.PULSE_SERVICE_TIER,
    }
)


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
    return Record(
        kind=kind,
        trace_id=format_trace_id(context.trace_id),
        span_id=shared_id or format_span_id(context.span_id),
        parent_span_id=format_span_id(span.parent.span_id) if span.parent else None,
        start_ns=start,
        end_ns=max(start, int(span.end_time or start)),
        name=source.name,
        scope=source.scope,
        provider=provider,
        usage=usage if kind == "llm_call" else UNKNOWN_USAGE,
        estimates_usage=canonical.get(ESTIMATED) is True,
        contains=source.calls_within() if kind == "llm_call" else (),
        is_shared=shared_id is not None,
        is_error=is_error,
        error=error_details(source, canonical) if is_error else None,
        metadata=_metadata(canonical),
        attributes=_without_column(source, dialect, canonical, kind, usage),
        reported_cost_cents=_cost(canonical) if kind == "llm_call" else None,
        service_name=_service_name(source),
        **{
            **_texts(canonical),
            **_content(
                source,
                canonical | counts_of(canonical, usage) | {semconv.PROVIDER_NAME: provider},
                kind,
            ),
        },
    )


def _parameters(canonical: Attributes) -> Mapping[str, Any]:
    return mapping(as_json(canonical.get(semconv.PULSE_REQUEST_PARAMETERS)))


def _service_name(source: Source) -> str | None:
    """The service's name; where nobody gave one, the program's, instead of the SDK's stopgap."""
    name = as_text(source.span.resource.attributes.get(semconv.SERVICE_NAME))
    return program_name() if name and name.partition(":")[0] == _NO_SERVICE else name


def _span_id(canonical: Attributes) -> str | None:
    """Return the id that the span asks for, if it is one."""
    asked = as_text(canonical.get(semconv.PULSE_SPAN_ID)) or ""
    return asked if _SPAN_ID.fullmatch(asked) else None


_TEXTS = {
    "operation": semconv.OPERATION_NAME,
    "model": semconv.REQUEST_MODEL,
    "response_model": semconv.RESPONSE_MODEL,
    "response_id": semconv.RESPONSE_ID,
    "tool_id": semconv.TOOL_CALL_ID,
    "tool_name": semconv.TOOL_NAME,
    "agent_name": semconv.AGENT_NAME,
    "speed": semconv.PULSE_SPEED,
    "inference_geo": semconv.PULSE_INFERENCE_GEO,
    "server": semconv.SERVER_ADDRESS,
}


def _texts(canonical: Attributes) -> dict[str, Any]:
    found = {name: as_text(canonical[key]) for name, key in _TEXTS.items() if key in canonical}
    # A library names its own runs; the block of the program that it runs in is the session.
    session = as_text(canonical.get(semconv.PULSE_SESSION_ID))
    found["session_id"] = session or as_text(canonical.get(semconv.CONVERSATION_ID))
    return {**found, "user_id": _user(canonical), "service_tier": _service_tier(canonical)}


def _user(canonical: Attributes) -> str | None:
    """Return the user of the block or the span, or else the user named to the provider."""
    sent = canonical[semconv.PULSE_REQUEST_PARAMETERS]
    told = as_text(sent.get("user")) or as_text(at(sent, "metadata", "user_id"))
    of_block = as_text(canonical.get(semconv.PULSE_USER_ID))
    return of_block or as_text(canonical.get(semconv.USER_ID)) or told


def _service_tier(canonical: Attributes) -> str | None:
    """Return the tier that served the call, or else the requested one."""
    return next((tier for key in _TIERS if (tier := as_text(canonical.get(key)))), None)


_TIERS = (
    semconv.PULSE_SERVICE_TIER,
    semconv.OPENAI_RESPONSE_SERVICE_TIER,
    semconv.OPENAI_REQUEST_SERVICE_TIER,
)


def _provider(canonical: Attributes) -> str | None:
    named = as_text(canonical.get(semconv.PROVIDER_NAME))
    if named and named.lower() not in FRAMEWORKS:
        return provider_name(named)
    models = (canonical.get(semconv.REQUEST_MODEL), canonical.get(semconv.RESPONSE_MODEL))
    guesses = (provider_of_model(model) for model in models if isinstance(model, str))
    return next((guess for guess in guesses if guess), None)


def _cost(canonical: Attributes) -> float | None:
    cents = as_number(canonical.get(semconv.PULSE_COST_CENTS))
    dollars = as_number(canonical.get(DOLLARS))
    return cents if cents is not None or dollars is None else dollars * 100


def _metadata(canonical: Attributes) -> dict[str, Any]:
    known = mapping(as_json(canonical.get(semconv.PULSE_METADATA)))
    return {str(key): value for key, value in known.items()}


def _without_column(
    source: Source, dialect: Dialect, canonical: Attributes, kind: str, usage: Usage
) -> dict[str, Any]:
    """Return attributes for the service's metadata: some under stable keys, others as they are."""
    found = {
        key: value
        for key, value in source.attributes.items()
        if key not in _TAKEN
        and key.startswith(("gen_ai.", "pulse."))
        and value is not None
        and not dialect.takes(key)
    }
    operation = as_text(canonical.get(semconv.OPERATION_NAME))
    ours = source.scope.startswith(_OUR_SCOPES)
    stable: dict[str, Any] = {
        semconv.OPERATION_NAME: operation,
        semconv.PULSE_REQUEST_ID: as_text(canonical.get(semconv.PULSE_REQUEST_ID)),
        semconv.PULSE_HTTP_STATUS: as_count(canonical.get(semconv.HTTP_STATUS_CODE)),
        semconv.PULSE_ATTEMPTS: as_count(canonical.get(semconv.PULSE_ATTEMPTS)),
        semconv.TIME_TO_FIRST_CHUNK: as_number(canonical.get(semconv.TIME_TO_FIRST_CHUNK)),
        semconv.PULSE_SCOPE: None if ours else source.scope or None,
    }
    if kind == "llm_call":
        stable |= without_column(usage)
    elif usage != UNKNOWN_USAGE:
        stable[semconv.PULSE_AGENT_USAGE] = {
            name: count for name in TOKENS if (count := getattr(usage, name)) is not None
        }
    return found | {key: value for key, value in stable.items() if value is not None}


def _content(source: Source, canonical: Attributes, kind: str) -> dict[str, Any]:
    """Return the bodies, the answer's text and the finish reason, or a tool's input and output."""
    output = parts.recorded(as_json(canonical.get(semconv.OUTPUT_MESSAGES)))
    reasons, raw = finish_reasons(canonical, output)
    found: dict[str, Any] = {"finish_reason": in_pulses_words(reasons)}
    given = as_json(canonical.get(semconv.INPUT_MESSAGES))
    content = bodies.Content(
        system=_parts(canonical.get(semconv.SYSTEM_INSTRUCTIONS)),
        input=None if given is None else parts.recorded(given),
        output=output,
        tools=[parts.tool(t) for t in dicts(as_json(canonical.get(semconv.TOOL_DEFINITIONS)))],
        parameters=canonical[semconv.PULSE_REQUEST_PARAMETERS],
        raw_finish_reasons=raw,
        finish_reasons=reasons,
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


def _parts(value: Any) -> list[dict[str, Any]]:
    """Return the parts of system instructions: a list of parts, or one text."""
    parsed = loose_json(value)
    return parts.content(parsed) if isinstance(parsed, str) else dicts(items(parsed))
