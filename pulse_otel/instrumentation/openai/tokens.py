"""Read the tokens of text, images and sound in the form of OpenAI's newer endpoints."""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import Rule, Rules, integer, read, text


def some(value: Any) -> int | None:
    """Return a count above 0: the rarer kinds of tokens are nearly always 0."""
    return None if value is None else integer(value) or None


MODALITIES: tuple[Rule, ...] = (
    (("usage", "input_tokens_details", "text_tokens"), semconv.INPUT_TEXT_TOKENS, some),
    (("usage", "input_tokens_details", "image_tokens"), semconv.INPUT_IMAGE_TOKENS, some),
    (("usage", "output_tokens_details", "text_tokens"), semconv.OUTPUT_TEXT_TOKENS, some),
    (("usage", "output_tokens_details", "image_tokens"), semconv.OUTPUT_IMAGE_TOKENS, some),
    # Transcriptions write "token" where the others write "tokens".
    (("usage", "input_token_details", "text_tokens"), semconv.INPUT_TEXT_TOKENS, some),
    (("usage", "input_token_details", "audio_tokens"), semconv.INPUT_AUDIO_TOKENS, some),
)

_SVG = Rules(
    (("input_tokens",), semconv.INPUT_TOKENS, integer),
    (("output_tokens",), semconv.OUTPUT_TOKENS, integer),
    (("reasoning_tokens",), semconv.REASONING_TOKENS, some),
)


def svg_tokens(drawings: list[Any]) -> dict[str, Any]:
    """Return the attribute for the models that wrote SVG, which the usage leaves out.

    (The SDK's docstring of `SvgUsage`.)
    """
    found = [usage for drawing in drawings if (usage := read(drawing, "svg_usage"))]
    models = [{"model": text(read(usage, "model")) or "", **_SVG.extract(usage)} for usage in found]
    return {semconv.PULSE_OTHER_MODELS: models} if models else {}
