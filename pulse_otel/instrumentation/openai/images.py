"""Read generated, edited and varied images, for which we name three operations of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai import media
from pulse_otel.instrumentation.openai.tokens import MODALITIES, svg_tokens
from pulse_otel.instrumentation.reading import (
    Rules,
    fields_of,
    integer,
    items,
    read,
    text,
    text_parts,
    true,
    user_message,
)
from pulse_otel.instrumentation.request_reader import RequestReader

_REQUEST = Rules(
    (("n",), semconv.REQUEST_CHOICE_COUNT, lambda n: integer(n) if n != 1 else None),
    (("stream",), semconv.REQUEST_STREAM, true),
)
_RESPONSE = Rules(*MODALITIES)
_LAST = ".completed"  # of image_generation and image_edit; the others are previews


def _content(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the prompt, and the given pictures by name, type and size."""
    files = media.files(request.get("extra_files"), "image")
    return user_message(text_parts(request.get("prompt")) + files)


read_request = RequestReader(_REQUEST, ("prompt",), _content, {semconv.OUTPUT_TYPE: "image"})


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """Return the attributes of a response: tokens, and descriptions of the pictures."""
    attributes = _RESPONSE.extract(response) | svg_tokens([response])
    pictures = items(read(response, "data"))
    if pictures and content:
        image_format = text(read(response, "output_format"))
        attributes[semconv.OUTPUT_MESSAGES] = [
            {"role": "assistant", "parts": _parts(picture, image_format), "finish_reason": "stop"}
            for picture in pictures
        ]
    return attributes


def _parts(picture: Any, image_format: str | None) -> list[dict[str, Any]]:
    parts = [media.image(picture, text(read(picture, "output_format")) or image_format)]
    revised = text(read(picture, "revised_prompt"))
    return [*parts, {"type": "text", "content": revised}] if revised else parts


def assemble(events: list[Any]) -> dict[str, Any]:
    """Take the finished pictures; each has the usage so far.

    The output of such an event is that of its image. (The SDK's docstring of
    `image_gen_completed_event.Usage`; that of whole answers has text, too.)
    """
    done = [event for event in events if (text(read(event, "type")) or "").endswith(_LAST)]
    usage = next((read(event, "usage") for event in reversed(done) if read(event, "usage")), None)
    output = read(usage, "output_tokens")
    if usage and not read(usage, "output_tokens_details"):
        usage = {**fields_of(usage), "output_tokens_details": {"image_tokens": output}}
    return {"data": done, "usage": usage}
