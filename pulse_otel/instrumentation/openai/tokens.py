"""Read token counts in the form of OpenAI's newer endpoints: `input_tokens` and so on."""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import Rule, integer


def some(value: Any) -> int | None:
    """Return a count above 0: the rarer kinds of tokens are nearly always 0."""
    return integer(value) or None


USAGE: tuple[Rule, ...] = (
    (("usage", "input_tokens"), semconv.INPUT_TOKENS, integer),
    (("usage", "output_tokens"), semconv.OUTPUT_TOKENS, integer),
    (("usage", "input_tokens_details", "cached_tokens"), semconv.CACHE_READ_TOKENS, integer),
    (("usage", "input_tokens_details", "cache_write_tokens"), semconv.CACHE_WRITE_TOKENS, integer),
    (("usage", "output_tokens_details", "reasoning_tokens"), semconv.REASONING_TOKENS, integer),
)

MODALITIES: tuple[Rule, ...] = (
    (("usage", "input_tokens_details", "text_tokens"), semconv.INPUT_TEXT_TOKENS, some),
    (("usage", "input_tokens_details", "image_tokens"), semconv.INPUT_IMAGE_TOKENS, some),
    (("usage", "output_tokens_details", "text_tokens"), semconv.OUTPUT_TEXT_TOKENS, some),
    (("usage", "output_tokens_details", "image_tokens"), semconv.OUTPUT_IMAGE_TOKENS, some),
    # Transcriptions write "token" where the others write "tokens".
    (("usage", "input_token_details", "text_tokens"), semconv.INPUT_TEXT_TOKENS, some),
    (("usage", "input_token_details", "audio_tokens"), semconv.INPUT_AUDIO_TOKENS, some),
)
