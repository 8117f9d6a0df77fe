"""LiteLLM, the library and its proxy."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.export.dialects.dialect import DOLLARS, Dialect
from pulse_otel.export.dialects.openllmetry import indexed_messages
from pulse_otel.export.dialects.source import Attributes, Source, first, mapping

_RAW = "raw_gen_ai_request"  # a child span with the provider's JSON of the call
_SESSION_KEYS = ("session_id", "conversation_id")


def _read(source: Source) -> Attributes:
    metadata = source.under("metadata.") | dict(mapping(source.json("metadata")))
    return {
        **indexed_messages(source),
        semconv.OPERATION_NAME: _operation(source),
        semconv.REQUEST_STREAM: True if source.get("llm.is_streaming") in (True, "True") else None,
        semconv.CONVERSATION_ID: source.get(semconv.CONVERSATION_ID)
        or first(metadata, *_SESSION_KEYS),
        semconv.PULSE_METADATA: metadata or None,
    }


def _operation(source: Source) -> str | None:
    """Translate LiteLLM's own words: `acompletion`, `aembedding`, ..."""
    name = source.text(semconv.OPERATION_NAME) or source.text("llm.request.type")
    return _OPERATIONS.get(name, name) if name else None


_OPERATIONS = {
    "acompletion": semconv.OPERATION_CHAT,
    "completion": semconv.OPERATION_CHAT,
    "responses": semconv.OPERATION_CHAT,
    "aresponses": semconv.OPERATION_CHAT,
    "anthropic_messages": semconv.OPERATION_CHAT,
    "embedding": semconv.OPERATION_EMBEDDINGS,
    "aembedding": semconv.OPERATION_EMBEDDINGS,
}

LITELLM = Dialect(
    name="litellm",
    crosswalk={
        DOLLARS: ("gen_ai.cost.total_cost", "litellm.cost.total_cost", "litellm.response_cost"),
        semconv.USER_ID: (semconv.USER_ID, "litellm.end_user.id", "llm.user"),
    },
    read=_read,
    ignores=lambda source: source.name == _RAW,
    used_up=(
        "gen_ai.prompt.",
        "gen_ai.completion.",
        "gen_ai.cost.",
        "gen_ai.usage.total_tokens",
    ),
)
