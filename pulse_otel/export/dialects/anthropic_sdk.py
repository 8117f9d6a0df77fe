"""The spans of the `anthropic` SDK's own tracing (since 1.14)."""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects.dialect import Dialect
from pulse_otel.export.dialects.source import Attributes, Source, dicts


def _read(source: Source) -> Attributes:
    messages = dicts(source.json(semconv.INPUT_MESSAGES))
    return {
        semconv.PULSE_RAW_FINISH_REASONS: source.get("anthropic.message.stop_reason"),
        semconv.INPUT_MESSAGES: [_message(message) for message in messages] or None,
    }


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """Replace a tool result that is a list with one text block by the text."""
    for part in dicts(message.get("parts")):
        blocks = dicts(part.get("response"))
        if len(blocks) == 1 and blocks[0].get("type") == "text":
            part["response"] = blocks[0].get("text")
    return message


ANTHROPIC_SDK = Dialect(
    name="anthropic-sdk",
    crosswalk={
        semconv.PULSE_REQUEST_ID: ("anthropic.request.id",),
        semconv.PULSE_CACHE_WRITE_1H_TOKENS: (
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
        ),
        semconv.OPENAI_RESPONSE_SERVICE_TIER: ("anthropic.response.service_tier",),
        semconv.OPENAI_REQUEST_SERVICE_TIER: ("anthropic.request.service_tier",),
    },
    read=_read,
    # The SDK traces every endpoint: only spans with an operation are GenAI spans.
    ignores=lambda source: source.get(semconv.OPERATION_NAME) is None,
)
