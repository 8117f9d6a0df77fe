"""The Langfuse SDK: generations with parts of the provider's JSON, and usage under other names."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects import parts, provider_json
from pulse_otel.export.dialects.dialect import DOLLARS, Dialect
from pulse_otel.export.dialects.source import (
    Attributes,
    Source,
    as_text,
    at,
    dicts,
    loose_json,
    mapping,
    present,
)

_OPERATIONS = {
    "generation": semconv.OPERATION_CHAT,
    "embedding": semconv.OPERATION_EMBEDDINGS,
    "tool": semconv.OPERATION_EXECUTE_TOOL,
    "retriever": semconv.OPERATION_RETRIEVAL,
    "agent": semconv.OPERATION_INVOKE_AGENT,
    "chain": semconv.OPERATION_INVOKE_WORKFLOW,
}
_OBSERVATION = "langfuse.observation."
_TYPE, _MODEL = _OBSERVATION + "type", _OBSERVATION + "model.name"
_METADATA = ("langfuse.trace.metadata.", _OBSERVATION + "metadata.")
_OWN_METADATA = ("finish_reason",)


def _read(source: Source) -> Attributes:
    operation = _OPERATIONS.get(source.text(_TYPE) or "")
    given = loose_json(source.get(_OBSERVATION + "input"))
    answered = loose_json(source.get(_OBSERVATION + "output"))
    failed = source.get(_OBSERVATION + "level") == "ERROR"
    found: Attributes = {
        semconv.OPERATION_NAME: operation,
        semconv.PROVIDER_NAME: "openai" if source.name.startswith("OpenAI-") else None,
        DOLLARS: at(source.json(_OBSERVATION + "cost_details"), "total"),
        semconv.PULSE_METADATA: _metadata(source) or None,
        **provider_json.usage(source.json(_OBSERVATION + "usage_details")),
        # One name for two models: after an error it is the requested one.
        semconv.REQUEST_MODEL if failed else semconv.RESPONSE_MODEL: source.get(_MODEL),
    }
    if operation in (semconv.OPERATION_EXECUTE_TOOL, semconv.OPERATION_RETRIEVAL):
        return found | provider_json.tool_run(source.name, given, answered)
    if operation in (semconv.OPERATION_INVOKE_AGENT, semconv.OPERATION_INVOKE_WORKFLOW):
        found[semconv.AGENT_NAME] = source.name
    parameters = mapping(source.json(_OBSERVATION + "model.parameters"))
    if operation == semconv.OPERATION_EMBEDDINGS:
        return found | provider_json.parameters({**parameters, "input": given})
    found |= provider_json.parameters(parameters) | _input(given) | _output(source, answered)
    return provider_json.with_instructions(found)


def _input(given: Any) -> Attributes:
    """Read a list of messages, an object with messages and tools, or a text."""
    if isinstance(given, Mapping) and "messages" in given:
        return provider_json.request(given)
    messages = parts.messages(given)
    return {semconv.INPUT_MESSAGES: messages} if messages else {}


def _output(source: Source, answered: Any) -> Attributes:
    """Read a message (chat), a text (streams), or the items of a Responses answer."""
    reason = loose_json(source.get(_OBSERVATION + "metadata.finish_reason"))
    found: Attributes = {}
    if isinstance(answered, Mapping) and ("role" in answered or "content" in answered):
        found = provider_json.answer([parts.message(answered, "assistant")], [reason])
    elif any("type" in item for item in dicts(answered)):
        found = provider_json.responses_output(answered)
        found[semconv.OPENAI_API_TYPE] = provider_json.API_RESPONSES
    elif isinstance(answered, str):
        found = provider_json.answer(
            [{"role": "assistant", "parts": parts.content(answered)}], [reason]
        )
    first = as_text(loose_json(source.get(_OBSERVATION + "completion_start_time")))
    return found | {semconv.TIME_TO_FIRST_CHUNK: _seconds_to(source, first or "")}


def _seconds_to(source: Source, time: str) -> float | None:
    try:
        moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
        return source.seconds_to(round(moment.timestamp() * 1e6) * 1000)
    except (ValueError, OverflowError, OSError):
        return None


def _metadata(source: Source) -> dict[str, Any]:
    found: dict[str, Any] = present(tags=source.get("langfuse.trace.tags"))
    for prefix in _METADATA:
        found |= {key: loose_json(value) for key, value in source.under(prefix).items()}
    return {key: value for key, value in found.items() if key not in _OWN_METADATA}


LANGFUSE = Dialect(
    name="langfuse",
    crosswalk={
        semconv.CONVERSATION_ID: (semconv.SESSION_ID, "langfuse.session.id"),
        semconv.USER_ID: (semconv.USER_ID, "langfuse.user.id"),
    },
    read=_read,
    # Langfuse also records ordinary code, as `span` and `event`.
    ignores=lambda source: source.text(_TYPE) not in _OPERATIONS,
)
