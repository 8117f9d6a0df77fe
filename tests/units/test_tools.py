"""`tool`: one execute_tool span for a tool call, with the id by which the model asked for it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pulse_otel import observe, session, tool, trace
from pulse_otel.instrumentation.recorder import recorders
from pulse_otel.local.provider.replies import ToolCall, chat
from tests.conftest import MESSAGES
from tests.units.reading import is_child

GPT: dict[str, Any] = {"model": "gpt-4o-mini"}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]


@tool
def get_weather(city: str, unit: str = "C") -> dict[str, Any]:
    return {"city": city, "unit": unit, "degrees": 7}


def calls(*asked: tuple[str, str, dict[str, Any]]) -> list[ToolCall]:
    """The tool calls of a reply: id, name and arguments."""
    return [ToolCall(name=name, arguments=given, id=call_id) for call_id, name, given in asked]


def round_trip(client: Any, provider: Any, asked: list[ToolCall], run: Any = None) -> Any:
    """An agent's turn: the model asks for tools, the program runs them, the model answers."""
    provider.enqueue(chat(None, tool_calls=asked), chat("Cold."))
    first = client.chat.completions.create(**GPT, messages=MESSAGES, tools=TOOLS)
    message = first.choices[0].message
    results = []
    for call in message.tool_calls:
        result = (run or _run)(call)
        results.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})
    messages = [*MESSAGES, message.model_dump(exclude_none=True), *results]
    return client.chat.completions.create(**GPT, messages=messages, tools=TOOLS)


def _run(call: Any) -> Any:
    return get_weather(**json.loads(call.function.arguments))


def _tools(memory: Any) -> list[Any]:
    return [span for span in memory.get_finished_spans() if "execute_tool" in span.name]


def _ids(memory: Any) -> dict[str, str | None]:
    """The tool call id of each run, by the city that it was asked about."""
    return {
        json.loads(span.attributes["gen_ai.tool.call.arguments"])["city"]: span.attributes.get(
            "gen_ai.tool.call.id"
        )
        for span in _tools(memory)
    }


def test_a_tool_is_a_span_with_arguments_and_result_as_json(spans: Any) -> None:
    get_weather("Oslo", unit="F")

    (span,) = spans.get_finished_spans()
    assert span.name == "execute_tool get_weather"
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_weather",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.arguments": '{"city":"Oslo","unit":"F"}',
        "gen_ai.tool.call.result": '{"city":"Oslo","unit":"F","degrees":7}',
    }


@pytest.fixture(params=[True, False], ids=["content", "no content"])
def without_content(request: Any, spans: Any) -> None:
    """Settings with and without content."""
    if not request.param:
        recorder = recorders.observed.with_options({"capture_content": False})
        recorders.observed = recorder


@pytest.fixture
def observed(openai_client: Any) -> Any:
    return observe(openai_client, "openai")


@pytest.mark.usefixtures("without_content")
def test_a_tool_that_the_model_asked_for_is_recorded_once(
    spans: Any, observed: Any, provider: Any
) -> None:
    with trace("agent"):
        round_trip(observed, provider, calls(("call_1", "get_weather", {"city": "Oslo"})))

    (span,) = _tools(spans)
    (agent,) = [span for span in spans.get_finished_spans() if "agent" in span.name]
    assert span.attributes["gen_ai.tool.call.id"] == "call_1"
    assert is_child(span, agent)


def test_without_a_unit_a_tool_joins_the_trace_of_the_call_that_asked(
    spans: Any, observed: Any, provider: Any
) -> None:
    round_trip(observed, provider, calls(("call_1", "get_weather", {"city": "Oslo"})))

    (span,) = _tools(spans)
    first, second = [span for span in spans.get_finished_spans() if "chat" in span.name]
    assert is_child(span, first)
    assert second.context.trace_id == first.context.trace_id


def test_several_tools_of_one_name_are_told_apart_by_their_arguments(
    spans: Any, observed: Any, provider: Any
) -> None:
    asked = [(f"call_{city}", "get_weather", {"unit": "C", "city": city}) for city in "abcd"]

    with trace("agent"):
        round_trip(observed, provider, calls(*asked))

    assert _ids(spans) == {city: f"call_{city}" for city in "abcd"}


def test_equal_tool_calls_have_a_run_each(spans: Any, observed: Any, provider: Any) -> None:
    asked = [(f"call_{number}", "get_weather", {"city": "Oslo"}) for number in range(3)]

    with trace("agent"):
        round_trip(observed, provider, calls(*asked))

    found = [span.attributes["gen_ai.tool.call.id"] for span in _tools(spans)]
    assert found == ["call_0", "call_1", "call_2"]


def test_tools_that_run_at_once_are_told_apart_too(
    spans: Any, observed: Any, provider: Any
) -> None:
    @tool("get_weather")
    async def slow(city: str) -> str:
        await asyncio.sleep(0)
        return city

    async def main() -> None:
        with trace("agent"):
            asked = calls(*[(f"call_{city}", "get_weather", {"city": city}) for city in "abc"])
            provider.enqueue(chat(None, tool_calls=asked))
            await asyncio.to_thread(
                observed.chat.completions.create, **GPT, messages=MESSAGES, tools=TOOLS
            )
            await asyncio.gather(*[slow(city) for city in "cab"])

    asyncio.run(main())

    assert _ids(spans) == {city: f"call_{city}" for city in "abc"}


def test_the_only_call_of_a_name_is_found_whatever_the_function_takes(
    spans: Any, observed: Any, provider: Any
) -> None:
    @tool("get_weather")
    def other(database: object, place: str) -> str:
        return place

    with trace("agent"):
        asked = calls(("call_1", "get_weather", {"city": "Oslo"}))
        round_trip(observed, provider, asked, lambda call: other(object(), "Oslo"))

    (span,) = _tools(spans)
    assert span.attributes["gen_ai.tool.call.id"] == "call_1"


def test_another_run_of_a_tool_takes_no_id(spans: Any, observed: Any, provider: Any) -> None:
    """It has the model's parameters, but not its arguments."""
    asked = calls(("call_1", "get_weather", {"city": "Oslo"}))

    with trace("agent"):
        round_trip(observed, provider, asked, lambda call: [get_weather("Rome"), _run(call)])

    assert _ids(spans) == {"Rome": None, "Oslo": "call_1"}


def test_a_tool_run_beside_those_that_were_asked_for_gets_no_id(
    spans: Any, observed: Any, provider: Any
) -> None:
    """The result that the model gets is then recorded as always."""
    asked = calls(
        ("call_1", "get_weather", {"city": "Oslo"}), ("call_2", "get_weather", {"city": "Rome"})
    )

    with trace("agent"):
        round_trip(observed, provider, asked, lambda call: get_weather("Bergen"))

    ids = [span.attributes.get("gen_ai.tool.call.id") for span in _tools(spans)]
    assert ids[:2] == [None, None]
    assert set(ids[2:]) == {"call_1", "call_2"}


def test_another_traces_tool_call_is_none_of_this_ones(
    spans: Any, observed: Any, provider: Any
) -> None:
    provider.enqueue(chat(None, tool_calls=calls(("call_1", "get_weather", {"city": "Oslo"}))))
    with trace("asks"):
        observed.chat.completions.create(**GPT, messages=MESSAGES, tools=TOOLS)

    with trace("another"):
        get_weather("Oslo")

    (span,) = _tools(spans)
    assert "gen_ai.tool.call.id" not in span.attributes


@pytest.mark.parametrize("unit", [trace("agent"), session("s")], ids=["unit", "no unit"])
def test_a_block_says_which_call_it_carries_out(
    unit: Any, spans: Any, observed: Any, provider: Any
) -> None:
    def run(call: Any) -> str:
        with tool(call.function.name, call_id=call.id) as unit:
            unit.input = json.loads(call.function.arguments)
            unit.output = f"result of {call.id}"
        return str(unit.output)

    asked = [(f"call_{city}", "get_weather", {"city": city}) for city in "ab"]
    with unit:
        round_trip(observed, provider, calls(*asked), run)

    found = {
        span.attributes["gen_ai.tool.call.id"]: span.attributes["gen_ai.tool.call.result"]
        for span in _tools(spans)
    }
    assert len({span.context.trace_id for span in spans.get_finished_spans()}) == 1
    assert found == {"call_a": '"result of call_a"', "call_b": '"result of call_b"'}


def test_the_id_of_a_call_is_refused_for_a_decorator() -> None:
    with pytest.raises(TypeError, match="call_id is for a block"):
        tool("t", call_id="call_1")(lambda: None)
