"""The replies that can be scripted, in one place."""

from __future__ import annotations

from pulse_otel.local.provider.anthropic_replies import (
    ANTHROPIC_MODEL,
    anthropic_completion,
    anthropic_completion_stream,
    anthropic_error,
    message,
    message_stream,
)
from pulse_otel.local.provider.bedrock import bedrock_stream
from pulse_otel.local.provider.openai_media_replies import (
    image_stream,
    images,
    speech,
    transcription,
    transcription_stream,
)
from pulse_otel.local.provider.openai_replies import OPENAI_MODEL, chat, chat_stream, openai_error
from pulse_otel.local.provider.openai_response_replies import (
    compaction,
    response,
    response_error_events,
    response_stream,
)
from pulse_otel.local.provider.openai_text_replies import (
    completion,
    completion_stream,
    decision,
    embeddings,
    moderation,
)
from pulse_otel.local.provider.reply import DEFAULT_TEXT, Reply, ToolCall

__all__ = [
    "ANTHROPIC_MODEL",
    "DEFAULT_TEXT",
    "OPENAI_MODEL",
    "Reply",
    "ToolCall",
    "anthropic_completion",
    "anthropic_completion_stream",
    "anthropic_error",
    "bedrock_stream",
    "chat",
    "chat_stream",
    "compaction",
    "completion",
    "completion_stream",
    "decision",
    "embeddings",
    "image_stream",
    "images",
    "message",
    "message_stream",
    "moderation",
    "openai_error",
    "response",
    "response_error_events",
    "response_stream",
    "speech",
    "transcription",
    "transcription_stream",
]
