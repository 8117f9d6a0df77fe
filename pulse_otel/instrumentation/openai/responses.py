"""The Responses API: create, retrieve and compact, as GenAI attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.errors import failure_attributes
from pulse_otel.instrumentation.openai.items import (
    awaits_tool,
    input_messages,
    output_parts,
    parts_of_item,
)
from pulse_otel.instrumentation.openai.tokens import USAGE
from pulse_otel.instrumentation.reading import (
    Rule,
    extract,
    given,
    integer,
    items,
    number,
    other_parameters,
    read,
    text,
)
from pulse_otel.values import plain

API_TYPE = "responses"
_OUTPUT_TYPES = {"json_object": "json", "json_schema": "json", "text": "text"}


def _identity(value: Any) -> str | None:
    """A conversation or a prompt: its id, or an object that has it."""
    return text(value) or text(read(value, "id"))


def _true(value: Any) -> bool | None:
    return True if value is True else None


_REQUEST: tuple[Rule, ...] = (
    (("max_output_tokens",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("reasoning", "effort"), semconv.REQUEST_REASONING_LEVEL, text),
    (
        ("text", "format", "type"),
        semconv.OUTPUT_TYPE,
        lambda kind: _OUTPUT_TYPES.get(text(kind) or ""),
    ),
    (("stream",), semconv.REQUEST_STREAM, _true),
    (("previous_response_id",), semconv.REQUEST_PREVIOUS_RESPONSE_ID, text),
    # A session, if there is one, is set later and wins.
    (("conversation",), semconv.CONVERSATION_ID, _identity),
    (("prompt",), semconv.PROMPT_NAME, _identity),
    (("prompt", "version"), semconv.PROMPT_VERSION, text),
    (
        ("service_tier",),
        semconv.OPENAI_REQUEST_SERVICE_TIER,
        lambda tier: text(tier) if tier != "auto" else None,
    ),
)

_OTHER_PARAMETERS = (
    "access_programs",
    "background",
    "context_management",
    "include",
    "max_tool_calls",
    "metadata",
    "moderation",
    "parallel_tool_calls",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "stream_options",
    "text",
    "tool_choice",
    "top_logprobs",
    "truncation",
    "user",
)

_RETRIEVE: tuple[Rule, ...] = (
    (("response_id",), semconv.RESPONSE_ID, text),
    (("extra_query", "stream"), semconv.REQUEST_STREAM, _true),
    (
        ("extra_query", "starting_after"),
        semconv.REQUEST_STREAM_CURSOR,
        lambda value: None if integer(value) is None else str(value),
    ),
)

_IDENTITY: tuple[Rule, ...] = (
    (("id",), semconv.RESPONSE_ID, text),
    (("model",), semconv.RESPONSE_MODEL, text),
)
_RESPONSE: tuple[Rule, ...] = (
    *_IDENTITY,
    *USAGE,
    (("service_tier",), semconv.OPENAI_RESPONSE_SERVICE_TIER, text),
)

# What a tool's definition may show. An MCP server's headers and tokens, and the secrets of a
# container, stand in definitions too.
_TOOL_FIELDS = (
    "type",
    "name",
    "description",
    "parameters",
    "format",
    "server_label",
    "server_description",
    "allowed_tools",
    "require_approval",
    "vector_store_ids",
    "max_num_results",
    "search_context_size",
    "model",
    "size",
    "quality",
    "environment",
    "display_width",
    "display_height",
)

# Status, or the reason why a response is incomplete -> the conventions' finish reason.
_FINISH_REASONS = {
    "completed": "stop",
    "max_output_tokens": "length",
    "content_filter": "content_filter",
    "failed": "error",
    "cancelled": "error",
    "incomplete": "error",
    "": "error",  # a stream that was left before its end
}
_UNFINISHED = ("queued", "in_progress")


def read_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request to create, or to compact, a response."""
    attributes = extract(request, _REQUEST)
    attributes[semconv.OPENAI_API_TYPE] = API_TYPE
    if not content:
        return attributes
    if given(request.get("input")):
        attributes[semconv.INPUT_MESSAGES] = input_messages(request["input"])
    return (
        attributes
        | _instructions(request)
        | _tools(request)
        | other_parameters(request, _OTHER_PARAMETERS)
    )


def read_compact_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The same; the answer is a shorter form of the conversation."""
    return read_request(request, content) | {semconv.CONVERSATION_COMPACTED: True}


def read_retrieve_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request for a response that was created earlier."""
    return {**extract(request, _RETRIEVE), semconv.OPENAI_API_TYPE: API_TYPE}


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of a response, whole or assembled."""
    attributes = extract(response, _RESPONSE) | _finish(response)
    output = items(read(response, "output"))
    if any(text(read(item, "type")) == "compaction" for item in output):
        attributes[semconv.CONVERSATION_COMPACTED] = True
    if content:
        attributes |= _output(response, output)
    if text(read(response, "status")) == "failed":
        error = read(response, "error")
        attributes |= failure_attributes(text(read(error, "code")), text(read(error, "message")))
    return attributes


def read_retrieved(response: Any, content: bool) -> dict[str, Any]:
    """A response fetched again: its tokens were counted when it was created."""
    attributes = extract(response, _IDENTITY) | _finish(response)
    status = text(read(response, "status"))
    if status:
        attributes[semconv.RESPONSE_STATUS] = status
    if content:
        attributes |= _instructions(response) | _tools(response)
        attributes |= _output(response, items(read(response, "output")))
    return attributes


def _output(response: Any, output: list[Any]) -> dict[str, Any]:
    """One message, whatever number of items the answer has."""
    parts = output_parts(output)
    if not parts:
        return {}
    message: dict[str, Any] = {"role": "assistant", "parts": parts}
    reason = _finish_reason(response)
    if reason:
        message["finish_reason"] = reason
    return {semconv.OUTPUT_MESSAGES: [message]}


def _finish(response: Any) -> dict[str, Any]:
    """A response has one choice; the raw reason is its status."""
    raw = text(read(response, "status"))
    if raw is None:
        return {}
    attributes: dict[str, Any] = {semconv.PULSE_RAW_FINISH_REASONS: [raw]}
    reason = _finish_reason(response)
    if reason:
        attributes[semconv.FINISH_REASONS] = [reason]
    return attributes


def _finish_reason(response: Any) -> str | None:
    """None while a background response is still being made, and for a compaction."""
    status = text(read(response, "status"))
    if status is None or status in _UNFINISHED:
        return None
    if status == "completed" and awaits_tool(read(response, "output")):
        return "tool_call"
    why = text(read(response, "incomplete_details", "reason")) if status == "incomplete" else None
    return _FINISH_REASONS.get(why or status, why or status)


def _instructions(source: Any) -> dict[str, Any]:
    """Instructions are text; those of a prompt template come back as items."""
    instructions = read(source, "instructions")
    if isinstance(instructions, str):
        parts = [{"type": "text", "content": instructions}] if instructions else []
    else:
        parts = [part for item in items(instructions) for part in parts_of_item(item)]
    return {semconv.SYSTEM_INSTRUCTIONS: parts} if parts else {}


def _tools(source: Any) -> dict[str, Any]:
    tools = items(read(source, "tools"))
    return {semconv.TOOL_DEFINITIONS: [_tool(tool) for tool in tools]} if tools else {}


def _tool(tool: Any) -> dict[str, Any]:
    found = {name: plain(read(tool, name)) for name in _TOOL_FIELDS}
    definition = {name: value for name, value in found.items() if value is not None}
    kind = text(definition.get("type")) or "unknown"
    return {**definition, "type": kind, "name": definition.get("name") or _name(definition, kind)}


def _name(definition: Mapping[str, Any], kind: str) -> str:
    return text(definition.get("server_label")) or kind
