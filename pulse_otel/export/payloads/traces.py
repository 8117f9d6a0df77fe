"""Record -> trace object of the legacy service's form, with its rules (contract §2).

A trace is one LLM call; the form has no other records. For one invalid field the service refuses
the whole request, or loses the rest of it, so every field is made valid here. The service accepts
no null: unknown fields are left out.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from pulse_otel import semconv
from pulse_otel.bounds import bounded_json
from pulse_otel.export import bodies
from pulse_otel.export.payloads.body_json import body_json, request_json
from pulse_otel.export.payloads.form import Encoded, Form, column_cents, column_int
from pulse_otel.export.records.record import Record
from pulse_otel.texts import clip, scrub
from pulse_otel.values import plain, to_json_bytes

_METADATA_BYTES = 65_536
_LEFTOVER_BYTES = 8192
_TEXT_BYTES = 1024

NAMESPACE = uuid.NAMESPACE_URL
"""For derived ids: the session "s" is `uuid5(NAMESPACE, "pulse-session:s")` in every process."""

# The service accepts versions 1 to 8, all zeros, and all f in lower case.
_UUID = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    r"|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST_MS = 253_402_300_799_999  # the end of the year 9999

_PROVIDERS = ("openai", "anthropic", "openrouter")
# Keys that only a response body in Anthropic's or in OpenAI's shape has.
_SHAPES = {"content": "anthropic", "stop_reason": "anthropic", "choices": "openai"}

# Metadata keys of attributes; all others only lose their prefix.
_SHORT = {
    semconv.CACHE_READ_TOKENS: "cache_read_tokens",
    semconv.CACHE_WRITE_TOKENS: "cache_write_tokens",
    semconv.REASONING_TOKENS: "reasoning_tokens",
    semconv.INPUT_AUDIO_TOKENS: "input_audio_tokens",
    semconv.OUTPUT_AUDIO_TOKENS: "output_audio_tokens",
    semconv.TIME_TO_FIRST_CHUNK: "time_to_first_chunk_s",
}
_PREFIX = re.compile(r"^(?:gen_ai|pulse)\.(?:response\.|usage\.)?")


def encode(record: Record) -> Encoded | None:
    """Return the JSON of one trace; None for anything but an LLM call."""
    if record.kind != "llm_call":
        return None
    columns = _columns(record).items()
    fields = {key: to_json_bytes(value) for key, value in columns if value is not None}
    fields["request_body"] = request_json(record.request or {}, FORM.max_body_bytes)
    if record.response:
        fields["response_body"] = body_json(record.response, FORM.max_body_bytes)
    if record.error:
        fields["error"] = body_json(record.error, FORM.max_body_bytes)
    fields["metadata"] = _metadata(record)
    return Encoded(b"{%b}" % b",".join(b'"%b":%b' % (k.encode(), v) for k, v in fields.items()))


def body(traces: Sequence[Encoded]) -> bytes:
    """Return one request with `traces`."""
    return b"[%b]" % b",".join(trace.json for trace in traces)


def _columns(record: Record) -> dict[str, Any]:
    start_ms = min(max(0, record.start_ns // 1_000_000), _LAST_MS)
    # Tokens are never left out: the service's overview page fails on a trace without them.
    return {
        "trace_id": trace_id_of(_call_id(record)),
        "timestamp": _timestamp(start_ms),
        "provider": _provider(record),
        "model_requested": _text(record.model) or _text(record.response_model) or "unknown",
        "model_used": _text(record.response_model),
        "provider_request_id": _text(record.response_id),
        "input_tokens": column_int(record.usage.input or 0),
        "output_tokens": column_int(record.usage.output or 0),
        "output_text": _text(record.output_text, FORM.max_body_bytes),
        "finish_reason": _text(record.finish_reason),
        "status": "error" if record.is_error else "success",
        "latency_ms": column_int(round((record.end_ns - record.start_ns) / 1_000_000)),
        "cost_cents": column_cents(record.cost_cents),
        "session_id": _session(record.session_id) if record.session_id else None,
    }


def _call_id(record: Record) -> str:
    """Return what names the call: other traces may show one whose span id is shared."""
    return record.span_id if record.is_shared else f"{record.trace_id}/{record.span_id}"


def trace_id_of(call: str) -> str:
    """Return the id of the trace that shows a call, which is named by "trace id/span id"."""
    return _derived("pulse-trace", call)


def _derived(kind: str, name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{kind}:{scrub(name)}"))


def _session(session_id: str) -> str:
    return session_id if _UUID.fullmatch(session_id) else _derived("pulse-session", session_id)


def _timestamp(ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _provider(record: Record) -> str:
    """Return one of the form's three providers, by name or else by the shape of the response.

    A failed call has no response; then the name of the model decides.
    """
    name = (record.provider or "").lower()
    if name in _PROVIDERS:
        return name
    for key, provider in _SHAPES.items():
        if record.response and key in record.response:
            return provider
    return "anthropic" if "claude" in (record.model or "").lower() else "openai"


def _text(value: str | None, limit_bytes: int = _TEXT_BYTES) -> str | None:
    return clip(scrub(value), limit_bytes) if value else None


def _metadata(record: Record) -> bytes:
    """Return the caller's metadata, and the parts of the record that have no field."""
    own = {str(key): value for key, value in record.metadata.items() if value is not None}
    ours = _facts(record)
    # The caller's key wins.
    ours = {key if key not in own else f"pulse_{key}": value for key, value in ours.items()}
    parts = (bounded_json(plain(own), _METADATA_BYTES), bounded_json(ours, _METADATA_BYTES))
    return f"{{{','.join(part[1:-1] for part in parts if part != '{}')}}}".encode()


def _facts(record: Record) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "otel_trace_id": record.trace_id,
        "otel_span_id": record.span_id,
        "otel_parent_span_id": record.parent_span_id,
        "service_name": _text(record.service_name),
        "service_tier": _text(record.service_tier),
        "user_id": _text(record.user_id),
        "agent_name": _text(record.agent_name),
        "cache_read_tokens": record.usage.cache_read,
        "cache_write_tokens": record.usage.cache_write,
        "reasoning_tokens": record.usage.reasoning,
        "input_audio_tokens": record.usage.input_audio,
        "output_audio_tokens": record.usage.output_audio,
    }
    if record.provider != _provider(record):
        facts["provider"] = _text(record.provider)
    if record.session_id and not _UUID.fullmatch(record.session_id):
        facts["session_id"] = _text(record.session_id)
    rest = {_short(key): _leftover(value) for key, value in record.attributes.items()}
    return rest | {key: value for key, value in facts.items() if value is not None}


def _short(attribute: str) -> str:
    return _SHORT.get(attribute) or _PREFIX.sub("", attribute).replace(".", "_")


def _leftover(value: Any) -> Any:
    if isinstance(value, str):
        found = _structure(value)
        return clip(scrub(value), _LEFTOVER_BYTES) if found is None else plain(found)
    if isinstance(value, (Mapping, list, tuple)):
        return plain(value)
    return value


def _structure(text: str) -> Any:
    """The object or list that `text` is the JSON of, as the current service reads it, or None."""
    if text[:1] not in ("{", "[") or len(text) > _LEFTOVER_BYTES:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


FORM = Form(
    name="traces",
    path="/v1/traces/async",  # unlike /v1/traces/batch it accepts a trace twice (§2.4)
    max_records=100,
    max_body_bytes=bodies.MAX_BYTES,  # the service has no limit of its own (contract §2.1)
    encode=encode,
    body=body,
)
