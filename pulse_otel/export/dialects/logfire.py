"""Logfire's integrations of `openai` and `anthropic`."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.export.dialects import genai, parts, provider_json
from pulse_otel.export.dialects.dialect import DOLLARS, START_NS, Dialect
from pulse_otel.export.dialects.source import (
    Attributes,
    Source,
    as_number,
    as_text,
    at,
    mapping,
)

_REQUEST, _RESPONSE = "request_data", "response_data"
_STREAMED = "combined_chunk_content"
_ANSWERED = (
    semconv.OUTPUT_MESSAGES,
    semconv.RESPONSE_ID,
    semconv.INPUT_TOKENS,
    "gen_ai.usage.raw",
    _RESPONSE,
    "events",
)


def _read(source: Source) -> Attributes:
    request = mapping(source.json(_REQUEST))
    found = provider_json.request(request)
    found |= _response(source)
    usage = source.json("gen_ai.usage.raw")
    found |= provider_json.usage(usage)
    found[semconv.OPENAI_RESPONSE_SERVICE_TIER] = as_text(at(usage, "service_tier"))
    found |= genai.from_json(source.json("events"))
    if source.name.startswith("Responses API"):
        found[semconv.OPENAI_API_TYPE] = provider_json.API_RESPONSES
    duration = as_number(source.get("duration"))
    if _is_stream_record(source) and duration is not None:
        # This is a log record, made at the end of the stream.
        found[START_NS] = max(0, (source.span.start_time or 0) - int(duration * 1e9))
        found[semconv.REQUEST_STREAM] = True
    # Attributes under the conventions' keys are better than these.
    return {key: value for key, value in found.items() if source.get(key) is None}


def _response(source: Source) -> Attributes:
    """Read Logfire's earlier form: the message, or the text of a stream."""
    data = mapping(source.json(_RESPONSE))
    found = provider_json.usage(data.get("usage"))
    message = mapping(data.get("message"))
    text = as_text(data.get(_STREAMED))
    if message or text:
        output = parts.message(message or {"content": text}, "assistant")
        found |= provider_json.answer([output], [])
    return found


def _is_stream_record(source: Source) -> bool:
    return source.get("logfire.span_type") == "log" and source.name.startswith("streaming response")


def _is_redundant(source: Source) -> bool:
    """Return whether the span repeats another: a pending span, or the opening of a stream.

    A stream gives two records: a span that ends with the response's headers, and a log record
    with the answer and the usage, in the trace that is current by then.
    """
    if source.get("logfire.span_type") == "pending_span":
        return True
    streams = at(source.json(_REQUEST), "stream") is True  # its earlier spans name no operation
    opened = streams or source.text(semconv.OPERATION_NAME) == semconv.OPERATION_CHAT
    failed = any(source.events("exception"))
    return opened and not failed and all(source.get(key) is None for key in _ANSWERED)


LOGFIRE = Dialect(
    name="logfire",
    crosswalk={DOLLARS: ("operation.cost",)},
    read=_read,
    ignores=_is_redundant,
    used_up=("gen_ai.usage.raw",),
)
