"""Images and audio: what is asked and answered, and of the media their type and size alone."""

from __future__ import annotations

import base64
import inspect
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Clients
from tests.instrumentation.openai.conftest import Instrument, Spans
from tests.provider.media_replies import PICTURE, SOUND, images, speech, transcription

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

MADE = {"type": "image", "mime_type": "image/png", "bytes": len(PICTURE)}
DRAW: dict[str, Any] = {"model": "gpt-image-1", "prompt": "A lantern"}
HEAR: dict[str, Any] = {"model": "whisper-1", "file": ("hello.mp3", b"ID3 sound")}


def _streamable(method: Any) -> None:
    if "stream" not in inspect.signature(method).parameters:
        pytest.skip("this method of this openai does not stream")


def test_an_image(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(images(2, output_format="webp"))

    clients.openai().images.generate(**DRAW, n=2, size="1024x1024", quality="low")

    attributes = spans.attributes
    assert attributes["gen_ai.output.type"] == "image"
    assert attributes["gen_ai.request.choice.count"] == 2
    assert attributes["gen_ai.usage.input_tokens"] == 15
    assert attributes["gen_ai.usage.output_tokens"] == 1056
    assert attributes["gen_ai.usage.text.input_tokens"] == 10
    assert attributes["gen_ai.usage.image.input_tokens"] == 5
    assert spans.json("pulse.request.parameters") == {"size": "1024x1024", "quality": "low"}
    assert spans.json("gen_ai.input.messages")[0]["parts"][0]["content"] == "A lantern"
    made = {**MADE, "mime_type": "image/webp"}
    assert (
        spans.json("gen_ai.output.messages")
        == [{"role": "assistant", "parts": [made], "finish_reason": "stop"}] * 2
    )


def test_an_image_by_its_address(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(images(url="https://a.example/b.png"))

    clients.openai().images.generate(**DRAW)

    assert spans.parts == [
        {"type": "uri", "modality": "image", "uri": "https://a.example/b.png"},
        {"type": "text", "content": "A lantern."},
    ]


@pytest.mark.parametrize(
    ("upload", "described"),
    [
        (("lamp.png", b"PNG!"), {"mime_type": "image/png", "bytes": 4, "name": "lamp.png"}),
        (("lamp", b"PNG!", "image/webp"), {"mime_type": "image/webp", "bytes": 4, "name": "lamp"}),
        (b"PNG!", {"bytes": 4}),
        (io.BytesIO(b"PNG!"), {}),
    ],
)
def test_the_pictures_that_an_edit_starts_from(
    upload: Any, described: dict[str, Any], clients: Clients, spans: Spans
) -> None:
    clients.openai().images.edit(**DRAW, image=upload)

    prompt, picture = spans.json("gen_ai.input.messages")[0]["parts"]
    assert prompt == {"type": "text", "content": "A lantern"}
    assert picture == {"type": "image", "field": "image", **described}
    assert spans.parts == [MADE]


def test_an_open_file_is_sent_whole(
    tmp_path: Path, provider: Any, clients: Clients, spans: Spans
) -> None:
    path = tmp_path / "secret-folder" / "lamp.png"
    path.parent.mkdir()
    path.write_bytes(b"PNG in a file")

    with path.open("rb") as opened:
        clients.openai().images.edit(**DRAW, image=opened)

    assert b"PNG in a file" in provider.requests[0].body
    picture = spans.json("gen_ai.input.messages")[0]["parts"][1]
    assert picture["name"] == "lamp.png"
    assert "secret-folder" not in spans.attributes["gen_ai.input.messages"]


def test_streamed_images(clients: Clients, spans: Spans) -> None:
    generate = clients.openai().images.generate
    _streamable(generate)

    events = list(generate(**DRAW, stream=True, partial_images=1))

    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert spans.parts == [MADE]  # the preview is none of it
    assert spans.attributes["gen_ai.usage.output_tokens"] == 1056


def test_no_picture_is_recorded(provider: Any, clients: Clients, spans: Spans) -> None:
    client = clients.openai()
    sent = b"a picture of some length " * 20

    client.images.edit(**DRAW, image=sent)
    client.images.with_raw_response.edit(**DRAW, image=sent)

    found = str([dict(span.attributes or {}) for span in spans.memory.get_finished_spans()])
    assert base64.b64encode(PICTURE).decode()[:40] not in found
    assert sent.decode()[:40] not in found


def test_a_transcription(clients: Clients, spans: Spans) -> None:
    clients.openai().audio.transcriptions.create(
        **HEAR, language="en", prompt="Names: Pulse", temperature=0
    )

    attributes = spans.attributes
    assert attributes["gen_ai.output.type"] == "text"
    assert attributes["gen_ai.request.temperature"] == 0
    assert attributes["gen_ai.usage.input_tokens"] == 14
    assert attributes["gen_ai.usage.audio.input_tokens"] == 10
    assert attributes["gen_ai.usage.text.input_tokens"] == 4
    assert spans.json("pulse.request.parameters") == {"language": "en"}
    recording = {
        "type": "audio",
        "mime_type": "audio/mpeg",
        "bytes": 9,
        "field": "file",
        "name": "hello.mp3",
    }
    parts = [recording, {"type": "text", "content": "Names: Pulse"}]
    assert spans.json("gen_ai.input.messages") == [{"role": "user", "parts": parts}]
    assert spans.parts == [{"type": "text", "content": "Hello! Paris is sunny."}]


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("response_format", ["text", "srt", "verbose_json"])
def test_formats_of_transcripts(
    response_format: str, raw: bool, provider: Any, clients: Clients, spans: Spans
) -> None:
    provider.enqueue(transcription("42", response_format=response_format))
    audio = clients.openai().audio.transcriptions
    create = audio.with_raw_response.create if raw else audio.create

    create(**HEAR, response_format=response_format)

    assert spans.parts[0]["content"].strip() == "42"
    seconds = spans.attributes.get("pulse.usage.audio_seconds")
    assert seconds == (4 if response_format == "verbose_json" else None)


def test_a_streamed_transcription(clients: Clients, spans: Spans) -> None:
    create = clients.openai().audio.transcriptions.create
    _streamable(create)

    list(create(**HEAR, stream=True))

    assert spans.parts == [{"type": "text", "content": "Hello! Paris is sunny."}]
    assert spans.attributes["gen_ai.usage.audio.input_tokens"] == 10


def test_a_streamed_transcription_left_early(clients: Clients, spans: Spans) -> None:
    create = clients.openai().audio.transcriptions.create
    _streamable(create)

    with create(**HEAR, stream=True) as stream:
        next(stream)

    assert spans.parts == [{"type": "text", "content": "Hello!"}]


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("kind", ["audio/mpeg", "application/octet-stream"])
def test_speech(kind: str, raw: bool, provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(speech(kind))
    resource = clients.openai().audio.speech
    create = resource.with_raw_response.create if raw else resource.create

    later = {"instructions": "Softly"}  # not in the signature of older SDKs
    answer = create(model="tts-1", voice="alloy", input="Hello", extra_body=later)

    assert answer.content == SOUND
    assert spans.attributes["gen_ai.output.type"] == "speech"
    assert spans.json("pulse.request.parameters") == {"voice": "alloy"}
    assert spans.json("gen_ai.system_instructions")[0]["content"] == "Softly"
    assert spans.json("gen_ai.input.messages")[0]["parts"][0]["content"] == "Hello"
    assert spans.parts == [{"type": "audio", "mime_type": kind, "bytes": len(SOUND)}]


def test_speech_that_the_caller_streams(clients: Clients, spans: Spans) -> None:
    """Nothing of it is read for us: it comes piece by piece, and is all there."""
    speech_api = clients.openai().audio.speech.with_streaming_response
    with speech_api.create(model="tts-1", voice="alloy", input="Hello") as opened:
        assert not opened.http_response.is_stream_consumed
        pieces = list(opened.iter_bytes(500))

    assert b"".join(pieces) == SOUND
    assert len(pieces) == 4
    assert "gen_ai.output.messages" not in spans.attributes
    assert spans.one().status.is_unset


def test_without_content(instrument: Instrument, clients: Clients) -> None:
    spans = instrument(False)
    client = clients.openai()

    client.images.generate(model="m", prompt="secret")
    client.images.edit(model="m", prompt="secret", image=("secret.png", b"x"))
    client.audio.transcriptions.create(model="m", file=("secret.mp3", b"x"), prompt="secret")
    client.audio.speech.create(model="m", voice="secret", input="secret")

    found = [dict(span.attributes or {}) for span in spans.memory.get_finished_spans()]
    assert len(found) == 4
    for attributes in found:
        assert "secret" not in json.dumps(list(attributes.values()), default=str)
        assert not [name for name in attributes if "messages" in name]
