"""One call of every method of the openai SDK that is recorded."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from typing import Any

import pytest

from tests.conftest import MESSAGES
from tests.provider.response_replies import response_stream


@dataclasses.dataclass(frozen=True)
class Call:
    """A method, what it is given, and the operation that it is recorded as."""

    method: str
    operation: str
    arguments: dict[str, Any]
    reply: Any = None  # enqueued, where the provider's own would not do

    def on(self, client: Any, mode: str = "") -> Any:
        """The method of `client`; skips the test where this SDK lacks it, or an argument."""
        owner, _, name = self.method.rpartition(".")
        try:
            resource = functools.reduce(getattr, owner.split("."), client)
            method = getattr(resource, name)
        except AttributeError:
            pytest.skip(f"this openai has no {self.method}")
        missing = self.arguments.keys() - inspect.signature(method).parameters.keys()
        if missing:
            pytest.skip(f"{self.method} of this openai does not take {sorted(missing)}")
        if not mode:
            return method
        raw = getattr(resource, mode)
        if not hasattr(raw, name):
            pytest.skip(f"this openai has no {mode} of {self.method}")
        return getattr(raw, name)


SOUND = ("hello.mp3", b"ID3 sound", "audio/mpeg")
PICTURE = ("lamp.png", b"PNG picture", "image/png")
GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}
GPT5: dict[str, Any] = {"model": "gpt-5", "input": "Hello Pulse"}
TEXT: dict[str, Any] = {"model": "davinci-002", "prompt": "Once"}
DRAW: dict[str, Any] = {"model": "gpt-image-1", "prompt": "A lantern"}
EDIT: dict[str, Any] = {**DRAW, "image": PICTURE}
HEAR: dict[str, Any] = {"model": "gpt-4o-transcribe", "file": SOUND}
STREAM: dict[str, Any] = {"stream": True}

PLAIN = (
    Call("chat.completions.create", "chat", GPT),
    Call("responses.create", "chat", GPT5),
    Call("responses.retrieve", "fetch_response", {"response_id": "resp_1"}),
    Call("responses.compact", "chat", GPT5),
    Call("beta.responses.create", "chat", GPT5),
    Call("beta.responses.retrieve", "fetch_response", {"response_id": "resp_1"}),
    Call("beta.responses.compact", "chat", GPT5),
    Call("completions.create", "text_completion", TEXT),
    Call("embeddings.create", "embeddings", {"model": "text-embedding-3-small", "input": "a"}),
    Call("moderations.create", "moderation", {"input": "a"}),
    Call(
        "decisions.create",
        "classification",
        {"model": "gpt-6-luna", "input": "a", "questions": [{"type": "predicate", "name": "q"}]},
    ),
    Call("images.generate", "image_generation", DRAW),
    Call("images.edit", "image_edit", EDIT),
    Call("images.create_variation", "image_variation", {"image": PICTURE}),
    Call("audio.transcriptions.create", "transcription", HEAR),
    Call("audio.translations.create", "speech_translation", HEAR),
    Call("audio.speech.create", "speech", {"model": "tts-1", "voice": "alloy", "input": "a"}),
)
PARSED = (
    Call("chat.completions.parse", "chat", GPT),
    Call("beta.chat.completions.parse", "chat", GPT),
    Call("responses.parse", "chat", GPT5),
)
STREAMED = (
    Call("chat.completions.create", "chat", GPT | STREAM),
    Call("responses.create", "chat", GPT5 | STREAM),
    Call(
        "responses.retrieve",
        "fetch_response",
        {"response_id": "resp_1", **STREAM},
        reply=response_stream(id="resp_1"),
    ),
    Call("beta.responses.create", "chat", GPT5 | STREAM),
    Call("completions.create", "text_completion", TEXT | STREAM),
    Call("images.generate", "image_generation", DRAW | STREAM),
    Call("images.edit", "image_edit", EDIT | STREAM),
    Call("audio.transcriptions.create", "transcription", HEAR | STREAM),
)
MANAGERS = (
    Call("chat.completions.stream", "chat", GPT),
    Call("beta.chat.completions.stream", "chat", GPT),
    Call("responses.stream", "chat", GPT5),
    Call(
        "responses.stream",
        "fetch_response",
        {"response_id": "resp_1"},
        reply=response_stream(id="resp_1"),
    ),
)


def named(call: Call) -> str:
    """The test's id."""
    return f"{call.method}, streamed" if "stream" in call.arguments else call.method
