"""Read the requests and responses of Messages, and of the counting of their tokens."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.anthropic import blocks
from pulse_otel.instrumentation.finish_reasons import finish_reason, finish_reasons
from pulse_otel.instrumentation.reading import (
    Rules,
    few_strings,
    fields_of,
    filled,
    given,
    given_of,
    integer,
    messages_and_tools,
    number,
    parts_of,
    read,
    system_message,
    text,
    true,
)
from pulse_otel.instrumentation.request_reader import RequestReader
from pulse_otel.values import plain


def _json_output(value: Any) -> str | None:
    return "json" if value == "json_schema" else None


_REQUEST = Rules(
    (("max_tokens",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("top_k",), semconv.REQUEST_TOP_K, integer),
    (("stop_sequences",), semconv.REQUEST_STOP_SEQUENCES, few_strings),
    (("output_config", "effort"), semconv.REQUEST_REASONING_LEVEL, text),
    (("output_config", "format", "type"), semconv.OUTPUT_TYPE, _json_output),
    (("output_format", "type"), semconv.OUTPUT_TYPE, _json_output),  # before `output_config`
    (("stream",), semconv.REQUEST_STREAM, true),
)


_RESPONSE = Rules(
    (("id",), semconv.RESPONSE_ID, filled),
    (("model",), semconv.RESPONSE_MODEL, filled),
)


def _content(request: Mapping[str, Any]) -> dict[str, Any]:
    system = parts_of(request.get("system"), blocks.part)
    return messages_and_tools(request, blocks.message, blocks.tool) | system_message(system)


_reader = RequestReader(_REQUEST, ("messages", "tools", "system"), _content)


def read_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """Return the attributes of a request, in which the SDK marks each field that is not given."""
    return _reader(given_of(request), content)


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """Return the attributes of a message, whole or assembled."""
    response = fields_of(response)
    attributes = _RESPONSE.extract(response)
    details = _details(read(response, "usage"))
    if details:
        attributes[semconv.PULSE_USAGE_DETAILS] = details
    return attributes | _ending(response, content)


def _ending(response: Any, content: bool) -> dict[str, Any]:
    """Return why the model stopped, and its answer."""
    raw = text(read(response, "stop_reason"))
    if not raw and not given(read(response, "content")):
        return {}
    found = finish_reasons([raw])
    details = _filled(plain(read(response, "stop_details")))
    if details:
        found[semconv.PULSE_STOP_DETAILS] = details
    if content:
        parts = parts_of(read(response, "content"), blocks.part)
        found[semconv.OUTPUT_MESSAGES] = [
            {"role": "assistant", "parts": parts, "finish_reason": finish_reason(raw)}
        ]
    return found


# The fields of the usage that have attributes of their own.
_TAKEN = frozenset(
    (
        "input_tokens",
        "output_tokens",
        "output_tokens_details",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "service_tier",
        "speed",
        "inference_geo",
        "cost",
    )
)


def _details(usage: Any) -> Any:
    """Return the rest of the usage: requests of server tools, cache by lifetime, compactions, ...

    The tokens of a compaction are in `iterations` alone; the API leaves them out of its totals.
    """
    given_fields = {name for name, value in fields_of(usage).items() if value is not None}
    if given_fields <= _TAKEN:
        return None
    known = plain(usage)
    if not isinstance(known, dict):
        return None
    return _filled({name: value for name, value in known.items() if name not in _TAKEN})


def _filled(value: Any) -> Any:
    """Return `value` without its None, zero and empty parts; None if nothing is left."""
    if isinstance(value, dict):
        value = {name: kept for name, item in value.items() if (kept := _filled(item)) is not None}
    elif isinstance(value, list):
        value = [kept for item in value if (kept := _filled(item)) is not None]
    return value or None


def read_count(response: Any, content: bool) -> dict[str, Any]:
    """Return the attributes of a count, which has no usage: no tokens were used."""
    count = integer(read(response, "input_tokens"))
    return {} if count is None else {semconv.PULSE_COUNTED_TOKENS: count}
