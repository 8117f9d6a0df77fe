"""The Vercel AI SDK, versions 4 to 6 (version 7 follows the conventions)."""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects import parts, provider_json
from pulse_otel.export.dialects.dialect import Dialect
from pulse_otel.export.dialects.source import (
    Attributes,
    Source,
    as_json,
    as_number,
    as_text,
    dicts,
    first,
    items,
    mapping,
)

_ID = "ai.operationId"
_CALL_ENDINGS = (".doGenerate", ".doStream")
_EMBED_ENDING = ".doEmbed"
_TOOL_CALL = "ai.toolCall"
_AGENTS = ("ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject")
_METADATA = "ai.telemetry.metadata."
_MS_TO_FIRST_CHUNK = ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")


def _operation(source: Source) -> str | None:
    """Return the operation: inner spans are the calls, outer ones repeat their usage."""
    name = source.text(_ID) or ""
    if name.endswith(_CALL_ENDINGS):
        return semconv.OPERATION_CHAT
    if name.endswith(_EMBED_ENDING):
        return semconv.OPERATION_EMBEDDINGS
    if name == _TOOL_CALL:
        return semconv.OPERATION_EXECUTE_TOOL
    return semconv.OPERATION_INVOKE_AGENT if name in _AGENTS else None


def _read(source: Source) -> Attributes:
    streams = (source.text(_ID) or "").endswith(".doStream")
    milliseconds = as_number(first(source.attributes, *_MS_TO_FIRST_CHUNK))
    own = {k: v for k, v in source.under(_METADATA).items() if k not in ("sessionId", "userId")}
    settings = provider_json.parameters(source.under("ai.settings."))
    settings.pop(semconv.PULSE_REQUEST_PARAMETERS, None)  # such as maxRetries: not sent
    return {
        **settings,
        semconv.OPERATION_NAME: _operation(source),
        semconv.REQUEST_STREAM: True if streams else None,
        semconv.TIME_TO_FIRST_CHUNK: None if milliseconds is None else milliseconds / 1000,
        semconv.PULSE_METADATA: own or None,
        semconv.TOOL_DEFINITIONS: _tools(source) or None,
        semconv.INPUT_MESSAGES: _input(source) or None,
        **_output(source),
    }


def _tools(source: Source) -> list[dict[str, Any]]:
    parsed = (as_json(tool) for tool in items(source.get("ai.prompt.tools")))
    return [parts.tool(tool) for tool in dicts(list(parsed))]


def _input(source: Source) -> list[dict[str, Any]]:
    messages = source.json("ai.prompt.messages")
    if messages is not None:
        return parts.messages(messages)
    prompt = mapping(source.json("ai.prompt"))
    system = as_text(prompt.get("system"))
    head = [{"role": "system", "parts": [parts.text_part(system)]}] if system else []
    values = (as_json(value) for value in items(source.get("ai.values")))
    embedded = parts.messages(as_text(source.json("ai.value"))) or [
        message for value in values for message in parts.messages(as_text(value))
    ]
    return head + parts.messages(prompt.get("messages") or prompt.get("prompt")) + embedded


def _output(source: Source) -> Attributes:
    """Read ``ai.response.*``, before version 4 ``ai.result.*``."""
    for prefix in ("ai.response.", "ai.result."):
        text = source.text(prefix + "text") or source.text(prefix + "object")
        calls = dicts(source.json(prefix + "toolCalls"))
        reasoning = source.text(prefix + "reasoning")
        if text or calls or reasoning:
            content = [{"type": "reasoning", "content": reasoning}] if reasoning else []
            content += parts.content(text) + [parts.tool_call(call) for call in calls]
            return {semconv.OUTPUT_MESSAGES: [{"role": "assistant", "parts": content}]}
    return {}


VERCEL = Dialect(
    name="vercel-ai",
    crosswalk={
        semconv.PROVIDER_NAME: ("ai.model.provider", semconv.SYSTEM),
        semconv.REQUEST_MODEL: (semconv.REQUEST_MODEL, "ai.model.id"),
        semconv.RESPONSE_MODEL: (semconv.RESPONSE_MODEL, "ai.response.model"),
        semconv.RESPONSE_ID: (semconv.RESPONSE_ID, "ai.response.id"),
        semconv.FINISH_REASONS: (
            "ai.response.finishReason",
            semconv.FINISH_REASONS,
            "ai.result.finishReason",
        ),
        semconv.INPUT_TOKENS: (
            "ai.usage.inputTokens",
            semconv.INPUT_TOKENS,
            "ai.usage.promptTokens",
            "ai.usage.tokens",
        ),
        semconv.OUTPUT_TOKENS: (
            "ai.usage.outputTokens",
            semconv.OUTPUT_TOKENS,
            "ai.usage.completionTokens",
        ),
        semconv.CACHE_READ_TOKENS: (
            "ai.usage.inputTokenDetails.cacheReadTokens",
            "ai.usage.cachedInputTokens",
        ),
        semconv.CACHE_WRITE_TOKENS: ("ai.usage.inputTokenDetails.cacheWriteTokens",),
        semconv.REASONING_TOKENS: (
            "ai.usage.outputTokenDetails.reasoningTokens",
            "ai.usage.reasoningTokens",
        ),
        semconv.TOOL_NAME: ("ai.toolCall.name",),
        semconv.TOOL_CALL_ID: ("ai.toolCall.id",),
        semconv.TOOL_CALL_ARGUMENTS: ("ai.toolCall.args",),
        semconv.TOOL_CALL_RESULT: ("ai.toolCall.result",),
        semconv.AGENT_NAME: ("ai.telemetry.functionId",),
        semconv.CONVERSATION_ID: (semconv.CONVERSATION_ID, _METADATA + "sessionId"),
        semconv.USER_ID: (semconv.USER_ID, _METADATA + "userId"),
    },
    read=_read,
    ignores=lambda source: _operation(source) is None,  # the outer spans of embeddings
)
