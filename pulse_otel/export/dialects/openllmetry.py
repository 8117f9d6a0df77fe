"""OpenLLMetry (Traceloop): the conventions with some own names, and its earlier spans."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects import parts
from pulse_otel.export.dialects.dialect import Dialect
from pulse_otel.export.dialects.provider_json import (
    API_RESPONSES,
    answer,
    tool_run,
    with_instructions,
)
from pulse_otel.export.dialects.source import (
    Attributes,
    Source,
    as_text,
    dicts,
    items,
    loose_json,
    present,
)

_SPAN_KINDS = {
    "tool": semconv.OPERATION_EXECUTE_TOOL,
    "task": semconv.OPERATION_INVOKE_WORKFLOW,
    "workflow": semconv.OPERATION_INVOKE_WORKFLOW,
    "agent": semconv.OPERATION_INVOKE_AGENT,
}
_ASSOCIATED = "traceloop.association.properties."


def _read(source: Source) -> Attributes:
    kind = source.text("traceloop.span.kind")
    if kind in _SPAN_KINDS:
        return _entity(source, _SPAN_KINDS[kind])
    found = indexed_messages(source)
    if source.name == "openai.response":
        found |= _responses(source)
    found[semconv.TIME_TO_FIRST_CHUNK] = source.seconds_to_event("gen_ai.content.completion.chunk")
    return found | _metadata(source)


def _metadata(source: Source) -> Attributes:
    names = ("session_id", "user_id")
    own = {k: v for k, v in source.under(_ASSOCIATED).items() if k not in names}
    streamed = source.get("gen_ai.is_streaming") or source.get("llm.is_streaming")
    found: Attributes = {semconv.PULSE_METADATA: own} if own else {}
    return found | ({semconv.REQUEST_STREAM: True} if streamed in (True, "True") else {})


def _entity(source: Source, operation: str) -> Attributes:
    """Read a decorated function: a tool, or a step of a workflow."""
    name = source.text("traceloop.entity.name")
    given, answered = source.get("traceloop.entity.input"), source.get("traceloop.entity.output")
    if operation == semconv.OPERATION_EXECUTE_TOOL:
        found = tool_run(name, given, answered)
    else:
        found = {
            semconv.AGENT_NAME: name or source.text("traceloop.workflow.name"),
            semconv.INPUT_MESSAGES: parts.messages(as_text(given)) or None,
            semconv.OUTPUT_MESSAGES: parts.messages(as_text(answered)) or None,
        }
    return {semconv.OPERATION_NAME: operation, **found, **_metadata(source)}


def _responses(source: Source) -> Attributes:
    """Read a Responses call: instructions are a system message, reasoning is JSON text."""
    messages = dicts(source.json(semconv.INPUT_MESSAGES))
    output = dicts(source.json(semconv.OUTPUT_MESSAGES))
    for part in (part for message in output for part in dicts(message.get("parts"))):
        pieces = [as_text(item.get("text")) for item in dicts(loose_json(part.get("content")))]
        if part.get("type") == "reasoning" and pieces:
            part["content"] = "\n".join(piece or "" for piece in pieces)
    for message in output:  # the API gives the reasoning first
        message["parts"] = sorted(items(message.get("parts")), key=_is_answer)
    found = {semconv.OPENAI_API_TYPE: API_RESPONSES, semconv.INPUT_MESSAGES: messages or None}
    return with_instructions({**found, semconv.OUTPUT_MESSAGES: output or None})


def _is_answer(part: Any) -> bool:
    return not (isinstance(part, dict) and part.get("type") == "reasoning")


def indexed_messages(source: Source) -> Attributes:
    """Read ``gen_ai.prompt.0.role``, ``gen_ai.completion.0.content``, ...; LiteLLM has them too."""
    found: Attributes = {}
    prompts = dicts(source.nested("gen_ai.prompt"))
    if prompts:
        found[semconv.INPUT_MESSAGES] = [_indexed(item, "user") for item in prompts]
    completions = dicts(source.nested("gen_ai.completion"))
    if completions:
        reasons = [item.get("finish_reason") for item in completions]
        found |= answer([_indexed(item, "assistant") for item in completions], reasons)
    functions = dicts(source.nested("llm.request.functions"))
    if functions:
        found[semconv.TOOL_DEFINITIONS] = [parts.tool(function) for function in functions]
    return found


def _indexed(item: dict[str, Any], role: str) -> dict[str, Any]:
    content = item.get("content")
    blocks = loose_json(content)
    is_blocks = isinstance(blocks, list) and bool(dicts(blocks))
    return parts.message({**item, **present(content=blocks if is_blocks else content)}, role)


OPENLLMETRY = Dialect(
    name="openllmetry",
    crosswalk={
        semconv.OPERATION_NAME: (semconv.OPERATION_NAME, "llm.request.type"),
        semconv.REASONING_TOKENS: ("gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens"),
        semconv.FINISH_REASONS: (
            semconv.FINISH_REASONS,
            "llm.response.finish_reason",
            "llm.response.stop_reason",
        ),
        semconv.REQUEST_TOP_K: ("llm.top_k",),
        semconv.REQUEST_FREQUENCY_PENALTY: ("llm.frequency_penalty",),
        semconv.REQUEST_PRESENCE_PENALTY: ("llm.presence_penalty",),
        semconv.REQUEST_STOP_SEQUENCES: ("llm.chat.stop_sequences",),
        semconv.CONVERSATION_ID: (_ASSOCIATED + "session_id",),
        semconv.USER_ID: (_ASSOCIATED + "user_id",),
    },
    read=_read,
    used_up=(
        "gen_ai.prompt.",
        "gen_ai.completion.",
        "gen_ai.usage.total_tokens",
        "gen_ai.is_streaming",
        "gen_ai.openai.api_base",
    ),
)
