"""A run is one tree at the service: real clients, the SDK's provider, the development service."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from opentelemetry import trace
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import INVALID_SPAN, Tracer, format_span_id, set_span_in_context

import pulse_otel
from pulse_otel import PulseSpanExporter, observe
from pulse_otel.local.provider.replies import ToolCall, chat
from tests.conftest import KEY, MESSAGES, Clients, Service

MODEL = "gpt-4o-mini"
LLM = {
    "openinference.span.kind": "LLM",
    "llm.model_name": MODEL,
    "llm.input_messages.0.message.role": MESSAGES[0]["role"],
    "llm.input_messages.0.message.content": MESSAGES[0]["content"],
}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather"}


class Run:
    """A program whose spans go to the service: its own, a framework's, and those of another."""

    def __init__(self, service: Service, provider: TracerProvider) -> None:
        self._service = service
        self.app = provider.get_tracer("app")
        self.framework = provider.get_tracer("framework")
        self.other = provider.get_tracer("openinference.instrumentation.openai")

    def tree(self, spans: int) -> list[str]:
        """A line for each span that is stored, below its parent: its kind and name."""
        assert pulse_otel.flush_buffer(20)
        stored = self.stored(spans)
        ids = {span["spanId"] for span in stored}
        assert {span.get("parentSpanId") for span in stored} <= {None, *ids}, "an orphan"
        return _lines(stored, None, "")

    def stored(self, spans: int) -> list[dict[str, Any]]:
        """The spans of the one trace, once there are so many: they are stored after the answer."""
        deadline = time.monotonic() + 15
        while True:
            (listed,) = self._service.traces(1)
            answer = requests.get(
                f"{self._service.url}/v1/traces/{listed['traceId']}",
                headers={"Authorization": f"Bearer {KEY}"},
                timeout=10,
            ).json()
            if len(answer["spans"]) >= spans or time.monotonic() > deadline:
                assert len(answer["spans"]) == spans
                found: list[dict[str, Any]] = answer["spans"]
                return found
            time.sleep(0.05)


def _lines(stored: list[dict[str, Any]], parent: str | None, indent: str) -> list[str]:
    """The spans below `parent`. Siblings by kind: two may have started in one millisecond."""
    below = [
        [indent + str(span["kind"]), *_lines(stored, span["spanId"], indent + "  ")]
        for span in stored
        if span.get("parentSpanId") == parent
    ]
    return [line for lines in sorted(below) for line in lines]


def call(gpt: Any, provider: Any) -> None:
    provider.enqueue(chat("It is fine."))
    gpt.chat.completions.create(model=MODEL, messages=MESSAGES)


def start(tracer: Tracer, name: str, attributes: dict[str, Any], parent: Span | None = None) -> Any:
    context = set_span_in_context(parent or INVALID_SPAN)
    return tracer.start_span(name, context, attributes=attributes)


@pytest.fixture
def run(service: Service) -> Iterator[Run]:
    provider = TracerProvider(shutdown_on_exit=False)
    pulse_otel.init_pulse(api_key=KEY, api_url=service.url, tracer_provider=provider)
    yield Run(service, provider)
    pulse_otel.shutdown()


@pytest.fixture
def gpt(clients: Clients) -> Any:
    return observe(clients.openai(), "openai")


def test_spans_of_a_framework_in_between_and_of_a_server_around_leave_no_gap(
    run: Run, gpt: Any, provider: Any
) -> None:
    """As a framework's loop between its agent and its calls; nobody knows when it will end."""
    with (
        run.app.start_as_current_span("GET /chat"),
        run.framework.start_as_current_span("invoke_agent", attributes=AGENT),
        run.framework.start_as_current_span("loop"),
    ):
        call(gpt, provider)
        with run.framework.start_as_current_span("execute_tool", attributes=TOOL):
            assert pulse_otel.flush_buffer(20)
        call(gpt, provider)

    assert run.tree(4) == ["agent_run", "  llm_call", "  llm_call", "  tool_use"]


def test_what_ends_below_an_open_span_that_says_what_it_is_at_its_end_hangs_there(
    run: Run, gpt: Any, provider: Any
) -> None:
    """As with LlamaIndex and OpenInference, which set a span's attributes when it ends."""
    chain = {"openinference.span.kind": "CHAIN", "input.value": "Hi?", "output.value": "Fine."}
    agent = start(run.other, "FunctionAgent.run", {})
    step = start(run.other, "run_agent_step", {}, agent)
    with trace.use_span(step):
        call(gpt, provider)
    plumbing = start(run.other, "RunnableSequence", {}, agent)
    start(run.framework, "execute_tool", TOOL, plumbing).end()
    assert pulse_otel.flush_buffer(20)
    for span in (step, plumbing, agent):
        span.set_attributes(chain)
        span.end()

    assert run.tree(4) == ["agent_run", "  agent_run", "    llm_call", "  tool_use"]


def test_what_ends_below_an_open_span_that_turns_out_to_be_none_hangs_above_it(run: Run) -> None:
    agent = start(run.framework, "invoke_agent", AGENT)
    guard = start(run.other, "guard", {}, agent)
    early, late = (start(run.framework, "execute_tool", TOOL, guard) for _ in range(2))
    early.end()
    assert pulse_otel.flush_buffer(20)
    guard.set_attribute("openinference.span.kind", "GUARDRAIL")
    guard.end()
    assert pulse_otel.flush_buffer(20)
    late.end()
    agent.end()
    assert pulse_otel.flush_buffer(20)

    found = {span["spanId"]: span for span in run.stored(3)}
    hangs_on = found[format_span_id(late.get_span_context().span_id)]["parentSpanId"]
    assert found[hangs_on]["kind"] == "agent_run"


def test_tools_hang_below_the_agent_where_each_call_is_seen_twice(
    run: Run, gpt: Any, provider: Any
) -> None:
    """As with openai-agents and OpenInference: its span is current while the request is made."""
    asked = ToolCall("weather", {"city": "Paris"}, "call_1")
    with run.framework.start_as_current_span("invoke_agent", attributes=AGENT):
        with run.other.start_as_current_span("response", attributes=LLM):
            provider.enqueue(chat(text=None, tool_calls=(asked,)))
            answer = gpt.chat.completions.create(model=MODEL, messages=MESSAGES)
        result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
        history = [*MESSAGES, answer.choices[0].message, result]
        with run.other.start_as_current_span("response", attributes=LLM):
            provider.enqueue(chat("It is fine."))
            gpt.chat.completions.create(model=MODEL, messages=history)

    assert run.tree(4) == ["agent_run", "  llm_call", "  llm_call", "  tool_use"]


def test_what_was_sent_below_a_span_of_the_same_call_stays_below_that_call(
    run: Run, gpt: Any, provider: Any
) -> None:
    """As with pydantic-ai's streams: the tool ends, and is sent, before both spans of the call."""
    with (
        run.framework.start_as_current_span("invoke_agent", attributes=AGENT),
        run.other.start_as_current_span("response", attributes=LLM),
    ):
        with run.framework.start_as_current_span("execute_tool", attributes=TOOL):
            pass
        assert pulse_otel.flush_buffer(20)
        call(gpt, provider)

    assert run.tree(3) == ["agent_run", "  llm_call", "    tool_use"]


def test_a_call_that_was_sent_before_the_span_around_it_ended_keeps_its_place(
    run: Run, gpt: Any, provider: Any
) -> None:
    """As with dspy.Parallel: the outer span comes late, and repeats the call."""
    with run.framework.start_as_current_span("invoke_agent", attributes=AGENT):
        for _ in range(2):
            with run.other.start_as_current_span("response", attributes=LLM):
                call(gpt, provider)
                assert pulse_otel.flush_buffer(20)

    assert run.tree(3) == ["agent_run", "  llm_call", "  llm_call"]


def test_two_calls_inside_of_a_span_of_one_stand_beside_each_other(
    run: Run, gpt: Any, provider: Any
) -> None:
    """A framework that tries again: each request is a call."""
    with (
        run.framework.start_as_current_span("invoke_agent", attributes=AGENT),
        run.other.start_as_current_span("response", attributes=LLM),
    ):
        for _ in range(2):
            call(gpt, provider)
            assert pulse_otel.flush_buffer(20)

    assert run.tree(3) == ["agent_run", "  llm_call", "  llm_call"]


def test_a_call_past_a_plain_span_and_in_a_thread_of_its_own_is_one_with_the_span_around(
    run: Run, gpt: Any, provider: Any
) -> None:
    """A request in a copied context, inside of a program's own span: nothing links the two."""
    said = {**LLM, "llm.token_count.prompt": 120, "llm.token_count.completion": 45}
    with (
        run.framework.start_as_current_span("invoke_agent", attributes=AGENT),
        run.other.start_as_current_span("response", attributes=said),
        run.app.start_as_current_span("attempt"),
    ):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(call, gpt, provider))
        thread.start()
        thread.join()

    assert run.tree(2) == ["agent_run", "  llm_call"]


def test_an_open_span_that_turns_out_to_be_another_call_is_not_lost(
    run: Run, gpt: Any, provider: Any
) -> None:
    """Its id went to the call inside of it, as a tool that was sent names it."""
    with (
        run.framework.start_as_current_span("invoke_agent", attributes=AGENT),
        run.other.start_as_current_span("response", attributes=LLM) as outer,
    ):
        with run.framework.start_as_current_span("execute_tool", attributes=TOOL):
            pass
        assert pulse_otel.flush_buffer(20)
        call(gpt, provider)
        assert pulse_otel.flush_buffer(20)
        outer.set_attributes({"llm.model_name": "claude-x", "llm.token_count.prompt": 7})

    assert run.tree(4) == ["agent_run", "  llm_call", "  llm_call", "    tool_use"]


def test_an_exporter_alone_keeps_the_place_of_a_late_span(service: Service) -> None:
    """No start was seen, and what was sent names the late span: a run stands in its place."""
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = PulseSpanExporter(KEY, service.url)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    run = Run(service, provider)
    anthropic = provider.get_tracer("com.anthropic.sdk")
    chat_span = {"gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL}
    agent = start(run.framework, "invoke_agent", AGENT)
    loop = start(run.framework, "loop", {}, agent)
    outer = start(run.other, "response", LLM, loop)
    start(anthropic, "chat", chat_span, outer).end()
    assert exporter.force_flush()
    for span in (outer, loop, agent):
        span.end()

    assert run.tree(3) == ["agent_run", "  agent_run", "    llm_call"]
    provider.shutdown()


def test_an_exporter_alone_notes_the_spans_of_the_global_provider(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first batch on: later, it knows what is around a call when it sends that."""
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    exporter = PulseSpanExporter(KEY, service.url)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    run = Run(service, provider)
    start(run.app, "GET /", {}).end()
    assert exporter.force_flush()

    with (
        run.framework.start_as_current_span("invoke_agent", attributes=AGENT),
        run.framework.start_as_current_span("loop"),
    ):
        start(run.framework, "execute_tool", TOOL, trace.get_current_span()).end()
        assert exporter.force_flush()

    assert run.tree(2) == ["agent_run", "  tool_use"]
    provider.shutdown()
