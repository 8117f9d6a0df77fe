"""`responses.connect`: one span for each response, and nothing that the program could notice."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import pulse_otel
from pulse_otel import Provider, observe
from tests.instrumentation.openai.socket_server import (
    BYE,
    CUT,
    Seen,
    SocketServer,
    Step,
    answer,
    begun,
    delta,
    done,
    serving,
    talk,
    talk_async,
)

pytest.importorskip("websockets", reason="the SDK's WebSockets need it")
if not hasattr(import_module("openai.resources.responses").Responses, "connect"):
    pytest.skip("this openai has no responses.connect", allow_module_level=True)

ASK = {"type": "response.create", "model": "gpt-5-mini", "input": "Hello", "instructions": "Short."}
AGAIN = {**ASK, "input": [{"role": "user", "content": "And now?"}], "max_output_tokens": 99}
END: Step = ("until", "response.completed")
REFUSED = {
    "type": "error",
    "status": 400,
    "error": {"code": "previous_response_not_found", "type": "invalid_request_error"}
    | {"message": "No such response."},
}
WAYS = ["sync", "async"]


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """At a user's own exporter, of observed clients."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    config = {"api_key": "pulse_sk_test", "api_url": "http://127.0.0.1:9"}
    pulse_otel.init_pulse({**config, "tracer_provider": provider})
    yield memory
    pulse_otel.shutdown(0)


@pytest.fixture
def server() -> Iterator[SocketServer]:
    with serving() as running:
        yield running


class Program:
    """A client of the real SDK that talks to the server, one way or the other."""

    def __init__(self, server: SocketServer, way: str) -> None:
        self.server, self.way = server, way

    def run(
        self, steps: list[Step], *script: list[Any], watched: bool = True, **connect: Any
    ) -> Seen:
        self.server.script = list(script)
        make: Any = openai.OpenAI if self.way == "sync" else openai.AsyncOpenAI
        client = make(api_key="sk-caller", base_url=f"http://{self.server.url}")
        if watched:
            observe(client, Provider.OPENAI, {"session_id": "s-client"})
        if self.way == "async":
            return talk_async(lambda: client.responses.connect(**connect), steps, client.close)
        with client:
            return talk(lambda: client.responses.connect(**connect), steps)


@pytest.fixture(params=WAYS)
def program(request: Any, server: SocketServer) -> Program:
    return Program(server, request.param)


def test_two_responses_on_one_connection_are_two_spans(program: Program, spans: Any) -> None:
    steps = [("send", ASK), END, ("send", AGAIN), END]
    program.run(steps, answer("resp_1", "Hi."), answer("resp_2", "Bye."))
    first, second = spans.get_finished_spans()
    assert first.name == second.name == "chat gpt-5-mini"
    found = first.attributes
    assert found["gen_ai.response.id"] == "resp_1"
    assert found["gen_ai.response.model"] == "gpt-5-mini-2026"
    assert found["gen_ai.usage.input_tokens"] == 12
    assert found["gen_ai.usage.cache_read.input_tokens"] == 4
    assert found["gen_ai.usage.reasoning.output_tokens"] == 2
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert found["gen_ai.provider.name"] == "openai"
    assert found["server.address"] == "127.0.0.1"
    assert found["session.id"] == "s-client"
    assert 0 < found["gen_ai.response.time_to_first_chunk"] < 30
    assert "Hello" in found["gen_ai.input.messages"]
    assert "Short." in found["gen_ai.system_instructions"]
    assert "Hi." in found["gen_ai.output.messages"]
    assert "And now?" in second.attributes["gen_ai.input.messages"]
    assert "Bye." in second.attributes["gen_ai.output.messages"]
    assert second.attributes["gen_ai.request.max_tokens"] == 99
    assert second.start_time >= first.end_time


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("order", [("paused", "sent"), ("sent", "paused")])
def test_a_response_requested_while_paused_is_nobody_elses(
    order: tuple[str, str], way: str, server: SocketServer, spans: Any
) -> None:
    """Both are requested before either answer is read."""

    def send(connection: Any) -> Any:
        with pulse_otel.paused():
            return connection.send({**ASK, "input": "Private"})

    async def asend(connection: Any) -> None:
        async with pulse_otel.paused():
            await connection.send({**ASK, "input": "Private"})

    pausing: Step = ("call", send if way == "sync" else asend)
    sending: Step = ("send", ASK)
    steps = [{"paused": pausing, "sent": sending}[name] for name in order]
    answers = [answer(f"resp_{name}", f"Answer, {name}.") for name in order]

    Program(server, way).run([*steps, END, END], *answers)

    (span,) = spans.get_finished_spans()
    assert span.attributes["gen_ai.response.id"] == "resp_sent"
    assert "Hello" in span.attributes["gen_ai.input.messages"]
    assert "Answer, sent." in span.attributes["gen_ai.output.messages"]


def test_a_connection_takes_labels_of_a_call(
    program: Program, server: SocketServer, spans: Any
) -> None:
    labels = pulse_otel.call(session_id="s-call", metadata={"a": 1})
    program.run([("send", ASK), END], answer("resp_1", "Hi."), extra_headers=labels)

    (span,) = spans.get_finished_spans()
    assert span.attributes["session.id"] == "s-call"
    assert span.attributes["pulse.metadata"] == '{"a":1}'


SCRIPTS: dict[str, tuple[list[Step], list[list[Any]]]] = {
    "whole": ([("send", ASK), END], [answer("resp_1", "Hi.")]),
    "cut": ([("send", ASK), END], [[begun("resp_1"), delta("Hi"), CUT]]),
    "closed": ([("send", ASK), END], [[begun("resp_1"), delta("Hi"), BYE]]),
    "refused": ([("send", ASK), ("until", "error")], [[REFUSED]]),
    "left": (
        [("send", ASK), ("until", "response.output_text.delta")],
        [[begun("resp_1"), delta("Hi")]],
    ),
    "own error": ([("send", ASK), END, ("raise", KeyError("x"))], [answer("resp_1", "Hi.")]),
    "no response": ([], []),
    "unserialisable": ([("send", {**ASK, "input": object()})], []),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_program_sees_what_it_would_see_without_us(
    program: Program, spans: Any, script: str
) -> None:
    steps, answers = SCRIPTS[script]
    bare = program.run(steps, *answers, watched=False)
    assert spans.get_finished_spans() == ()
    sent, program.server.received = program.server.received, []
    assert program.run(steps, *answers) == bare
    assert program.server.received == sent
    assert len(spans.get_finished_spans()) == (script != "no response")


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        ("cut", StatusCode.ERROR, "websockets.ConnectionClosedError"),
        ("closed", StatusCode.UNSET, None),
        ("left", StatusCode.UNSET, None),
        ("refused", StatusCode.ERROR, "previous_response_not_found"),
        ("own error", StatusCode.UNSET, None),
        ("unserialisable", StatusCode.ERROR, "TypeError"),
    ],
)
def test_a_response_ends_however_its_connection_does(
    program: Program, spans: Any, script: str, status: StatusCode, error: str | None
) -> None:
    steps, answers = SCRIPTS[script]
    program.run(steps, *answers)
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is status
    assert span.attributes.get("error.type") == error
    if script in ("cut", "closed", "left"):
        assert span.attributes["gen_ai.response.id"] == "resp_1"
        (message,) = json.loads(span.attributes["gen_ai.output.messages"])
        assert message["parts"] == [{"type": "text", "content": "Hi"}]
    if script == "refused":
        assert span.status.description == "No such response."


def test_cancellation_in_the_block_is_an_error(program: Program, spans: Any) -> None:
    stop = asyncio.CancelledError() if program.way == "async" else KeyboardInterrupt()
    steps = [("send", ASK), ("until", "response.created"), ("raise", stop)]
    program.run(steps, [begun("resp_1")])
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"].endswith(type(stop).__qualname__)


def test_parameters_of_connect_and_blocks(program: Program, spans: Any) -> None:
    with pulse_otel.session("s-block", user_id="u1"):
        program.run([("send", ASK), END], answer("resp_1", "Hi."))
        program.run(
            [("send", ASK), END],
            answer("resp_1", "Hi."),
            pulse_session_id="s-call",
            pulse_metadata={"a": 1},
        )
    first, second = (span.attributes for span in spans.get_finished_spans())
    assert (first["session.id"], first["user.id"]) == ("s-client", "u1")
    assert (second["session.id"], second["user.id"]) == ("s-call", "u1")
    assert json.loads(second["pulse.metadata"]) == {"a": 1}


def test_an_unobserved_client_takes_the_parameters_and_records_nothing(
    program: Program, spans: Any
) -> None:
    observe(openai.OpenAI(api_key="other"), Provider.OPENAI).close()
    steps = [("send", ASK), END]
    seen = program.run(steps, answer("resp_1", "Hi."), watched=False, pulse_session_id="s")
    assert seen.raised is None
    assert len(seen.events) == 3
    assert spans.get_finished_spans() == ()


def test_lanes_are_told_apart(program: Program, spans: Any) -> None:
    lanes = [{**ASK, "stream_id": name, "input": f"for {name}"} for name in ("a", "b")]
    a, b = answer("resp_a", "A.", stream_id="a"), answer("resp_b", "B.", stream_id="b")
    mixed = [b[0], a[0], a[1], b[1], b[2], a[2]]
    program.run([("send", lanes[0]), ("send", lanes[1]), END, END], [], mixed)
    found = {s.attributes["gen_ai.response.id"]: s.attributes for s in spans.get_finished_spans()}
    for name in ("a", "b"):
        assert f"for {name}" in found[f"resp_{name}"]["gen_ai.input.messages"]
        assert f"{name.upper()}." in found[f"resp_{name}"]["gen_ai.output.messages"]


def test_a_response_that_the_server_begins_has_its_span(program: Program, spans: Any) -> None:
    steps = [("send", ASK), END, END]
    program.run(steps, answer("resp_1", "Hi.") + answer("resp_2", "More."))
    _, second = spans.get_finished_spans()
    assert second.name == "chat gpt-5-mini-2026"
    assert "More." in second.attributes["gen_ai.output.messages"]


def test_a_tool_round_trip_is_one_trace(program: Program, spans: Any) -> None:
    call = {"id": "fc", "type": "function_call", "call_id": "call_ws", "name": "weather"}
    asks = done("resp_1", "")
    asks["response"]["output"] = [{**call, "arguments": '{"city": "Bonn"}', "status": "completed"}]
    result = {"type": "function_call_output", "call_id": "call_ws", "output": "rain"}
    tools = {"tools": [{"type": "function", "name": "weather", "parameters": {}}]}
    steps = [("send", ASK | tools), END, ("send", {**ASK, "input": [result]}), END]
    program.run(steps, [begun("resp_1"), asks], answer("resp_2", "Rain."))
    first, tool, second = sorted(spans.get_finished_spans(), key=lambda span: span.end_time)
    assert first.attributes["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert tool.name == "execute_tool weather"
    assert first.context.trace_id == tool.context.trace_id == second.context.trace_id


def test_a_connection_that_is_dropped_ends_its_response(server: SocketServer, spans: Any) -> None:
    server.script = [[begun("resp_1"), delta("Hi")]]
    with observe(openai.OpenAI(api_key="k", base_url=f"http://{server.url}"), "openai") as client:
        connection = client.responses.connect().enter()
        connection.response.create(model="gpt-5-mini", input="Hello")
        assert connection.parse_event(connection.recv_bytes()).type == "response.created"
        assert connection.recv().type == "response.output_text.delta"
        socket = connection._connection
        del connection
        gc.collect()
        (span,) = spans.get_finished_spans()
        socket.close()
    assert span.status.status_code is StatusCode.UNSET
    assert "Hi" in span.attributes["gen_ai.output.messages"]


def test_what_is_queued_before_the_connection_is_recorded(server: SocketServer, spans: Any) -> None:
    server.script = [answer("resp_1", "Hi.")]
    with observe(openai.OpenAI(api_key="k", base_url=f"http://{server.url}"), "openai") as client:
        manager = client.responses.connect()
        if not hasattr(manager, "send"):
            pytest.skip("this openai queues nothing")
        manager.send(ASK)
        with manager as connection:
            assert [connection.recv().type for _ in range(3)][-1] == "response.completed"
    (span,) = spans.get_finished_spans()
    assert "Hello" in span.attributes["gen_ai.input.messages"]


def test_the_sessions_of_the_sdk_are_recorded(server: SocketServer, spans: Any) -> None:
    sessions = pytest.importorskip("openai.lib.responses_websocket", reason="openai 3.15")
    limits = sessions.ResponsesWebSocketLimits(4, 100, 100, 1 << 20, 1 << 20)
    server.script = [answer("resp_1", "Hi.", stream_id="one")]
    with observe(openai.OpenAI(api_key="k", base_url=f"http://{server.url}"), "openai") as client:
        connection = client.responses.connect().enter()
        with sessions.ResponsesWebSocketSession(connection, limits=limits) as session:
            lane = session.lane("one")
            lane.send(ASK)
            assert lane.get_final_response(timeout=20).output_text == "Hi."
    (span,) = spans.get_finished_spans()
    assert "Hello" in span.attributes["gen_ai.input.messages"]
    assert span.attributes["gen_ai.usage.output_tokens"] == 5
