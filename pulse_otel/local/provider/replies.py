"""Export the replies that a script can use."""

from __future__ import annotations

from pulse_otel.local.provider.anthropic_replies import (
    ANTHROPIC_MODEL,
    anthropic_error,
    message,
    message_stream,
)
from pulse_otel.local.provider.openai_replies import OPENAI_MODEL, chat, chat_stream, openai_error
from pulse_otel.local.provider.reply import DEFAULT_TEXT, Reply, ToolCall

__all__ = [
    "ANTHROPIC_MODEL",
    "DEFAULT_TEXT",
    "OPENAI_MODEL",
    "Reply",
    "ToolCall",
    "anthropic_error",
    "chat",
    "chat_stream",
    "message",
    "message_stream",
    "openai_error",
]
