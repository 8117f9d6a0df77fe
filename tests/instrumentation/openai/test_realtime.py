"""`realtime.connect`, and the beta's: one span for each response, and never any audio."""

from __future__ import annotations

import base64
import json
import sys
import weakref
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import openai
import pytest
from opentelemetry.trace import StatusCode

from tests.instrumentation.openai.conftest import Instrument, Spans
from tests.instrumentation.openai.socket_server import (
    CUT,
    Seen,
    SocketServer,
    Step,
    serving,
    talk,
    talk_async,
)

pytest.importorskip("websockets", reason="the SDK's WebSockets need it")

SOUND = base64.b64encode(b"\0\1\2\3" * 400).decode()
USAGE = {
    "total_tokens": 90,
    "input_tokens": 60,
    "output_tokens": 30,
    "input_token_details": {"text_tokens": 20, "audio_tokens": 40, "cached_tokens": 8},
    "output_token_details": {"text_tokens": 10, "audio_tokens": 20},
}
SESSION = {
    "type": "realtime",
    "model": "gpt-realtime-2",
    "instructions": "Be kind.",
    "tools": [{"type": "function", "name": "weather", "parameters": {"type": "object"}}],
}
CREATE = {"type": "response.create", "event_id": "ev_1"}
HELLO = {
    "type": "conversation.item.create",
    "item": {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Hello"}],
    },
}
CONFIGURED = [{"type": "session.updated", "event_id": "e", "session": SESSION}]
DONE: Step = ("until", "response.done")


def _api(name: str) -> Any:
    try:
        return import_module(f"openai.resources.{name}")
    except ImportError:
        return None


APIS = [name for name in ("realtime", "beta.realtime") if _api(name) is not None]


@pytest.fixture
def server() -> Iterator[SocketServer]:
    with serving() as running:
        yield running


class Program:
    """A client of the real SDK that talks to the server by one of the APIs."""

    def __init__(self, server: SocketServer, way: str, api: str) -> None:
        self.server, self.way, self.api = server, way, api

    def run(self, steps: list[Step], *script: list[Any]) -> Seen:
        self.server.script = list(script)
        make: Any = openai.OpenAI if self.way == "sync" else openai.AsyncOpenAI
        client = make(api_key="sk-caller", websocket_base_url=f"ws://{self.server.url}")
        found = client.beta.realtime if self.api == "beta.realtime" else client.realtime
        if self.way == "async":
            return talk_async(lambda: found.connect(model="gpt-realtime"), steps, client.close)
        with client:
            return talk(lambda: found.connect(model="gpt-realtime"), steps)


@pytest.fixture(params=[(way, api) for way in ("sync", "async") for api in APIS], ids="-".join)
def program(request: Any, server: SocketServer) -> Program:
    return Program(server, *request.param)


def created(identity: str) -> dict[str, Any]:
    response = {"id": identity, "object": "realtime.response", "status": "in_progress"}
    return {"type": "response.created", "event_id": "e", "response": {**response, "output": []}}


def piece(identity: str, kind: str, delta: str) -> dict[str, Any]:
    where = {"response_id": identity, "item_id": "i", "output_index": 0, "content_index": 0}
    return {"type": f"response.{kind}.delta", "event_id": "e", "delta": delta, **where}


def done(identity: str, *content: Any, status: str = "completed", **more: Any) -> dict[str, Any]:
    item = {"id": "i", "type": "message", "role": "assistant", "content": list(content)}
    response = {"id": identity, "object": "realtime.response", "status": status, "usage": USAGE}
    whole = {**response, "output": [item] if content else [], **more}
    return {"type": "response.done", "event_id": "e", "response": whole}


def said(identity: str, text: str) -> list[Any]:
    block = {"type": "output_text", "text": text}
    return [created(identity), piece(identity, "output_text", text), done(identity, block)]


def test_a_text_response_that_was_asked_for(program: Program, spans: Spans) -> None:
    settings = {"type": "session.update", "session": {"type": "realtime"}}
    steps = [("send", settings), ("until", "session.updated"), ("send", HELLO), ("send", CREATE)]
    program.run([*steps, DONE], CONFIGURED, said("resp_1", "Hi."))
    found = spans.attributes
    assert spans.one().name == "chat gpt-realtime-2"
    assert found["gen_ai.response.id"] == "resp_1"
    assert found["gen_ai.usage.input_tokens"] == 60
    assert found["gen_ai.usage.output_tokens"] == 30
    assert found["gen_ai.usage.cache_read.input_tokens"] == 8
    assert found["gen_ai.usage.audio.input_tokens"] == 40
    assert found["gen_ai.usage.audio.output_tokens"] == 20
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert found["server.address"] == "127.0.0.1"
    assert found["server.port"] == int(program.server.url.split(":")[1].split("/")[0])
    assert "Be kind." in found["gen_ai.system_instructions"]
    assert "weather" in found["gen_ai.tool.definitions"]
    (message,) = spans.json("gen_ai.input.messages")
    assert message["parts"] == [{"type": "text", "content": "Hello"}]
    assert spans.parts == [{"type": "text", "content": "Hi."}]


def test_speech_that_the_server_answers_by_itself(program: Program, spans: Spans) -> None:
    heard = {
        "type": "conversation.item.input_audio_transcription.completed",
        "event_id": "e",
        "item_id": "u",
        "content_index": 0,
        "transcript": "What time is it?",
        "usage": {"type": "duration", "seconds": 1.5},
    }
    answer = [
        created("resp_1"),
        piece("resp_1", "output_audio", SOUND),
        heard,
        piece("resp_1", "output_audio_transcript", "Noon."),
        done("resp_1", {"type": "output_audio", "transcript": "Noon.", "audio": SOUND}),
    ]
    sound = {"type": "input_audio", "audio": SOUND}
    speech = {"type": "message", "role": "user", "content": [sound]}
    steps: list[Step] = [
        ("send", {"type": "input_audio_buffer.append", "audio": SOUND}),
        ("send", {"type": "conversation.item.create", "item": speech}),
        ("send", {"type": "input_audio_buffer.commit"}),
        DONE,
    ]
    program.run(steps, answer)
    recorded = {key: str(value) for key, value in spans.attributes.items()}
    assert not [key for key, value in recorded.items() if SOUND[:100] in value]
    assert spans.one().name == "chat gpt-realtime"
    assert spans.parts == [{"type": "text", "content": "Noon."}]
    first, second = spans.json("gen_ai.input.messages")
    assert first["parts"] == [{"type": "audio", "bytes": 1600}]
    assert second["parts"] == [{"type": "text", "content": "What time is it?"}]


def test_a_broken_connection_leaves_what_was_said(program: Program, spans: Spans) -> None:
    half = [created("resp_1"), piece("resp_1", "output_audio_transcript", "No"), CUT]
    program.run([("send", CREATE), DONE], half)
    assert spans.one().status.status_code is StatusCode.ERROR
    assert spans.attributes["error.type"] == "websockets.ConnectionClosedError"
    assert spans.parts == [{"type": "text", "content": "No"}]


@pytest.mark.parametrize(
    ("status", "details", "expected", "reason"),
    [
        ("cancelled", {"reason": "turn_detected"}, StatusCode.UNSET, "error"),
        ("incomplete", {"reason": "max_output_tokens"}, StatusCode.UNSET, "length"),
        ("failed", {"error": {"code": "overloaded", "type": "x"}}, StatusCode.ERROR, "error"),
    ],
)
def test_responses_that_are_not_completed(
    program: Program, spans: Spans, status: str, details: Any, expected: StatusCode, reason: str
) -> None:
    last = done("resp_1", {"type": "output_text", "text": "N"}, status=status)
    last["response"]["status_details"] = {"type": status, **details}
    program.run([("send", CREATE), DONE], [created("resp_1"), last])
    assert spans.one().status.status_code is expected
    assert spans.attributes["gen_ai.response.finish_reasons"] == (reason,)
    assert spans.attributes["pulse.response.raw_finish_reasons"] == (status,)


def refusal(event_id: str | None) -> dict[str, Any]:
    error = {"type": "invalid_request_error", "code": "active", "message": "No.", "param": None}
    return {"type": "error", "event_id": "e", "error": {**error, "event_id": event_id}}


def test_an_error_ends_the_response_that_it_is_about(program: Program, spans: Spans) -> None:
    program.run([("send", CREATE), ("until", "error")], [refusal("ev_1")])
    assert spans.attributes["error.type"] == "active"


def test_an_error_about_another_event_ends_none(program: Program, spans: Spans) -> None:
    program.run([("send", CREATE), DONE], [refusal("ev_other"), *said("resp_1", "Hi.")])
    assert spans.one().status.status_code is StatusCode.UNSET
    assert spans.parts == [{"type": "text", "content": "Hi."}]


def test_responses_at_the_same_time_are_told_apart(program: Program, spans: Spans) -> None:
    a, b = said("resp_a", "A."), said("resp_b", "B.")
    aside = {**CREATE, "response": {"conversation": "none", "input": [HELLO["item"]]}}
    steps: list[Step] = [("send", CREATE), ("send", aside), DONE, DONE]
    program.run(steps, [], [a[0], b[0], b[1], a[1], b[2], a[2]])
    second, first = (span.attributes or {} for span in spans.memory.get_finished_spans())
    assert (first["gen_ai.response.id"], second["gen_ai.response.id"]) == ("resp_a", "resp_b")
    assert "A." in str(first["gen_ai.output.messages"])
    assert "B." in str(second["gen_ai.output.messages"])
    assert "Hello" in str(second["gen_ai.input.messages"])
    assert "gen_ai.input.messages" not in first
    assert "gen_ai.conversation.id" not in second


def test_a_tool_is_asked_for_and_its_result_sent(program: Program, spans: Spans) -> None:
    call = {"type": "function_call", "call_id": "call_rt", "name": "weather", "arguments": "{}"}
    asks = [created("resp_1"), done("resp_1", output=[{"id": "i", **call}])]
    result = {"type": "function_call_output", "call_id": "call_rt", "output": "rain"}
    own = {"type": "response.create", "response": {"tools": SESSION["tools"]}}
    item = {"type": "conversation.item.create", "item": result}
    steps: list[Step] = [("send", own), DONE, ("send", item), ("send", CREATE), DONE]
    program.run(steps, asks, said("resp_2", "Rain."))
    finished = spans.memory.get_finished_spans()
    assert sorted(span.name for span in finished)[-1] == "execute_tool weather"
    assert len({span.context.trace_id for span in finished}) == 1
    assert len(finished) == 3


def test_without_content_nothing_said_is_recorded(program: Program, instrument: Instrument) -> None:
    spans = instrument(False)
    program.run([("send", HELLO), ("send", CREATE), DONE], said("resp_1", "Secret."))
    assert spans.attributes["gen_ai.usage.output_tokens"] == 30
    assert "Secret" not in json.dumps(dict(spans.attributes))
    assert "Hello" not in json.dumps(dict(spans.attributes))


@pytest.mark.skipif("realtime" not in APIS, reason="this openai has the beta only")
def test_sound_is_not_kept(server: SocketServer, spans: Spans) -> None:
    server.script = [[created("resp_1"), piece("resp_1", "output_audio", SOUND)]]
    client = openai.OpenAI(api_key="k", websocket_base_url=f"ws://{server.url}")
    with client, client.realtime.connect(model="m") as connection:
        connection.send(CREATE)
        connection.recv()
        heard = connection.recv()
        assert heard.type == "response.output_audio.delta"
        kept, sound = weakref.ref(heard), heard.delta
        del heard
        assert kept() is None
        held_once = json.loads(json.dumps(sound))
        assert sys.getrefcount(sound) == sys.getrefcount(held_once)
    assert spans.attributes["gen_ai.response.id"] == "resp_1"
