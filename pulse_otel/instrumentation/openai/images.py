"""Images: generate, edit and vary. Three operations of our own; the output type is ``image``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai import media
from pulse_otel.instrumentation.openai.tokens import MODALITIES, USAGE
from pulse_otel.instrumentation.reading import (
    Rule,
    extract,
    integer,
    items,
    other_parameters,
    read,
    text,
)

_REQUEST: tuple[Rule, ...] = (
    (("n",), semconv.REQUEST_CHOICE_COUNT, lambda n: integer(n) if n != 1 else None),
    (("stream",), semconv.REQUEST_STREAM, lambda value: True if value is True else None),
)
_OTHER_PARAMETERS = (
    "background",
    "complexity",
    "frame_count",
    "frame_duration_ms",
    "input_fidelity",
    "moderation",
    "output_compression",
    "output_format",
    "partial_images",
    "quality",
    "response_format",
    "safety_identifier",
    "size",
    "style",
    "svg",
    "user",
)
_RESPONSE: tuple[Rule, ...] = (*USAGE, *MODALITIES)
_LAST = ".completed"  # of image_generation and image_edit; the others are previews


def read_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request; the pictures that it starts from by name, type and size."""
    attributes = {**extract(request, _REQUEST), semconv.OUTPUT_TYPE: "image"}
    if not content:
        return attributes
    prompt = text(request.get("prompt"))
    parts: list[dict[str, Any]] = [{"type": "text", "content": prompt}] if prompt else []
    parts += media.files(request.get("extra_files"), "image")
    if parts:
        attributes[semconv.INPUT_MESSAGES] = [{"role": "user", "parts": parts}]
    return attributes | other_parameters(request, _OTHER_PARAMETERS)


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of an answer: tokens, and what the pictures are."""
    attributes = extract(response, _RESPONSE)
    pictures = items(read(response, "data"))
    if pictures and content:
        image_format = text(read(response, "output_format"))
        attributes[semconv.OUTPUT_MESSAGES] = [
            {"role": "assistant", "parts": _parts(picture, image_format)} for picture in pictures
        ]
    return attributes


def _parts(picture: Any, image_format: str | None) -> list[dict[str, Any]]:
    parts = [media.image(picture, text(read(picture, "output_format")) or image_format)]
    revised = text(read(picture, "revised_prompt"))
    return [*parts, {"type": "text", "content": revised}] if revised else parts


def assemble(events: list[Any]) -> dict[str, Any]:
    """The pictures that were finished; each of them says what it took."""
    done = [event for event in events if (text(read(event, "type")) or "").endswith(_LAST)]
    usage = next((read(event, "usage") for event in reversed(done) if read(event, "usage")), None)
    return {"data": done, "usage": usage}
