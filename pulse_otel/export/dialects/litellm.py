"""LiteLLM, the library and its proxy."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.export.dialects.dialect import DOLLARS, ESTIMATED, Dialect
from pulse_otel.export.dialects.openllmetry import indexed_messages
from pulse_otel.export.dialects.source import Attributes, Source, first, mapping

_RAW = "raw_gen_ai_request"  # a child span with the provider's JSON of the call
_SESSION_KEYS = ("session_id", "conversation_id")


def _read(source: Source) -> Attributes:
    streams = True if source.get("llm.is_streaming") in (True, "True") else None
    metadata = source.under("metadata.") | dict(mapping(source.json("metadata")))
    return {
        **indexed_messages(source),
        semconv.OPERATION_NAME: _operation(source),
        semconv.REQUEST_STREAM: streams,
        ESTIMATED: streams,  # LiteLLM counts the tokens itself where the stream does not say
        semconv.CONVERSATION_ID: source.get(semconv.CONVERSATION_ID)
        or first(metadata, *_SESSION_KEYS),
        semconv.PULSE_METADATA: metadata or None,
    }


def _operation(source: Source) -> str | None:
    """Translate LiteLLM's own words, which are its functions: `acompletion`, `aembedding`, ..."""
    name = source.text(semconv.OPERATION_NAME) or source.text("llm.request.type")
    if not name or name in _OPERATIONS:
        return _OPERATIONS.get(name or "")
    return _OPERATIONS.get(name.removeprefix("a"), name)


_OPERATIONS = {
    "completion": semconv.OPERATION_CHAT,
    "responses": semconv.OPERATION_CHAT,
    "anthropic_messages": semconv.OPERATION_CHAT,
    "pass_through_endpoint": semconv.OPERATION_CHAT,
    "llm_passthrough_route": semconv.OPERATION_CHAT,
    "_arealtime": semconv.OPERATION_CHAT,
    "_aresponses_websocket": semconv.OPERATION_CHAT,
    "generate_content": "generate_content",
    "generate_content_stream": "generate_content",
    "text_completion": semconv.OPERATION_TEXT_COMPLETION,
    "embedding": semconv.OPERATION_EMBEDDINGS,
    "image_generation": semconv.OPERATION_IMAGE_GENERATION,
    "image_edit": semconv.OPERATION_IMAGE_EDIT,
    "image_variation": semconv.OPERATION_IMAGE_VARIATION,
    "transcription": semconv.OPERATION_TRANSCRIPTION,
    "speech": semconv.OPERATION_SPEECH,
    "moderation": semconv.OPERATION_MODERATION,
    "rerank": "rerank",
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
