"""Make replies in the shape of OpenAI's images and audio endpoints."""

from __future__ import annotations

import base64
from typing import Any, Final

from pulse_otel.local.provider.reply import DEFAULT_TEXT, Reply, pieces, streamed, to_json

PICTURE: Final = b"\x89PNG\r\n\x1a\n" + bytes(992)
"""The generated image: 1000 bytes that begin like a PNG file."""
SOUND: Final = b"ID3" + bytes(1997)
"""The spoken text: 2000 bytes that begin like an MP3 file."""

_IMAGE_USAGE: Final[dict[str, Any]] = {
    "input_tokens": 15,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 5},
    "output_tokens": 1056,
    "total_tokens": 1071,
}
_AUDIO_USAGE: Final[dict[str, Any]] = {
    "type": "tokens",
    "input_tokens": 14,
    "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
    "output_tokens": 9,
    "total_tokens": 23,
}


def images(count: int = 1, *, url: str | None = None, output_format: str = "png") -> Reply:
    """Make images: their data, or an address of each."""
    one = {"url": url, "revised_prompt": "A lantern."} if url else {"b64_json": _picture()}
    body = {"created": 1_767_225_600, "data": [one] * count, "output_format": output_format}
    return Reply(body=to_json({**body, "usage": _IMAGE_USAGE}))


def image_stream(kind: str = "image_generation") -> Reply:
    """Make a preview and the image; `kind` is ``image_generation`` or ``image_edit``."""
    common = {
        "b64_json": _picture(),
        "background": "opaque",
        "created_at": 1_767_225_600,
        "output_format": "png",
        "quality": "low",
        "size": "1024x1024",
    }
    preview = {"type": f"{kind}.partial_image", "partial_image_index": 0, **common}
    return _events([preview, {"type": f"{kind}.completed", **common, "usage": _IMAGE_USAGE}])


def transcription(text: str = DEFAULT_TEXT, *, response_format: str = "json") -> Reply:
    """Make a transcript as JSON, or, for the other formats, as text."""
    if response_format == "verbose_json":
        usage: dict[str, Any] = {"type": "duration", "seconds": 4}
        body: dict[str, Any] = {
            "text": text,
            "duration": 3.5,
            "language": "english",
            "segments": [],
        }
        return Reply(body=to_json({**body, "usage": usage}))
    if response_format in ("json", "diarized_json"):
        return Reply(body=to_json({"text": text, "usage": _AUDIO_USAGE}))
    headers = {"content-type": "text/plain; charset=utf-8"}
    return Reply(body=f"{text}\n".encode(), headers=headers)


def transcription_stream(text: str = DEFAULT_TEXT) -> Reply:
    """Make a transcript as server-sent events."""
    deltas = [{"type": "transcript.text.delta", "delta": piece} for piece in pieces(text)]
    return _events([*deltas, {"type": "transcript.text.done", "text": text, "usage": _AUDIO_USAGE}])


def speech(content_type: str = "audio/mpeg") -> Reply:
    """Make spoken text."""
    return Reply(body=SOUND, headers={"content-type": content_type})


def _picture() -> str:
    return base64.b64encode(PICTURE).decode()


def _events(events: list[dict[str, Any]]) -> Reply:
    chunks = [
        b"event: %s\ndata: %s\n\n" % (str(event["type"]).encode(), to_json(event))
        for event in events
    ]
    return streamed(chunks, 0.0)
