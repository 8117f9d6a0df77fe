"""Record -> span of the current service's form: OTLP/HTTP JSON, with its rules (contract §3).

The service rejects, loses or blanks data that breaks one of the rules.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.payloads.body_json import body_json, request_json
from pulse_otel.export.payloads.form import MAX_INT, Encoded, Form, column_cents, column_int
from pulse_otel.export.records.record import Record
from pulse_otel.texts import clip, scrub
from pulse_otel.values import plain

_METADATA_BYTES = 32_768
_TEXT_BYTES = 1024
_MAX_DURATION_NS = MAX_INT * 1_000_000
_MAX_EXACT = 2**53 - 1  # larger integers lose digits as JSON numbers
_MAX_FLOAT = 1e300

_MOST_HEADS, _LONGEST_KEY = 1024, 128
_FAILED = '{"code":2}'


class _Heads(dict[str, str]):
    """How attributes begin, by their keys; asked in half the time that an `lru_cache` takes."""

    def __missing__(self, key: str) -> str:
        head = f'{{"key":{_text(key)},"value":'
        if len(self) < _MOST_HEADS and len(key) <= _LONGEST_KEY:
            self[key] = head
        return head


_HEADS = _Heads()


def encode(record: Record) -> Encoded:
    """Return the JSON of one span, written piece by piece: a tree takes twice as long."""
    end_ns = max(record.start_ns, min(record.end_ns, record.start_ns + _MAX_DURATION_NS))
    parent = record.parent_span_id
    above = f',"parentSpanId":{_text(parent)}' if parent else ""
    start = (
        f'{{"traceId":{_text(record.trace_id)},"spanId":{_text(record.span_id)}{above},'
        f'"name":{_text(clip(scrub(record.name), _TEXT_BYTES))},"kind":3,'
        f'"startTimeUnixNano":"{record.start_ns}","endTimeUnixNano":"{end_ns}",'
        f'"status":{_FAILED if record.is_error else "{}"},'
        f'"attributes":[{",".join(_attributes(record))}'
    )
    span = b",".join((start.encode(), *_contents(record)))
    return Encoded(span + b"]}", record.service_name)


def body(spans: Sequence[Encoded]) -> bytes:
    """Return one export request with `spans`, grouped by service name."""
    groups: dict[str | None, list[bytes]] = {}
    for span in spans:
        groups.setdefault(span.group, []).append(span.json)
    return b'{"resourceSpans":[%b]}' % b",".join(
        b'{"resource":{"attributes":[%b]},"scopeSpans":[{"scope":{"name":"pulse_otel"},"spans":[%b]}]}'
        % (_attribute(semconv.SERVICE_NAME, name).encode() if name else b"", b",".join(members))
        for name, members in groups.items()
    )


def _attributes(record: Record) -> list[str]:
    """Return what is short: columns, and attributes that have none."""
    usage, own = record.usage, record.attributes
    names = (
        record.kind,
        "sdk",
        _event_type(record),
        record.provider,
        record.model,
        record.response_model,
        record.finish_reason,
        record.service_tier,
    )
    # The types first: other ones cannot be joined, and 1 would be found as True.
    usual = (
        _NAMED.isdisjoint(own)
        and _TEXTS.issuperset(map(type, names))
        and len("".join(filter(None, names))) <= _LONGEST_NAMES
    )
    columns: dict[str, Any] = {
        semconv.PULSE_SESSION_ID: record.session_id,
        semconv.RESPONSE_ID: record.response_id,
        semconv.INPUT_TOKENS: None if usage.input is None else column_int(usage.input),
        semconv.OUTPUT_TOKENS: None if usage.output is None else column_int(usage.output),
        semconv.PULSE_COST_CENTS: column_cents(record.cost_cents),
        semconv.PULSE_TOOL_ID: record.tool_id,
        semconv.PULSE_TOOL_NAME: record.tool_name,
        semconv.PULSE_AGENT_NAME: record.agent_name,
        semconv.PULSE_USER_ID: record.user_id,
        **own,
    }
    if not usual:
        columns = dict(zip(_NAMES, names, strict=True)) | columns
    written = [_attribute(key, value) for key, value in columns.items() if value is not None]
    if usual:
        written.append(_names_json(names))
    return written


# The columns of which a program has few values: their JSON is remembered.
_NAMES = (
    semconv.PULSE_KIND,
    semconv.PULSE_SOURCE,
    semconv.PULSE_EVENT_TYPE,
    semconv.PROVIDER_NAME,
    semconv.REQUEST_MODEL,
    semconv.RESPONSE_MODEL,
    semconv.FINISH_REASONS,
    semconv.PULSE_SERVICE_TIER,
)
_NAMED = frozenset(_NAMES)
_TEXTS = frozenset((str, type(None)))
_LONGEST_NAMES = 512  # characters of one entry: what is remembered is bounded


@lru_cache(maxsize=256)
def _names_json(names: tuple[str | None, ...]) -> str:
    pairs = zip(_NAMES, names, strict=True)
    return ",".join([_attribute(key, name) for key, name in pairs if name is not None])


def _contents(record: Record) -> Iterator[bytes]:
    """Yield what may be long."""
    if record.output_text:
        text = _string(clip(record.output_text, FORM.max_body_bytes))
        yield f"{_HEADS[semconv.PULSE_OUTPUT_TEXT]}{text}}}".encode()
    bodies = (
        (semconv.PULSE_REQUEST, record.request),
        (semconv.PULSE_RESPONSE, record.response),
        (semconv.PULSE_ERROR, record.error),
        (semconv.PULSE_TOOL_INPUT, record.tool_input),
        (semconv.PULSE_TOOL_RESPONSE, record.tool_output),
    )
    for key, value in bodies:
        if value is not None and value != {}:
            write = request_json if key == semconv.PULSE_REQUEST else body_json
            yield _json_attribute(key, write(value, FORM.max_body_bytes))
    if record.metadata:
        yield _metadata(record.metadata).encode()


def _json_attribute(key: str, json: bytes) -> bytes:
    """Return an attribute; JSON has no other characters to escape than these."""
    escaped = json.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b"".join((_HEADS[key].encode(), b'{"stringValue":"', escaped, b'"}}'))


def _event_type(record: Record) -> str:
    """The label of what is no tool (contract §3.3): of a notification, what was done."""
    if record.kind == "llm_call":
        return "provider_call"
    return (record.kind == "notification" and record.operation) or record.kind


def _bounded(value: Any) -> Any:
    """Return the value of an attribute, bounded: the service bounds no ids and names."""
    if isinstance(value, str):
        return value if len(value) < _TEXT_BYTES else clip(scrub(value), FORM.max_body_bytes)
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _metadata(metadata: Mapping[str, Any]) -> str:
    """Return a kvlist, since the service flattens only the keys of a kvlist (contract §3.3)."""
    values = plain(metadata)
    values = {
        key: value if not isinstance(value, str) else clip(value, _METADATA_BYTES // 4)
        for key, value in values.items()
    }
    return f"{_HEADS[semconv.PULSE_METADATA]}{_value(values)}}}"


def _attribute(key: str, value: Any) -> str:
    kind = type(value)  # nearly all are of one of these
    head = _HEADS[key]
    if kind is str and len(value) < _TEXT_BYTES and value.isascii() and "\x00" not in value:
        return f'{head}{{"stringValue":{_quoted(value)}}}}}'
    if kind is int and -_MAX_EXACT <= value <= _MAX_EXACT:
        return f'{head}{{"intValue":{value}}}}}'
    if kind is float and -_MAX_FLOAT < value < _MAX_FLOAT:
        return f'{head}{{"doubleValue":{value!r}}}}}'
    return f"{head}{_value(_bounded(value))}}}"


def _text(text: str) -> str:
    return _quoted(scrub(text))


def _string(text: str) -> str:
    return f'{{"stringValue":{_text(text)}}}'


def _value(value: Any) -> str:
    """Return an OTLP AnyValue; integers are JSON numbers if those are exact, else texts."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return '{"boolValue":true}' if value else '{"boolValue":false}'
    if isinstance(value, int):
        exact = -_MAX_EXACT <= value <= _MAX_EXACT
        return f'{{"intValue":{int.__repr__(value)}}}' if exact else _string(str(plain(value)))
    if isinstance(value, float):
        finite = -_MAX_FLOAT < value < _MAX_FLOAT
        return f'{{"doubleValue":{float.__repr__(value)}}}' if finite else _string(str(value))
    if isinstance(value, Mapping):
        pairs = [f"{_HEADS[str(k)]}{_value(v)}}}" for k, v in value.items() if v is not None]
        return f'{{"kvlistValue":{{"values":[{",".join(pairs)}]}}}}'
    if isinstance(value, (list, tuple)):
        items = [_value(item) for item in value if item is not None]
        return f'{{"arrayValue":{{"values":[{",".join(items)}]}}}}'
    return _string(str(value))


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
