"""Speech to text, speech to English text, and text to speech: operations of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai import media
from pulse_otel.instrumentation.openai.tokens import MODALITIES, USAGE
from pulse_otel.instrumentation.reading import (
    Rule,
    extract,
    number,
    other_parameters,
    read,
    text,
)

_REQUEST: tuple[Rule, ...] = (
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("stream",), semconv.REQUEST_STREAM, lambda value: True if value is True else None),
)
_TRANSCRIPTION_PARAMETERS = (
    "chunking_strategy",
    "include",
    "keywords",
    "known_speaker_names",
    "language",
    "languages",
    "response_format",
    "timestamp_granularities",
)
_SPEECH_PARAMETERS = ("voice", "response_format", "speed", "stream_format")

_TRANSCRIPT: tuple[Rule, ...] = (
    *USAGE,
    *MODALITIES,
    (("usage", "seconds"), semconv.PULSE_AUDIO_SECONDS, number),
    (("duration",), semconv.PULSE_AUDIO_SECONDS, number),
)


def read_transcription_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request; the recording by name, type and size."""
    attributes = {**extract(request, _REQUEST), semconv.OUTPUT_TYPE: "text"}
    if not content:
        return attributes
    parts = media.files(request.get("extra_files"), "audio")
    prompt = text(request.get("prompt"))
    if prompt:
        parts.append({"type": "text", "content": prompt})
    if parts:
        attributes[semconv.INPUT_MESSAGES] = [{"role": "user", "parts": parts}]
    return attributes | other_parameters(request, _TRANSCRIPTION_PARAMETERS)


def read_transcript(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of a transcript: an object, or the text itself (also subtitles)."""
    attributes = extract(response, _TRANSCRIPT)
    said = response if isinstance(response, str) else text(read(response, "text"))
    if said and content:
        parts = [{"type": "text", "content": said}]
        attributes[semconv.OUTPUT_MESSAGES] = [{"role": "assistant", "parts": parts}]
    return attributes


def assemble_transcript(events: list[Any]) -> dict[str, Any]:
    """The last event has the whole text; without it, the pieces that came."""
    last = next((event for event in events if read(event, "type") == "transcript.text.done"), None)
    if last is not None:
        return {"text": read(last, "text"), "usage": read(last, "usage")}
    pieces = [
        text(read(event, "delta")) or ""
        for event in events
        if read(event, "type") == "transcript.text.delta"
    ]
    return {"text": "".join(pieces)}


def read_speech_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request to speak a text."""
    attributes: dict[str, Any] = {semconv.OUTPUT_TYPE: "speech"}
    if not content:
        return attributes
    said, instructions = text(request.get("input")), text(request.get("instructions"))
    if said:
        parts = [{"type": "text", "content": said}]
        attributes[semconv.INPUT_MESSAGES] = [{"role": "user", "parts": parts}]
    if instructions:
        attributes[semconv.SYSTEM_INSTRUCTIONS] = [{"type": "text", "content": instructions}]
    return attributes | other_parameters(request, _SPEECH_PARAMETERS)


def read_speech(response: Any, content: bool) -> dict[str, Any]:
    """What was spoken is not recorded; its type and size are, if the SDK has read it."""
    mime_type, size = media.received(response)
    if not content or size is None:
        return {}
    part = media.described("audio", mime_type, size)
    return {semconv.OUTPUT_MESSAGES: [{"role": "assistant", "parts": [part]}]}
