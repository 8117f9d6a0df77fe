"""`pulse_otel.paused`: nothing that begins in the block is recorded, everything else is."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.instrumentation.utils import is_instrumentation_enabled, suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import observe, paused, session
from tests.conftest import KEY, MESSAGES, Service

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}
CLAUDE: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": MESSAGES}


@pytest.fixture
def gpt(openai_client: Any, spans: Any) -> Any:
    return observe(openai_client)


def _sessions(spans: InMemorySpanExporter) -> list[Any]:
    return [(span.attributes or {}).get("session.id") for span in spans.get_finished_spans()]


def test_calls_in_the_block_are_made_and_not_recorded(
    gpt: Any, anthropic_client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    observe(anthropic_client)
    with paused():
        assert gpt.chat.completions.create(**GPT, pulse_session_id="inside").id
        assert anthropic_client.messages.create(**CLAUDE).id
        with session("inside"):
            gpt.chat.completions.with_raw_response.create(**GPT)
    with session("after"):
        gpt.chat.completions.create(**GPT)

    assert _sessions(spans) == ["after"]
    assert len(provider.requests) == 4
    assert not [sent for sent in provider.requests if b"pulse_" in sent.body]


def test_a_stream_is_recorded_where_it_was_requested(gpt: Any, spans: InMemorySpanExporter) -> None:
    before = gpt.chat.completions.create(**GPT, stream=True, pulse_session_id="before")
    with paused():
        inside = gpt.chat.completions.create(**GPT, stream=True, pulse_session_id="inside")
        assert list(before)
        manager = gpt.chat.completions.create(**GPT, stream=True)
    assert list(inside)
    with manager as stream:
        assert list(stream)

    assert _sessions(spans) == ["before"]


def test_decorated_functions_and_async_blocks_record_nothing(
    provider: Any, spans: InMemorySpanExporter
) -> None:
    async def main() -> None:
        settings: dict[str, Any] = {"api_key": "k", "max_retries": 0}
        async with openai.AsyncOpenAI(base_url=provider.openai_url, **settings) as client:
            create = observe(client).chat.completions.create

            @paused()
            async def decorated() -> None:
                await create(**GPT)

            await decorated()
            async with paused():
                await asyncio.gather(create(**GPT), asyncio.create_task(create(**GPT)))
            await create(**GPT, pulse_session_id="after")

    asyncio.run(main())

    assert _sessions(spans) == ["after"]
    assert len(provider.requests) == 4


def test_a_decorated_plain_function_keeps_its_result(gpt: Any, spans: InMemorySpanExporter) -> None:
    @paused()
    def ask() -> str:
        answer: str = gpt.chat.completions.create(**GPT).id
        return answer

    assert ask()
    assert spans.get_finished_spans() == ()
    assert ask.__name__ == "ask"
    with pytest.raises(TypeError, match="paused: decorate a class's methods"):
        paused()(dict)
    with pytest.raises(TypeError):
        paused(ask)  # type: ignore[call-arg]


def test_blocks_nest_and_an_error_ends_one(gpt: Any, spans: InMemorySpanExporter) -> None:
    block = paused()
    with block, block:
        gpt.chat.completions.create(**GPT)
    with pytest.raises(ZeroDivisionError), paused():
        raise ZeroDivisionError
    gpt.chat.completions.create(**GPT)

    assert len(spans.get_finished_spans()) == 1


def test_a_thread_is_paused_if_it_is_handed_the_context(
    gpt: Any, spans: InMemorySpanExporter
) -> None:
    def call(name: str) -> None:
        gpt.chat.completions.create(**GPT, pulse_session_id=name)

    def attached(context: Any) -> None:
        otel_context.attach(context)
        call("OpenTelemetry's context")

    with paused():
        copied, current = contextvars.copy_context(), otel_context.get_current()
        threads = [
            threading.Thread(target=copied.run, args=(call, "copied context")),
            threading.Thread(target=attached, args=(current,)),
            threading.Thread(target=call, args=("bare",)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert _sessions(spans) == ["bare"]


def test_a_tool_asked_for_in_the_block_is_not_recorded_afterwards(
    gpt: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    with paused():
        answer = gpt.chat.completions.create(**GPT, tools=[tool]).choices[0].message
    result = {"role": "tool", "tool_call_id": answer.tool_calls[0].id, "content": "18 C"}

    gpt.chat.completions.create(
        model="gpt-4o-mini", messages=[*MESSAGES, answer, result], tools=[tool]
    )

    assert [span.name for span in spans.get_finished_spans()] == ["chat gpt-4o-mini"]


@pytest.fixture
def global_provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[TracerProvider]:
    """A user's own pipeline, for as long as the test."""
    made = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", made)
    yield made
    made.shutdown()


@pytest.mark.parametrize("way", ["init_pulse", "an exporter"])
def test_spans_of_others_that_begin_in_the_block_do_not_go_to_pulse(
    way: str, service: Service, global_provider: TracerProvider
) -> None:
    memory = InMemorySpanExporter()
    global_provider.add_span_processor(SimpleSpanProcessor(memory))
    if way == "init_pulse":
        pulse_otel.init_pulse(api_key=KEY, api_url=service.url)
    else:
        exporter = pulse_otel.PulseSpanExporter(KEY, service.url)
        global_provider.add_span_processor(SimpleSpanProcessor(exporter))
    theirs = trace.get_tracer("openinference.instrumentation.langchain")

    def chat(name: str) -> Any:
        attributes = {"openinference.span.kind": "LLM", "input.value": name, "output.value": "x"}
        attributes |= {"session.id": name, "llm.model_name": "m", "llm.token_count.prompt": 3}
        return theirs.start_span(name, attributes=attributes)

    before = chat("before")
    with paused():
        assert is_instrumentation_enabled()
        inside = chat("inside")
        chat("whole").end()
        before.end()
    inside.end()
    chat("after").end()

    assert pulse_otel.flush_buffer(10)
    assert {trace["sessionId"] for trace in service.traces(2)} == {"before", "after"}
    marked = {
        span.name for span in memory.get_finished_spans() if "pulse.paused" in span.attributes or ()
    }
    assert len(memory.get_finished_spans()) == 4
    assert marked == {"inside", "whole"}
    pulse_otel.shutdown()


def test_opentelemetrys_own_key_pauses_calls_as_well(gpt: Any, spans: InMemorySpanExporter) -> None:
    with suppress_instrumentation():
        gpt.chat.completions.create(**GPT)

    assert spans.get_finished_spans() == ()
