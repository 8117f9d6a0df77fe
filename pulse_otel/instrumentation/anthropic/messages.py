"""Messages and the counting of their tokens: request and response as GenAI attributes."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.anthropic import blocks
from pulse_otel.instrumentation.reading import (
    Rule,
    extract,
    given,
    integer,
    items,
    number,
    parts_of,
    read,
    request_content,
    strings,
    text,
)
from pulse_otel.values import plain


def _true(value: Any) -> bool | None:
    return True if value is True else None


def _json_output(value: Any) -> str | None:
    return "json" if value == "json_schema" else None


_REQUEST: tuple[Rule, ...] = (
    (("max_tokens",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("top_k",), semconv.REQUEST_TOP_K, integer),
    (("stop_sequences",), semconv.REQUEST_STOP_SEQUENCES, strings),
    (("output_config", "effort"), semconv.REQUEST_REASONING_LEVEL, text),
    (("output_config", "format", "type"), semconv.OUTPUT_TYPE, _json_output),
    (("output_format", "type"), semconv.OUTPUT_TYPE, _json_output),  # before `output_config`
    (("stream",), semconv.REQUEST_STREAM, _true),
)

_OTHER_PARAMETERS = (
    "tool_choice",
    "thinking",
    "metadata",
    "service_tier",
    "output_config",
    "output_format",
    "container",
    "context_management",
    "compaction",
    "fallbacks",
    "inference_geo",
    "speed",
    "thread",
    "cache_control",
    "mcp_servers",
)

_RESPONSE: tuple[Rule, ...] = (
    (("id",), semconv.RESPONSE_ID, text),
    (("model",), semconv.RESPONSE_MODEL, text),
    (("usage", "output_tokens"), semconv.OUTPUT_TOKENS, integer),
    (("usage", "cache_read_input_tokens"), semconv.CACHE_READ_TOKENS, integer),
    (("usage", "cache_creation_input_tokens"), semconv.CACHE_WRITE_TOKENS, integer),
    (("usage", "output_tokens_details", "thinking_tokens"), semconv.REASONING_TOKENS, integer),
    (("usage", "service_tier"), semconv.PULSE_SERVICE_TIER, text),
)

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}


def read_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request; what is in `extra_body` is sent in place of the body's own."""
    # SDK 1.0 took the sampling parameters out of the signature: they come in `extra_body`.
    extra = request.get("extra_body")
    sent = {**request, **extra} if isinstance(extra, Mapping) else request
    attributes = extract(sent, _REQUEST)
    if not content:
        return attributes
    servers = items(sent.get("mcp_servers"))
    if servers:
        sent = {**sent, "mcp_servers": [_without_token(server) for server in servers]}
    attributes |= request_content(sent, blocks.message, blocks.tool, _OTHER_PARAMETERS)
    system = sent.get("system")
    if given(system):
        attributes[semconv.SYSTEM_INSTRUCTIONS] = parts_of(system, blocks.part)
    return attributes


def _without_token(server: Any) -> Any:
    known = plain(server)
    if not isinstance(known, dict):
        return known
    return {name: value for name, value in known.items() if name != "authorization_token"}


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of a message, whole or assembled."""
    attributes = extract(response, _RESPONSE)
    # The API's input_tokens leaves the cache out; the conventions' total includes it.
    fresh = integer(read(response, "usage", "input_tokens"))
    if fresh is not None:
        cached = attributes.get(semconv.CACHE_READ_TOKENS, 0)
        attributes[semconv.INPUT_TOKENS] = (
            fresh + cached + attributes.get(semconv.CACHE_WRITE_TOKENS, 0)
        )
    details = _details(read(response, "usage"))
    if details:
        attributes[semconv.PULSE_USAGE_DETAILS] = details
    return attributes | _ending(response, content)


def _ending(response: Any, content: bool) -> dict[str, Any]:
    """Why the model stopped, and what it said."""
    raw = text(read(response, "stop_reason"))
    if not raw and not given(read(response, "content")):
        return {}
    reason = FINISH_REASONS.get(raw, raw) if raw else "error"
    found: dict[str, Any] = {
        semconv.FINISH_REASONS: [reason],
        semconv.PULSE_RAW_FINISH_REASONS: [raw or ""],
    }
    details = _filled(plain(read(response, "stop_details")))
    if details:
        found[semconv.PULSE_STOP_DETAILS] = details
    if content:
        parts = parts_of(read(response, "content"), blocks.part)
        found[semconv.OUTPUT_MESSAGES] = [
            {"role": "assistant", "parts": parts, "finish_reason": reason}
        ]
    return found


# What the rules above take from the usage.
_TAKEN = frozenset(path[1] for path, _, _ in _RESPONSE if path[0] == "usage") | {"input_tokens"}


def _details(usage: Any) -> Any:
    """What else the usage says: requests of server tools, cache by lifetime, compactions, ...

    The tokens of a compaction are in `iterations` alone; the API leaves them out of its totals.
    """
    known = plain(usage)
    if not isinstance(known, dict):
        return None
    return _filled({name: value for name, value in known.items() if name not in _TAKEN})


def _filled(value: Any) -> Any:
    """`value` without what is None, zero or empty; None if nothing is left."""
    if isinstance(value, dict):
        value = {name: kept for name, item in value.items() if (kept := _filled(item)) is not None}
    elif isinstance(value, list):
        value = [kept for item in value if (kept := _filled(item)) is not None]
    return value or None


def read_count(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of a count: no usage, for nothing was used."""
    count = integer(read(response, "input_tokens"))
    return {} if count is None else {semconv.PULSE_COUNTED_TOKENS: count}
