"""Read transcriptions, translations and speech, for which we name operations of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai import media
from pulse_otel.instrumentation.openai.tokens import MODALITIES
from pulse_otel.instrumentation.reading import (
    Rules,
    answer,
    number,
    read,
    system_message,
    text,
    text_parts,
    true,
    user_message,
)
from pulse_otel.instrumentation.request_reader import RequestReader

_REQUEST = Rules(
    (("temperature",), semconv.REQUEST_TEMPERATURE, number),
    (("stream",), semconv.REQUEST_STREAM, true),
)

_TRANSCRIPT = Rules(
    *MODALITIES,
    (("usage", "seconds"), semconv.PULSE_AUDIO_SECONDS, number),
    (("duration",), semconv.PULSE_AUDIO_SECONDS, number),
)


def _recording(request: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the recording by name, type and size."""
    files = media.files(request.get("extra_files"), "audio")
    return user_message(files + text_parts(request.get("prompt")))


read_transcription_request = RequestReader(
    _REQUEST, ("prompt",), _recording, {semconv.OUTPUT_TYPE: "text"}
)


def read_transcript(response: Any, content: bool) -> dict[str, Any]:
    """Return the attributes of a transcript: an object, or the text itself (also subtitles)."""
    attributes = _TRANSCRIPT.extract(response)
    parts = text_parts(response if isinstance(response, str) else read(response, "text"))
    if parts and content:
        attributes |= answer(parts)
    return attributes


def assemble_transcript(events: list[Any]) -> dict[str, Any]:
    """Take the whole text from the last event; without that event, join the pieces."""
    last = next((event for event in events if read(event, "type") == "transcript.text.done"), None)
    if last is not None:
        return {"text": read(last, "text"), "usage": read(last, "usage")}
    pieces = [
        text(read(event, "delta")) or ""
        for event in events
        if read(event, "type") == "transcript.text.delta"
    ]
    return {"text": "".join(pieces)}


def _script(request: Mapping[str, Any]) -> dict[str, Any]:
    instructions = text_parts(request.get("instructions"))
    return user_message(text_parts(request.get("input"))) | system_message(instructions)


read_speech_request = RequestReader(
    Rules(), ("input", "instructions"), _script, {semconv.OUTPUT_TYPE: "speech"}
)


def read_speech(response: Any, content: bool) -> dict[str, Any]:
    """Describe the speech by type and size, if the SDK has read it; the audio is not recorded."""
    mime_type, size = media.received(response)
    if not content or size is None:
        return {}
    part = media.described("audio", mime_type, size)
    return answer([part])
