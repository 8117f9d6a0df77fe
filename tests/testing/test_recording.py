"""What the fixture records, and that nothing else notices it: real clients, a scripted provider."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import pipeline
from pulse_otel.instrumentation.recorder import recorders
from pulse_otel.local.provider.replies import (
    ToolCall,
    chat,
    chat_stream,
    message,
    message_stream,
    openai_error,
)
from pulse_otel.testing import PulseTraces, call, containing, run, tool
from pulse_otel.testing.recording import recording
from tests.conftest import KEY, MESSAGES, Service
from tests.faults import FaultServer
from tests.provider.response_replies import response

OPENAI = {"model": "gpt-4o-mini", "messages": MESSAGES}
CLAUDE = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": MESSAGES}
PARIS = {"city": "Paris"}


def test_a_call_has_what_pulse_would_show(
    provider: Any, openai_client: Any, pulse_traces: PulseTraces
) -> None:
    provider.enqueue(chat("It is a tree."))
    with pulse_otel.session("s-1", user_id="u-1", metadata={"feature": "chat"}):
        openai_client.chat.completions.create(**OPENAI)

    made = pulse_traces.only_call
    assert made == call(
        model="gpt-4o-mini",
        response_model=containing("gpt-4o-mini-"),
        provider="openai",
        messages=MESSAGES,
        answer="It is a tree.",
        tools=[],
        input_tokens=120,
        output_tokens=45,
        cost_cents=pytest.approx(0.00402),
        error=None,
        session_id="s-1",
        user_id="u-1",
        metadata={"feature": "chat"},
        request=containing({"model": "gpt-4o-mini"}),
    )
    assert made.duration_ms > 0
    assert (pulse_traces.input_tokens, pulse_traces.output_tokens) == (120, 45)
    assert pulse_traces.cost_cents == made.cost_cents


def test_a_stream_is_a_call_once_it_has_ended(
    provider: Any, openai_client: Any, anthropic_client: Any, pulse_traces: PulseTraces
) -> None:
    provider.enqueue(chat_stream("One.", include_usage=True), message_stream("Two."))
    chunks = openai_client.chat.completions.create(stream=True, **OPENAI)
    next(iter(chunks))
    assert (len(pulse_traces), pulse_traces.open) == (0, 1)

    for _ in chunks:
        pass
    with anthropic_client.messages.stream(**CLAUDE) as stream:
        stream.until_done()

    assert pulse_traces == [
        call(answer="One.", output_tokens=45),
        call(answer="Two.", provider="anthropic"),
    ]
    assert pulse_traces.open == 0


@pulse_otel.tool
def get_weather(city: str) -> dict[str, int]:
    return {"celsius": 22 if city == "Paris" else 0}


def test_tools_and_units_stand_in_the_order_in_which_they_began(
    provider: Any, anthropic_client: Any, pulse_traces: PulseTraces
) -> None:
    asked = ToolCall(name="get_weather", arguments=PARIS, id="toolu_1")
    provider.enqueue(message(None, tool_calls=[asked]), message("22 degrees."))

    with pulse_otel.trace("weather") as unit:
        unit.input = "How warm?"
        answer = anthropic_client.messages.create(**CLAUDE)
        get_weather(**answer.content[0].input)
        unit.output = anthropic_client.messages.create(**CLAUDE).content[0].text

    assert pulse_traces == [
        run("weather", input="How warm?", output="22 degrees."),
        call(tools=["get_weather"], tool_calls=[("get_weather", PARIS)]),
        tool("get_weather", input=PARIS, output={"celsius": 22}, call_id="toolu_1"),
        call(answer=containing("22"), tools=[]),
    ]
    assert {entry.parent_span_id for entry in pulse_traces} == {None, pulse_traces.runs[0].span_id}


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_the_tools_that_an_answer_asks_for_are_read_in_each_shape(
    api: str, provider: Any, openai_client: Any, pulse_traces: PulseTraces
) -> None:
    asked = ToolCall(name="get_weather", arguments=PARIS, id="call_1")
    if api == "chat":
        provider.enqueue(chat(None, tool_calls=[asked]))
        openai_client.chat.completions.create(**OPENAI)
    else:
        provider.enqueue(response(None, tool_calls=[asked]))
        openai_client.responses.create(model="gpt-4o-mini", input="How warm?")

    assert pulse_traces.only_call.tool_calls == [("get_weather", PARIS)]


def test_a_failed_call_has_its_error(
    provider: Any, openai_client: Any, pulse_traces: PulseTraces
) -> None:
    provider.enqueue(openai_error(429, "slow down"))
    with pytest.raises(openai.RateLimitError):
        openai_client.chat.completions.create(**OPENAI)

    assert pulse_traces.only_call == call(error=containing("RateLimitError", "slow down"))


def test_each_of_several_tasks_has_its_own_session(
    provider: Any, pulse_traces: PulseTraces
) -> None:
    async def ask(client: Any, name: str) -> None:
        async with pulse_otel.session(name):
            await client.chat.completions.create(**OPENAI)

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url) as client:
            await asyncio.gather(ask(client, "a"), ask(client, "b"))

    asyncio.run(main())

    assert {made.session_id for made in pulse_traces.calls} == {"a", "b"}


def test_what_the_program_sets_up_in_a_test_sends_nothing(
    openai_client: Any, pulse_traces: PulseTraces
) -> None:
    before = pipeline._state.pipeline
    with FaultServer() as service:
        pulse_otel.init_pulse(api_key=KEY, api_url=service.url)
        client = pulse_otel.observe(openai_client)
        client.chat.completions.create(**OPENAI)
        assert pulse_otel.flush_buffer()
        assert pulse_otel.shutdown()
        client.chat.completions.create(**OPENAI)
        pulse_otel.init_pulse(enabled=False)
        client.chat.completions.create(**OPENAI)

        assert pipeline._state.pipeline is before
        assert (len(pulse_traces.calls), service.connections) == (3, 0)


def test_init_pulse_needs_no_key_in_a_test_and_still_refuses_wrong_settings(
    monkeypatch: pytest.MonkeyPatch, pulse_traces: PulseTraces
) -> None:
    monkeypatch.delenv("PULSE_API_KEY", raising=False)
    pulse_otel.init_pulse()
    with pytest.raises(pulse_otel.ConfigError, match="batch_size"):
        pulse_otel.init_pulse(batch_size=0)


def test_the_settings_of_init_pulse_hold_in_a_test(
    provider: Any, openai_client: Any, pulse_traces: PulseTraces
) -> None:
    provider.enqueue(chat("His number is 4711."), chat("Hidden."))
    pulse_otel.init_pulse(
        redact=lambda text: text.replace("4711", "****"),
        prices={"gpt-4o-mini": {"input": 1000, "output": 0}},
    )
    openai_client.chat.completions.create(**OPENAI)
    assert pulse_traces.only_call == call(answer="His number is ****.", cost_cents=12)

    pulse_otel.init_pulse(capture_content=False)
    openai_client.chat.completions.create(**OPENAI)
    assert pulse_traces.calls[1] == call(answer=None, messages=None, input_tokens=120)


def test_a_pipeline_from_before_gets_what_is_made_outside_alone(
    provider: Any, openai_client: Any, pulse: Service
) -> None:
    provider.enqueue(chat("Inside."), chat("Outside."))
    client = pulse_otel.observe(openai_client)
    with recording() as traces:
        client.chat.completions.create(**OPENAI)
        assert pulse_otel.shutdown()
    client.chat.completions.create(**OPENAI)
    assert pulse_otel.flush_buffer()

    assert traces.only_call.answer == "Inside."
    (trace,) = pulse.traces(1)
    assert trace["outputText"] == "Outside."


def test_an_instrumentor_with_a_pipeline_of_its_own_waits_for_the_end(openai_client: Any) -> None:
    memory, own = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    own.add_span_processor(SimpleSpanProcessor(memory))
    instrumentor = pulse_otel.OpenAIInstrumentor()
    try:
        with recording() as traces:
            instrumentor.instrument(tracer_provider=own)
            openai_client.chat.completions.create(**OPENAI)
            assert (len(traces.calls), len(memory.get_finished_spans())) == (1, 0)
        openai_client.chat.completions.create(**OPENAI)
        assert (len(traces.calls), len(memory.get_finished_spans())) == (1, 1)
    finally:
        instrumentor.uninstrument()


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_SAMPLER", "always_off")]
)
def test_it_records_whatever_the_environment_says_of_other_tracing(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, openai_client: Any
) -> None:
    monkeypatch.setenv(name, value)
    with recording() as traces:
        openai_client.chat.completions.create(**OPENAI)

    assert len(traces.calls) == 1


def test_it_starts_no_thread() -> None:
    before = set(threading.enumerate())
    with recording() as traces, pulse_otel.trace("nightly report"):
        get_weather("Paris")
    assert traces == [run("nightly report"), tool("get_weather")]

    assert set(threading.enumerate()) <= before


def test_what_is_paused_is_not_recorded(openai_client: Any, pulse_traces: PulseTraces) -> None:
    with pulse_otel.paused():
        openai_client.chat.completions.create(**OPENAI)

    assert pulse_traces == []


def test_a_recorder_from_before_is_back_even_if_the_test_fails() -> None:
    before = recorders.observed
    with pytest.raises(ZeroDivisionError), recording():
        assert recorders.observed is not before
        _ = 1 / 0

    assert recorders.observed is before
