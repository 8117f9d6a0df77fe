"""Record -> span of the current service's form: OTLP/HTTP JSON, with its rules (contract §3).

The service rejects, loses or blanks data that breaks one of the rules.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.payloads.body_text import body_json, request_json
from pulse_otel.export.payloads.form import MAX_INT, Encoded, Form, column_cents, column_int
from pulse_otel.export.records.record import Record
from pulse_otel.texts import clip, scrub
from pulse_otel.values import plain, to_json

_METADATA_BYTES = 32_768
_TEXT_BYTES = 1024
_MAX_DURATION_NS = MAX_INT * 1_000_000
_MAX_EXACT = 2**53 - 1  # larger integers lose digits as JSON numbers

Attribute = dict[str, Any]


def encode(record: Record) -> Encoded:
    """Return the JSON of one span."""
    end_ns = min(record.end_ns, record.start_ns + _MAX_DURATION_NS)
    span: dict[str, Any] = {
        "traceId": record.trace_id,
        "spanId": record.span_id,
        "name": clip(scrub(record.name), _TEXT_BYTES),
        "kind": 3,
        "startTimeUnixNano": str(record.start_ns),
        "endTimeUnixNano": str(max(record.start_ns, end_ns)),
        "attributes": _attributes(record),
        "status": {"code": 2} if record.is_error else {},
    }
    if record.parent_span_id:
        span["parentSpanId"] = record.parent_span_id
    return Encoded(to_json(span), record.service_name)


def body(spans: Sequence[Encoded]) -> bytes:
    """Return one export request with `spans`, grouped by service name."""
    groups: dict[str | None, list[str]] = {}
    for span in spans:
        groups.setdefault(span.group, []).append(span.text)
    parts = [
        f'{{"resource":{_resource(name)},"scopeSpans":[{{"scope":{{"name":"pulse_otel"}},'
        f'"spans":[{",".join(texts)}]}}]}}'
        for name, texts in groups.items()
    ]
    return f'{{"resourceSpans":[{",".join(parts)}]}}'.encode()


def _resource(service_name: str | None) -> str:
    attributes = [_attribute(semconv.SERVICE_NAME, service_name)] if service_name else []
    return to_json({"attributes": attributes})


def _attributes(record: Record) -> list[Attribute]:
    columns: dict[str, Any] = {
        semconv.PULSE_KIND: record.kind,
        semconv.PULSE_SOURCE: "sdk",
        semconv.PULSE_EVENT_TYPE: _event_type(record),
        semconv.PULSE_SESSION_ID: record.session_id,
        semconv.PROVIDER_NAME: record.provider,
        semconv.REQUEST_MODEL: record.model,
        semconv.RESPONSE_MODEL: record.response_model,
        semconv.RESPONSE_ID: record.response_id,
        semconv.FINISH_REASONS: record.finish_reason,
        semconv.INPUT_TOKENS: _count(record.usage.input),
        semconv.OUTPUT_TOKENS: _count(record.usage.output),
        semconv.PULSE_COST_CENTS: column_cents(record.cost_cents),
        semconv.PULSE_TOOL_ID: record.tool_id,
        semconv.PULSE_TOOL_NAME: record.tool_name,
        semconv.PULSE_AGENT_NAME: record.agent_name,
        semconv.PULSE_USER_ID: record.user_id,
        semconv.PULSE_SERVICE_TIER: _leftover(record.service_tier),
    }
    columns |= {key: _leftover(value) for key, value in record.attributes.items()}
    attributes = [
        _text(k, v) if type(v) is str else _attribute(k, v)
        for k, v in columns.items()
        if v is not None
    ]
    if record.output_text:
        text = scrub(clip(record.output_text, FORM.max_body_bytes))
        attributes.append(_text(semconv.PULSE_OUTPUT_TEXT, text))
    bodies = {
        semconv.PULSE_REQUEST: record.request,
        semconv.PULSE_RESPONSE: record.response,
        semconv.PULSE_ERROR: record.error,
        semconv.PULSE_TOOL_INPUT: record.tool_input,
        semconv.PULSE_TOOL_RESPONSE: record.tool_output,
    }
    for key, value in bodies.items():
        if value is not None and value != {}:
            write = request_json if key == semconv.PULSE_REQUEST else body_json
            attributes.append(_text(key, write(value, FORM.max_body_bytes)))
    if record.metadata:
        attributes.append(_metadata(record.metadata))
    return attributes


def _event_type(record: Record) -> str:
    """The label of what is no tool (contract §3.3): of a notification, what was done."""
    names = {"llm_call": "provider_call", "notification": record.operation}
    return names.get(record.kind) or record.kind


def _count(tokens: int | None) -> int | None:
    return None if tokens is None else column_int(tokens)


def _leftover(value: Any) -> Any:
    """Return an attribute without a column, bounded: the service bounds no ids and names."""
    if isinstance(value, str):
        return value if len(value) < _TEXT_BYTES else clip(value, FORM.max_body_bytes)
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _metadata(metadata: Mapping[str, Any]) -> Attribute:
    """Return a kvlist, since the service flattens only the keys of a kvlist (contract §3.3)."""
    values = plain(metadata)
    values = {
        key: value if not isinstance(value, str) else clip(value, _METADATA_BYTES // 4)
        for key, value in values.items()
    }
    pairs = [
        {"key": key, "value": _value(value)} for key, value in values.items() if value is not None
    ]
    return {"key": semconv.PULSE_METADATA, "value": {"kvlistValue": {"values": pairs}}}


def _attribute(key: str, value: Any) -> Attribute:
    return {"key": key, "value": _value(value)}


def _text(key: str, text: str) -> Attribute:
    return {"key": key, "value": {"stringValue": text}}


def _value(value: Any) -> dict[str, Any]:
    """Return an OTLP AnyValue; integers are JSON numbers if those are exact, else texts."""
    if isinstance(value, str):
        return {"stringValue": value}  # `to_json` scrubs it
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        exact = abs(value) <= _MAX_EXACT
        return {"intValue": value} if exact else {"stringValue": str(plain(value))}
    if isinstance(value, float):
        return {"doubleValue": value} if abs(value) < 1e300 else {"stringValue": str(value)}
    if isinstance(value, Mapping):
        pairs = [{"key": str(k), "value": _value(v)} for k, v in value.items() if v is not None]
        return {"kvlistValue": {"values": pairs}}
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [_value(item) for item in value if item is not None]}}
    return {"stringValue": scrub(str(value))}


FORM = Form(
    name="otlp",
    path="/v1/traces",
    max_records=1000,  # the service refuses 1001 as a whole (contract §3.1)
    max_body_bytes=65_000,  # above 65,536 the service cuts JSON apart (contract §3.1)
    encode=encode,
    body=body,
)

TO_COLLECTOR = FORM._replace(name="collector", detected=False)
"""The same spans for a Collector, which passes them on as they are."""
