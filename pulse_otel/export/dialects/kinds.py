"""The kind of a record: the span's operation decides, or else its other attributes."""

from __future__ import annotations

from collections.abc import Collection

from pulse_otel import semconv
from pulse_otel.export.dialects.source import Attributes, as_text
from pulse_otel.export.records.record import Kind

_CALLS = (
    semconv.OPERATION_CHAT,
    "generate_content",
    semconv.OPERATION_TEXT_COMPLETION,
    "completion",  # older words of OpenLLMetry and LiteLLM
    semconv.OPERATION_EMBEDDINGS,
    "embedding",
    "chat.completions",  # of Semantic Kernel
    "text.completions",
    "image",  # of OpenLIT
    "audio",
    "rerank",
    semconv.OPERATION_IMAGE_GENERATION,
    semconv.OPERATION_IMAGE_EDIT,
    semconv.OPERATION_IMAGE_VARIATION,
    semconv.OPERATION_TRANSCRIPTION,
    semconv.OPERATION_SPEECH_TRANSLATION,
    semconv.OPERATION_SPEECH,
    semconv.OPERATION_MODERATION,
    semconv.OPERATION_CLASSIFICATION,
)
# The service shows a trace by its first LLM call, and counts each LLM call as a request. So calls
# of an API without a model's answer are tools, or notifications: those count as neither.
_TOOLS = (
    semconv.OPERATION_EXECUTE_TOOL,
    semconv.OPERATION_RETRIEVAL,
    semconv.OPERATION_FETCH_RESPONSE,
    "search_memory",
    "create_memory",
    "update_memory",
    "upsert_memory",
    "delete_memory",
    "create_memory_store",
    "delete_memory_store",
)
_NOTIFICATIONS = (semconv.OPERATION_COUNT_TOKENS,)
_AGENTS = (
    semconv.OPERATION_INVOKE_AGENT,
    semconv.OPERATION_INVOKE_WORKFLOW,
    "create_agent",
    "plan",
    "agent_step",
)

_UNFINISHED = ("queued", "in_progress")
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_CALLS, "llm_call"),
    **dict.fromkeys(_TOOLS, "tool_use"),
    **dict.fromkeys(_AGENTS, "agent_run"),
    **dict.fromkeys(_NOTIFICATIONS, "notification"),
}
# Of a span without an operation, the first of these that is present decides.
_TOOL_SIGNS = (semconv.TOOL_NAME, semconv.TOOL_CALL_ID)
_ANSWER_SIGNS = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.RESPONSE_ID)
_COUNT_SIGNS = (
    semconv.INPUT_TOKENS,
    semconv.OUTPUT_TOKENS,
    semconv.REQUEST_MODEL,
    semconv.RESPONSE_MODEL,
)
_LEAST_NS = 10_000_000  # no provider answers faster


def kind_of(canonical: Attributes, duration_ns: int) -> Kind | None:
    """Return the kind of the record, or None for a span that is not a GenAI operation.

    A conversation id, a provider or an agent's name alone does not decide: some pipelines copy
    those to every span of a request. An operation that is not known is a step of an agent, never a
    call. Tokens or a model alone, in a span without a duration, are a note about a call.
    """
    operation = as_text(canonical.get(semconv.OPERATION_NAME))
    if operation == semconv.OPERATION_FETCH_RESPONSE:
        if canonical.get(semconv.PULSE_SPAN_ID) is not None:
            return "llm_call"  # the end of a background response, with its tokens
        if canonical.get(semconv.RESPONSE_STATUS) in _UNFINISHED:
            return None  # a poll before the end
    if operation and operation.lower() in _KINDS:
        return _KINDS[operation.lower()]
    if _has(canonical, _TOOL_SIGNS):
        return "tool_use"
    if operation:
        return "agent_run"
    is_call = _has(canonical, _ANSWER_SIGNS) or (
        duration_ns >= _LEAST_NS and _has(canonical, _COUNT_SIGNS)
    )
    return "llm_call" if is_call else None


def _has(canonical: Attributes, signs: Collection[str]) -> bool:
    return any(canonical.get(key) is not None for key in signs)
