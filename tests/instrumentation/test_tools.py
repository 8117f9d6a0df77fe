"""Tool round trips: one trace, one span for each tool, and never across sessions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, StatusCode

import pulse_otel
from pulse_otel import observe
from pulse_otel.instrumentation.tools import LIMIT, WAIT_S, Asker, Result, Results, ToolCalls
from pulse_otel.local.provider.replies import ToolCall, chat, message
from tests.conftest import KEY, MESSAGES, Clients
from tests.provider.response_replies import response

TWO_CALLS = (
    ToolCall("weather", {"city": "Paris"}, "call_1"),
    ToolCall("time", {"city": "Paris"}, "call_2"),
)


class Spans:
    def __init__(self, content: bool = True) -> None:
        self.memory = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.memory))
        self.tracer = self.provider.get_tracer("app")
        pulse_otel.init_pulse(
            api_key=KEY,
            api_url="http://127.0.0.1:9",
            tracer_provider=self.provider,
            capture_content=content,
        )

    def named(self, start: str) -> list[ReadableSpan]:
        return [s for s in self.memory.get_finished_spans() if s.name.startswith(start)]


@pytest.fixture
def spans() -> Iterator[Spans]:
    yield Spans()
    pulse_otel.shutdown(0)


TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


def ask(gpt: Any, provider: Any, *calls: ToolCall, reason: str | None = None, **extra: Any) -> Any:
    """The first call, which is answered with tool calls; the history to go on with."""
    provider.enqueue(chat(text=None, tool_calls=calls or TWO_CALLS, finish_reason=reason))
    request: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES, "tools": TOOLS}
    answer = gpt.chat.completions.create(**request | extra)
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} done"}
        for call in answer.choices[0].message.tool_calls
    ]
    return [*MESSAGES, answer.choices[0].message, *results]


def go_on(gpt: Any, provider: Any, history: list[Any], **extra: Any) -> None:
    provider.enqueue(chat("It is fine."))
    gpt.chat.completions.create(model="gpt-4o-mini", messages=history, **extra)


def test_two_tools_are_one_trace_without_a_span_of_the_users(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    gpt = observe(clients.openai(), "openai")

    go_on(gpt, provider, ask(gpt, provider))

    asked, answered = spans.named("chat")
    tools = spans.named("execute_tool")
    assert [tool.name for tool in tools] == ["execute_tool weather", "execute_tool time"]
    for tool in tools:
        assert tool.context.trace_id == answered.context.trace_id == asked.context.trace_id
        assert tool.parent is not None
        assert tool.parent.span_id == asked.context.span_id
        assert asked.start_time <= tool.start_time <= tool.end_time <= answered.end_time  # type: ignore[operator]
    attributes = dict(tools[0].attributes or {})
    assert attributes["gen_ai.tool.call.id"] == "call_1"
    assert json.loads(str(attributes["gen_ai.tool.call.arguments"])) == {"city": "Paris"}
    assert attributes["gen_ai.tool.call.result"] == '"weather done"'


@pytest.mark.parametrize(("content", "tools"), [(True, TOOLS), (False, TOOLS), (True, None)])
def test_a_forced_tool_whose_finish_reason_is_stop_counts_too(
    content: bool, tools: Any, provider: Any, clients: Clients
) -> None:
    """The request offers tools, or the content that is recorded tells."""
    spans = Spans(content)
    try:
        gpt = observe(clients.openai(), "openai")
        go_on(gpt, provider, ask(gpt, provider, reason="stop", tools=tools))
    finally:
        pulse_otel.shutdown(0)

    assert len(spans.named("execute_tool")) == 2


def test_tools_asked_for_in_another_trace_are_recorded_there(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    """A person approved them, say, and their results come in a later request of the server's."""
    gpt = observe(clients.openai(), "openai")

    with spans.tracer.start_as_current_span("request 1"):
        history = ask(gpt, provider)
    with spans.tracer.start_as_current_span("request 2"):
        go_on(gpt, provider, history)

    asked, answered = spans.named("chat")
    assert asked.context.trace_id != answered.context.trace_id
    for tool in spans.named("execute_tool"):
        assert tool.context.trace_id == asked.context.trace_id


def test_ids_that_two_conversations_share_join_neither(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    """Some servers number their tool calls from 0 in each conversation."""
    gpt = observe(clients.openai(), "openai")
    numbered = ToolCall("weather", {"city": "Paris"}, "functions.weather:0")

    for history in [ask(gpt, provider, numbered), ask(gpt, provider, numbered)]:
        history[len(MESSAGES)] = history[len(MESSAGES)].model_dump()
        go_on(gpt, provider, json.loads(json.dumps(history)))  # from a database

    assert spans.named("execute_tool") == []
    assert len({span.context.trace_id for span in spans.named("chat")}) == 4


def test_a_processor_that_fails_does_not_split_the_trace(
    provider: Any, clients: Clients, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpt = observe(clients.openai(), "openai")
    history = ask(gpt, provider)

    class Failing(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            if span.name.startswith("execute_tool"):
                raise ZeroDivisionError

    monkeypatch.setenv("PULSE_STRICT", "0")
    spans.provider.add_span_processor(Failing())
    go_on(gpt, provider, history)

    assert len(spans.named("execute_tool")) == 2
    assert len({span.context.trace_id for span in spans.named("chat")}) == 1


def test_a_span_of_the_users_is_the_parent_of_all(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    gpt = observe(clients.openai(), "openai")

    with spans.tracer.start_as_current_span("turn") as turn:
        go_on(gpt, provider, ask(gpt, provider))

    inside = spans.named("chat") + spans.named("execute_tool")
    assert len(inside) == 4
    parents = {span.parent.span_id for span in inside if span.parent}
    assert parents == {turn.get_span_context().span_id}


def test_a_span_around_the_request_that_brings_the_results_has_no_tools_within(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    """It may be another instrumentation's, of that very request."""
    gpt = observe(clients.openai(), "openai")

    with spans.tracer.start_as_current_span("turn") as turn:
        history = ask(gpt, provider)
        with spans.tracer.start_as_current_span("request"):
            go_on(gpt, provider, history)

    parents = {span.parent.span_id for span in spans.named("execute_tool") if span.parent}
    assert parents == {turn.get_span_context().span_id}


def test_sessions_are_never_joined(provider: Any, clients: Clients, spans: Spans) -> None:
    gpt = observe(clients.openai(), "openai")

    history = ask(gpt, provider, pulse_session_id="a")
    go_on(gpt, provider, history, pulse_session_id="b")

    first, second = spans.named("chat")
    assert first.context.trace_id != second.context.trace_id
    assert spans.named("execute_tool") == []


@pytest.mark.parametrize("whole", [True, False])
def test_a_tool_that_the_users_span_records_is_recorded_by_us_for_its_result(
    whole: bool, provider: Any, clients: Clients, spans: Spans
) -> None:
    """Where the user's span tells the result, there is nothing to add."""
    gpt = observe(clients.openai(), "openai")

    history = ask(gpt, provider)
    with spans.tracer.start_as_current_span("my tool") as span:
        span.set_attribute("gen_ai.tool.call.id", "call_1")
        if whole:
            span.set_attribute("gen_ai.tool.call.result", "sunny")
    go_on(gpt, provider, history)

    names = [span.name.removeprefix("execute_tool ") for span in spans.named("execute_tool")]
    assert names == (["time"] if whole else ["weather", "time"])
    first, second = spans.named("chat")
    assert first.context.trace_id == second.context.trace_id


def test_results_that_come_again_are_joined_and_not_recorded_again(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    gpt = observe(clients.openai(), "openai")

    history = ask(gpt, provider)
    go_on(gpt, provider, history)
    go_on(gpt, provider, history)

    assert len(spans.named("execute_tool")) == 2
    assert len({span.context.trace_id for span in spans.named("chat")}) == 1


def test_the_turn_after_the_results_is_a_trace_of_its_own(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    gpt = observe(clients.openai(), "openai")

    history = ask(gpt, provider)
    go_on(gpt, provider, history)
    next_turn = [{"role": "assistant", "content": "It is fine."}, *MESSAGES]
    go_on(gpt, provider, [*history, *next_turn])

    assert len({span.context.trace_id for span in spans.named("chat")}) == 2


def test_a_failed_tool_of_anthropic_is_an_error(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    claude = observe(clients.anthropic(), "anthropic")
    tool_use: Any = [{"name": "weather", "input_schema": {"type": "object"}}]
    request: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 50, "tools": tool_use}
    provider.enqueue(message(text=None, tool_calls=TWO_CALLS[:1]))
    answer = claude.messages.create(**request, messages=MESSAGES)
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "boom", "is_error": True}
    turns = [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [result]},
    ]

    claude.messages.create(**request, messages=[*MESSAGES, *turns])

    (tool,) = spans.named("execute_tool")
    assert tool.status.status_code is StatusCode.ERROR
    first, second = spans.named("chat")
    assert first.context.trace_id == second.context.trace_id


def test_without_content_the_tool_is_there_and_its_words_are_not(
    provider: Any, clients: Clients
) -> None:
    spans = Spans(content=False)
    try:
        gpt = observe(clients.openai(), "openai")
        go_on(gpt, provider, ask(gpt, provider))
    finally:
        pulse_otel.shutdown(0)

    assert len(spans.named("execute_tool")) == 2
    for span in spans.memory.get_finished_spans():
        assert "Paris" not in str(dict(span.attributes or {}))
        assert "done" not in str(dict(span.attributes or {}))


def test_the_memory_is_bounded() -> None:
    tools, caller = ToolCalls(), (1, None, None)
    first, last = "call_" + "a1b2" * 6, "call_" + "z9y8" * 6

    def asks(call_id: str) -> None:
        span = SpanContext(1, 1, is_remote=False)
        tools.add(Asker(caller, span), [{"id": call_id, "name": "n", "arguments": {}}], True)

    def known(call_id: str) -> bool:
        return tools.find(caller, Result({"id": call_id}, None), Results(), 0) is not None

    asks(first)
    assert known(first)
    for number in range(LIMIT):
        asks(f"call_{number:024}a1")
    asks(last)

    assert known(last)
    assert not known(first)


def test_what_is_too_old_is_forgotten_by_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    tools, asker = ToolCalls(), Asker((1, None, None), SpanContext(1, 1, is_remote=False))
    tools.add(asker, [{"id": "call_" + "a1b2" * 6, "name": "n", "arguments": {"text": "x"}}], True)
    assert tools.waiting
    later = time.monotonic() + WAIT_S + 1
    monkeypatch.setattr("pulse_otel.instrumentation.tools.time.monotonic", lambda: later)

    assert not tools.waiting
    assert not tools._calls


KIMI = ToolCall("get_weather", {}, "functions.get_weather:0")


def test_two_users_whose_server_numbers_its_calls_keep_their_own_tools(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    """A goes on with its old result in the history while B's tool is still running."""
    gpt = observe(clients.openai(), "openai")

    def begin(text: str) -> list[Any]:
        user = {"role": "user", "content": text}
        provider.enqueue(chat(text=None, tool_calls=[KIMI]))
        answer = gpt.chat.completions.create(model="k2", messages=[user], tools=TOOLS)
        return [user, answer.choices[0].message]

    def result(text: str) -> dict[str, str]:
        return {"role": "tool", "tool_call_id": KIMI.id, "content": text}

    a = [*begin("weather at A's home?"), result("A-SECRET sunny")]
    go_on(gpt, provider, a)
    b = begin("weather for B?")
    thanks = [{"role": "assistant", "content": "fine"}, {"role": "user", "content": "thanks, A"}]
    go_on(gpt, provider, [*a, *thanks])
    go_on(gpt, provider, [*b, result("B rain")])

    of_a, of_b = spans.named("execute_tool")
    assert ["A-SECRET" in str(of_a.attributes), "B rain" in str(of_b.attributes)] == [True, True]
    traces = [span.context.trace_id for span in spans.named("chat")]
    assert traces[0] == traces[1] == of_a.context.trace_id
    assert traces[2] == traces[4] == of_b.context.trace_id
    assert len(set(traces)) == 3


def test_a_result_in_a_response_that_continues_another_one(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    """With `previous_response_id` the request has no message of the assistant."""
    gpt = observe(clients.openai(), "openai")
    request: dict[str, Any] = {
        "model": "gpt-4o-mini",
        "tools": [{"type": "function", **TOOLS[0]["function"]}],
    }
    provider.enqueue(response(tool_calls=[KIMI], text=None))
    first = gpt.responses.create(input="weather?", **request)
    output = {"type": "function_call_output", "call_id": KIMI.id, "output": "rain"}
    provider.enqueue(response("fine"))
    gpt.responses.create(input=[output], previous_response_id=first.id, **request)
    # A server may number its responses too: a text that is equal to the id is not that id.
    for other in ("resp_of_another", json.loads(json.dumps(first.id))):
        provider.enqueue(response("fine"))
        gpt.responses.create(input=[output], previous_response_id=other, **request)

    (tool,) = spans.named("execute_tool")
    traces = [span.context.trace_id for span in spans.named("chat")]
    assert traces[0] == traces[1] == tool.context.trace_id
    assert len(set(traces)) == 3
    assert "rain" in str(tool.attributes)
