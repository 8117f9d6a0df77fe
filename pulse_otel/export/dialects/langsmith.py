"""LangSmith's OpenTelemetry spans: the whole request and response as JSON."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.export.dialects import parts, provider_json
from pulse_otel.export.dialects.dialect import Dialect
from pulse_otel.export.dialects.source import Attributes, Source, dicts, first, mapping

_KIND = "langsmith.span.kind"
_OPERATIONS = {
    "llm": semconv.OPERATION_CHAT,
    "embedding": semconv.OPERATION_EMBEDDINGS,
    "tool": semconv.OPERATION_EXECUTE_TOOL,
    "retriever": semconv.OPERATION_RETRIEVAL,
    "chain": semconv.OPERATION_INVOKE_WORKFLOW,
}
_METADATA = "langsmith.metadata."
_SESSION_KEYS = ("session_id", "thread_id", "conversation_id")


def _read(source: Source) -> Attributes:
    kind = source.text(_KIND)
    operation = source.text(semconv.OPERATION_NAME) or _OPERATIONS.get(kind or "")
    given, answered = source.json("gen_ai.prompt"), source.json("gen_ai.completion")
    metadata = source.under(_METADATA)
    found: Attributes = {
        semconv.OPERATION_NAME: operation,
        semconv.CONVERSATION_ID: first(metadata, *_SESSION_KEYS),
        semconv.PULSE_METADATA: metadata or None,
    }
    if operation == semconv.OPERATION_EXECUTE_TOOL:
        return found | provider_json.tool_run(source.name, given, answered)
    if operation == semconv.OPERATION_INVOKE_WORKFLOW:
        found[semconv.AGENT_NAME] = source.name
    body, answer = mapping(given), mapping(answered)
    found |= provider_json.request(body)
    found |= provider_json.response(answer)
    if source.get(semconv.RESPONSE_ID) is None:
        found.setdefault(semconv.RESPONSE_ID, provider_json.langchain_id(answer))
    if "role" in answer or dicts(answer.get("messages")):
        messages = dicts(answer.get("messages")) or [dict(answer)]
        found[semconv.OUTPUT_MESSAGES] = parts.messages(messages)
    return found


LANGSMITH = Dialect(
    name="langsmith",
    read=_read,
    used_up=("gen_ai.prompt", "gen_ai.completion", "gen_ai.usage.total_tokens"),
)
