"""Tools that the program runs for a response: by hand, and by the SDK's own runners."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any

import openai
import pytest
from opentelemetry import trace

import pulse_otel
from pulse_otel.local.provider.replies import Reply, ToolCall
from tests.conftest import Clients
from tests.instrumentation.openai.conftest import Instrument, Spans
from tests.provider.response_replies import response, response_stream
from tests.provider.text_replies import decision

ASKS = response(tool_calls=[ToolCall("look", {"at": "sky"}, id="c1")], id="resp_1")
RESULT: dict[str, Any] = {"type": "function_call_output", "call_id": "c1", "output": "blue"}


def _names(spans: Spans) -> list[str]:
    return [span.name for span in spans.memory.get_finished_spans()]


@pytest.mark.parametrize("by_id", [True, False], ids=["previous_response_id", "all items"])
@pytest.mark.parametrize("capture", [True, False])
def test_a_round_trip_is_one_trace(
    by_id: bool, capture: bool, provider: Any, clients: Clients, instrument: Instrument
) -> None:
    spans = instrument(capture)
    create: Any = functools.partial(clients.openai().responses.create, tools=[FUNCTION])
    provider.enqueue(ASKS, response("It is blue."))

    first = create(model="gpt-5", input="Look")
    if by_id:
        create(model="gpt-5", input=[RESULT], previous_response_id=first.id)
    else:
        create(model="gpt-5", input=[{"role": "user", "content": "Look"}, *first.output, RESULT])

    assert _names(spans) == ["chat gpt-5", "execute_tool look", "chat gpt-5"]
    found = spans.memory.get_finished_spans()
    assert len({span.context.trace_id for span in found}) == 1
    tool = dict(found[1].attributes or {})
    assert tool["gen_ai.tool.call.id"] == "c1"
    assert ("gen_ai.tool.call.arguments" in tool) is capture
    if capture:
        assert json.loads(str(tool["gen_ai.tool.call.arguments"])) == {"at": "sky"}
        assert json.loads(str(tool["gen_ai.tool.call.result"])) == "blue"


def _runner(module: str, name: str) -> Any:
    return getattr(pytest.importorskip(f"openai.lib.{module}"), name)


FUNCTION: dict[str, Any] = {
    "type": "function",
    "name": "look",
    "strict": False,
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}


def _check_run(spans: Spans) -> None:
    assert _names(spans) == ["chat gpt-5", "execute_tool look", "chat gpt-5", "invoke_agent"]
    *inner, run = spans.memory.get_finished_spans()
    assert {span.parent.span_id for span in inner if span.parent} == {run.context.span_id}
    assert all((span.attributes or {})["session.id"] == "s-1" for span in (*inner, run))
    assert trace.get_current_span() is trace.INVALID_SPAN
    attributes = dict(run.attributes or {})
    assert attributes["gen_ai.operation.name"] == "invoke_agent"
    assert attributes["gen_ai.request.model"] == "gpt-5"
    assert "It is blue." in str(attributes["gen_ai.output.messages"])
    assert not [name for name in attributes if "usage" in name]


@pytest.mark.parametrize("form", ["parameter", "headers", "headers with a key"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_runner(stream: bool, form: str, provider: Any, clients: Clients, spans: Spans) -> None:
    make = _runner("responses_tool_runner", "ResponsesToolRunner")
    register = _runner("responses_tool_runner", "RegisteredFunction")
    answer = response_stream if stream else response
    provider.enqueue(
        answer(tool_calls=[ToolCall("look", {"at": "sky"}, id="c1")]), answer("It is blue.")
    )
    runner = make(functions=[register(FUNCTION, lambda arguments: "blue")])
    params: dict[str, Any] = {"model": "gpt-5", "input": "Look"}
    own = {"Idempotency-Key": "k"} if form == "headers with a key" else {}  # copied by the SDK
    labels: dict[str, Any] = {"pulse_session_id": "s-1"}
    if form != "parameter":
        labels, params["extra_headers"] = {}, pulse_otel.call(session_id="s-1", headers=own)

    final = runner.run(clients.openai(), params, stream=stream, **labels)

    assert final.output_text == "It is blue."
    _check_run(spans)
    assert not [name for sent in provider.requests for name in sent.headers if "pulse" in name]


def test_an_async_runner(provider: Any, spans: Spans) -> None:
    make = _runner("responses_tool_runner", "AsyncResponsesToolRunner")
    register = _runner("responses_tool_runner", "AsyncRegisteredFunction")
    provider.enqueue(ASKS, response("It is blue."))

    async def look(arguments: dict[str, object]) -> str:
        return "blue"

    async def run() -> None:
        settings: dict[str, Any] = {"api_key": "k", "max_retries": 0}
        async with openai.AsyncOpenAI(base_url=provider.openai_url, **settings) as client:
            runner = make(functions=[register(FUNCTION, look)])
            params = {"model": "gpt-5", "input": "Look"}
            await runner.run(client, params=params, pulse_session_id="s-1")

    asyncio.run(run())

    _check_run(spans)


def test_a_runner_that_fails(clients: Clients, spans: Spans) -> None:
    make = _runner("responses_tool_runner", "ResponsesToolRunner")

    with pytest.raises(ValueError, match="max_steps"):
        make().run(clients.openai(), {"model": "gpt-5", "input": "Look"}, max_steps=0)

    assert spans.one().name == "invoke_agent"
    assert spans.attributes["error.type"] == "ValueError"
    assert not spans.one().status.is_unset


def test_a_run_step_by_step(provider: Any, clients: Clients, spans: Spans) -> None:
    """No span of its own; `pulse_*` are given with the other parameters of the calls."""
    make = _runner("responses_tool_runner", "ResponsesToolRunner")
    params = {"model": "gpt-5", "input": "Look", "pulse_session_id": "s-1"}
    provider.enqueue(response("It is blue."))

    (turn,) = make().iterate(clients.openai(), params)

    assert turn.final
    assert spans.one().name == "chat gpt-5"
    assert spans.attributes["session.id"] == "s-1"


def test_a_runner_of_decisions(provider: Any, clients: Clients, spans: Spans) -> None:
    make = _runner("decisions_tool_runner", "DecisionsToolRunner")
    choice = {"type": "choice", "name": "next_action", "choice": "stop", "confidence": 0.9}
    usage = json.loads(decision().body)["usage"]
    body = {"model": "m", "usage": usage, "answers": [{**choice, "probabilities": []}]}
    provider.enqueue(Reply(body=json.dumps(body).encode()))
    candidates = [
        {"id": "go", "description": "Go on", "execute": lambda: None},
        {"id": "stop", "description": "Stop", "done": True},
    ]
    runner = make(observe=lambda: "a street", candidates=lambda seen: candidates)

    result = runner.run(
        clients.openai(), {"model": "gpt-6-luna", "input": "Walk"}, pulse_session_id="s-1"
    )

    assert result["status"] == "unverified"
    assert _names(spans) == ["classification gpt-6-luna", "invoke_agent"]
    found = [dict(span.attributes or {}) for span in spans.memory.get_finished_spans()]
    assert [attributes["session.id"] for attributes in found] == ["s-1", "s-1"]
