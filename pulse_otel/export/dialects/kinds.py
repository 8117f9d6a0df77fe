"""The kind of a record: the span's operation decides, or else its other attributes."""

from __future__ import annotations

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
# Without a known operation, the first of these that is present decides.
_SIGNS: tuple[tuple[str, Kind], ...] = (
    (semconv.TOOL_NAME, "tool_use"),
    (semconv.TOOL_CALL_ID, "tool_use"),
    (semconv.INPUT_TOKENS, "llm_call"),
    (semconv.OUTPUT_TOKENS, "llm_call"),
    (semconv.INPUT_MESSAGES, "llm_call"),
    (semconv.OUTPUT_MESSAGES, "llm_call"),
    (semconv.REQUEST_MODEL, "llm_call"),
    (semconv.RESPONSE_MODEL, "llm_call"),
)


def kind_of(canonical: Attributes) -> Kind | None:
    """Return the kind of the record, or None for a span that is not a GenAI operation.

    A conversation id, a provider or an agent's name alone does not decide: some pipelines copy
    those to every span of a request.
    """
    operation = as_text(canonical.get(semconv.OPERATION_NAME))
    if operation == semconv.OPERATION_FETCH_RESPONSE:
        if canonical.get(semconv.PULSE_SPAN_ID) is not None:
            return "llm_call"  # the end of a background response, with its tokens
        if canonical.get(semconv.RESPONSE_STATUS) in _UNFINISHED:
            return None  # a poll before the end
    if operation and operation.lower() in _KINDS:
        return _KINDS[operation.lower()]
    return next((kind for key, kind in _SIGNS if canonical.get(key) is not None), None)
