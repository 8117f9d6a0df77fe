"""The GenAI semantic conventions: our own spans, OpenTelemetry's, and those of unknown producers.

Today's conventions keep messages in attributes. Up to 1.36 each message was an event (openai-v2,
Strands, early pydantic-ai). `opentelemetry-instrumentation-openai-v2` sends the events as log
records, which no span exporter receives: its spans carry no content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects import parts
from pulse_otel.export.dialects.dialect import DOLLARS, Dialect
from pulse_otel.export.dialects.provider_json import answer
from pulse_otel.export.dialects.source import (
    Attributes,
    Source,
    as_text,
    dicts,
    items,
    loose_json,
    mapping,
)

_MESSAGES = (
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.SYSTEM_INSTRUCTIONS,
    semconv.TOOL_DEFINITIONS,
)
_DETAILS = "gen_ai.client.inference.operation.details"
_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
_EARLIEST = {  # before 1.28: all messages in one attribute of one event
    "gen_ai.content.prompt": ("gen_ai.prompt", semconv.INPUT_MESSAGES),
    "gen_ai.content.completion": ("gen_ai.completion", semconv.OUTPUT_MESSAGES),
}


def _from_events(source: Source) -> Attributes:
    """Return the messages of the span's events, one event each; of a tool, its values."""
    if source.get(semconv.OPERATION_NAME) == semconv.OPERATION_EXECUTE_TOOL:
        return tool_from_events(source)
    named = [(event.name, event.attributes or {}) for event in source.span.events]
    return _messages(named)


def from_json(events: object) -> Attributes:
    """Return the messages of events that stand as JSON in one attribute."""
    return _messages([(str(event.get("event.name")), event) for event in dicts(events)])


def tool_from_events(source: Source) -> Attributes:
    """Return a tool's arguments and result from the messages that stand in for them (Strands)."""
    given = next((found.get("content") for _, found in source.events("gen_ai.tool.message")), None)
    result = next((found.get("message") for _, found in source.events(_CHOICE)), None)
    return {
        semconv.TOOL_CALL_ARGUMENTS: source.get(semconv.TOOL_CALL_ARGUMENTS) or given,
        semconv.TOOL_CALL_RESULT: source.get(semconv.TOOL_CALL_RESULT)
        or parts.text_of_blocks(loose_json(result)),
    }


def _messages(events: list[tuple[str, Mapping[str, Any]]]) -> Attributes:
    found: Attributes = {}
    inputs: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    reasons: list[Any] = []
    for name, body in events:
        values = {key: loose_json(value) for key, value in body.items()}
        if name in _ROLES:
            inputs.append(parts.message(values, _ROLES[name]))
        elif name == _CHOICE:
            message = mapping(values.get("message")) or _bare(values)
            outputs.append(parts.message(message, "assistant"))
            reasons.append(body.get("finish_reason"))
        elif name in _EARLIEST:
            key, target = _EARLIEST[name]
            found[target] = parts.messages(values.get(key))
    if inputs:
        found[semconv.INPUT_MESSAGES] = inputs
    return found | answer(outputs, reasons) if outputs else found


def _bare(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message of an answer whose text or blocks stand in `message` or `content`."""
    text = items(values.get("message")) or as_text(values.get("message"))
    text = text or as_text(values.get("content"))
    return {"role": "assistant", "content": text, "tool_calls": values.get("tool_calls")}


def _read(source: Source) -> Attributes:
    """Read messages from events: from one with all of them, or from one for each message."""
    if any(source.get(key) is not None for key in _MESSAGES):
        return _with_parts(source)
    details = next((found for _, found in source.events(_DETAILS)), None)
    if details is not None:
        return {key: details.get(key) for key in _MESSAGES}
    return _from_events(source)


def _with_parts(source: Source) -> Attributes:
    """Return the messages that are in a provider's shape, with `content` instead of `parts`."""
    found = {key: dicts(source.json(key)) for key in _MESSAGES[:2]}
    return {
        key: parts.messages(messages)
        for key, messages in found.items()
        if any("content" in item for item in messages)
        and not any("parts" in item for item in messages)
    }


def _is_made_up(source: Source) -> bool:
    """Return whether the span is no run of a tool, but ADK's sum of parallel ones."""
    return source.name == "execute_tool (merged)"


OURS = Dialect(name="pulse")

OPENAI_V2 = Dialect(
    name="openai-v2",
    read=_from_events,
)

GENAI = Dialect(
    name="genai",
    crosswalk={
        DOLLARS: ("gen_ai.usage.cost", "operation.cost"),
        semconv.TIME_TO_FIRST_CHUNK: ("gen_ai.client.operation.time_to_first_chunk",),
    },
    read=_read,
    ignores=_is_made_up,
    used_up=("gen_ai.prompt.", "gen_ai.completion.", "gen_ai.usage.raw"),
)
