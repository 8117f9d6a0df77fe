"""Read the requests and responses of the Responses API: create, retrieve and compact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.errors import failure_attributes
from pulse_otel.instrumentation.finish_reasons import finish_reason
from pulse_otel.instrumentation.openai.background import background_attributes
from pulse_otel.instrumentation.openai.items import (
    awaits_tool,
    input_messages,
    kinds_of,
    output_parts,
    parts_of_item,
)
from pulse_otel.instrumentation.reading import (
    Rule,
    Rules,
    fields_of,
    filled,
    given,
    integer,
    items,
    number,
    read,
    system_message,
    text,
    text_parts,
    true,
)
from pulse_otel.instrumentation.request_reader import RequestReader
from pulse_otel.instrumentation.tool_definitions import definitions
from pulse_otel.values import plain

API_TYPE = "responses"
_OUTPUT_TYPES = {"json_object": "json", "json_schema": "json", "text": "text"}


def _identity(value: Any) -> str | None:
    """Return the id of a conversation or prompt, given as an id or as an object."""
    return text(value) or text(read(value, "id"))


_REQUEST = Rules(
    (("max_output_tokens",), semconv.REQUEST_MAX_TOKENS, integer),
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("top_p",), semconv.REQUEST_TOP_P, number),
    (("reasoning", "effort"), semconv.REQUEST_REASONING_LEVEL, text),
    (
        ("text", "format", "type"),
        semconv.OUTPUT_TYPE,
        lambda kind: _OUTPUT_TYPES.get(text(kind) or ""),
    ),
    (("stream",), semconv.REQUEST_STREAM, true),
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

# What the content shows, and the rest of an event that asks for a response on a connection.
_SHOWN = ("input", "instructions", "tools", "type", "event_id", "stream_id")

_RETRIEVE = Rules(
    (("response_id",), semconv.RESPONSE_ID, text),
    (("extra_query", "stream"), semconv.REQUEST_STREAM, true),
    (
        ("extra_query", "starting_after"),
        semconv.REQUEST_STREAM_CURSOR,
        lambda value: None if integer(value) is None else str(value),
    ),
)

_IDENTITY: tuple[Rule, ...] = (
    (("id",), semconv.RESPONSE_ID, filled),
    (("model",), semconv.RESPONSE_MODEL, filled),
)
_RETRIEVED = Rules(*_IDENTITY)
_RESPONSE = Rules(
    *_IDENTITY,
    (("service_tier",), semconv.OPENAI_RESPONSE_SERVICE_TIER, filled),
)

# The recorded fields of a tool's definition. Headers and tokens of an MCP server, and secrets of a
# container, are left out.
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

_FAILED = "failed"
_UNFINISHED = ("queued", "in_progress")


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """Return the attributes of a response, whole or assembled."""
    response = fields_of(response)
    output = items(response.get("output"))
    kinds, status = kinds_of(output), text(response.get("status"))
    reason = _finish_reason(response, status, output, kinds)
    attributes = _RESPONSE.extract(response) | _finish(status, reason)
    if response.get("background") is True:
        attributes |= background_attributes(response)
    if "compaction" in kinds:
        attributes[semconv.CONVERSATION_COMPACTED] = True
    if content:
        attributes |= _output(output, reason)
    return attributes | _failure(response) if status == _FAILED else attributes


def _failure(response: Any) -> dict[str, Any]:
    error = read(response, "error")
    return failure_attributes(text(read(error, "code")), text(read(error, "message")))


def read_retrieved(response: Any, content: bool) -> dict[str, Any]:
    """Return the attributes of a retrieved response; only a background response fails now."""
    response = fields_of(response)
    output = items(response.get("output"))
    kinds, status = kinds_of(output), text(response.get("status"))
    reason = _finish_reason(response, status, output, kinds)
    attributes = _RETRIEVED.extract(response) | _finish(status, reason)
    if status:
        attributes[semconv.RESPONSE_STATUS] = status
    if read(response, "background") is True:
        attributes |= background_attributes(response)
        attributes |= _failure(response) if status == _FAILED else {}
    if content:
        attributes |= _instructions(response) | _tools(response)
        attributes |= _output(output, reason)
    return attributes


def _output(output: list[Any], reason: str | None) -> dict[str, Any]:
    """Return the output as one message, however many items it has."""
    parts = output_parts(output)
    if not parts:
        return {}
    message: dict[str, Any] = {"role": "assistant", "parts": parts}
    if reason:
        message["finish_reason"] = reason
    return {semconv.OUTPUT_MESSAGES: [message]}


def _finish(status: str | None, reason: str | None) -> dict[str, Any]:
    """Return the finish reason of the one choice; the raw reason is the response's status."""
    if status is None:
        return {}
    attributes: dict[str, Any] = {semconv.PULSE_RAW_FINISH_REASONS: [status]}
    if reason:
        attributes[semconv.FINISH_REASONS] = [reason]
    return attributes


def _finish_reason(
    response: Any, status: str | None, output: list[Any], kinds: list[str | None]
) -> str | None:
    """Return the finish reason; None for an unfinished background response and for a compaction."""
    if status is None or status in _UNFINISHED:
        return None
    if status == "completed" and awaits_tool(output, kinds):
        return "tool_call"
    why = text(read(response, "incomplete_details", "reason")) if status == "incomplete" else None
    return finish_reason(why or status)


def _instructions(source: Any) -> dict[str, Any]:
    """Return the instructions: text, or the items of a prompt template."""
    instructions = read(source, "instructions")
    if isinstance(instructions, str):
        return system_message(text_parts(instructions))
    return system_message([part for item in items(instructions) for part in parts_of_item(item)])


def _tools(source: Any) -> dict[str, Any]:
    tools = items(read(source, "tools"))
    return {semconv.TOOL_DEFINITIONS: definitions(_tool, tools)} if tools else {}


def _tool(tool: Any) -> dict[str, Any]:
    found = {name: plain(read(tool, name)) for name in _TOOL_FIELDS}
    definition = {name: value for name, value in found.items() if value is not None}
    kind = text(definition.get("type")) or "unknown"
    return {**definition, "type": kind, "name": definition.get("name") or _name(definition, kind)}


def _name(definition: Mapping[str, Any], kind: str) -> str:
    return text(definition.get("server_label")) or kind


def _content(request: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if request.get("instructions") is not None:
        found |= _instructions(request)
    if request.get("tools") is not None:
        found |= _tools(request)
    if given(request.get("input")):
        found[semconv.INPUT_MESSAGES] = input_messages(request["input"])
    return found


_PROMPT = ("prompt",)  # its variables have no attribute
_API: dict[str, Any] = {semconv.OPENAI_API_TYPE: API_TYPE}
read_request = RequestReader(_REQUEST, _SHOWN, _content, _API, _PROMPT)
read_compact_request = RequestReader(
    _REQUEST, _SHOWN, _content, {**_API, semconv.CONVERSATION_COMPACTED: True}, _PROMPT
)
read_retrieve_request = RequestReader(_RETRIEVE, fixed=_API)
