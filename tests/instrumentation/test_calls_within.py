"""Spans of others that are not current while our call is made: they are told of it at their end."""

from __future__ import annotations

import contextvars
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import OpenAIInstrumentor
from pulse_otel.export.dialects import read
from pulse_otel.export.records.duplicates.deduplicator import CallDeduplicator
from pulse_otel.export.records.record import Record
from tests.conftest import MESSAGES

GENERATION = {"langfuse.observation.type": "generation"}


class Program:
    """A client that we instrument, and a framework beside it, at one provider."""

    def __init__(self, client: Any) -> None:
        self._memory = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._memory))
        self._client = client
        self._langfuse = self.provider.get_tracer("langfuse-sdk")

    def call(self, **more: Any) -> Any:
        return self._client.chat.completions.create(model="m", messages=MESSAGES, **more)

    def generation(self, **more: Any) -> trace.Span:
        return self._langfuse.start_span("OpenAI-generation", attributes=GENERATION, **more)

    @property
    def records(self) -> list[Record]:
        return [r for span in self._memory.get_finished_spans() if (r := read(span))]

    @property
    def sent(self) -> list[Record]:
        deduplicator = CallDeduplicator(5.0, age_s=lambda record: 0.0)
        out = [one for record in self.records for one in deduplicator.add(record)]
        return [*out, *deduplicator.flush()]


@pytest.fixture
def program(openai_client: Any) -> Any:
    made = Program(openai_client)
    instrumentor = OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=made.provider, capture_content=True)
    yield made
    instrumentor.uninstrument()


@pytest.mark.parametrize("stream", [False, True])
def test_a_span_without_an_id_that_is_open_during_a_call_is_that_call(
    program: Program, stream: bool
) -> None:
    """Already the first of the process, and though each is the root of a trace."""
    for _ in range(2):
        span = program.generation()
        answer = program.call(stream=stream)
        if stream:
            list(answer)
        span.end()

    assert len(program.records) == 4
    assert len(program.sent) == 2
    assert {record.scope for record in program.sent} == {"pulse_otel.openai"}


def test_in_a_task_that_inherits_the_context_too(program: Program) -> None:
    span = program.generation()
    program.call()
    contextvars.copy_context().run(span.end)

    assert len(program.sent) == 1


def test_a_span_around_two_calls_is_neither(program: Program) -> None:
    span = program.generation()
    program.call()
    program.call()
    span.end()

    assert [record.scope for record in program.sent] == ["pulse_otel.openai"] * 2


def test_a_span_that_says_something_else_is_another_call(program: Program) -> None:
    span = program.generation()
    program.call()
    span.set_attribute("langfuse.observation.usage_details", '{"input": 999, "output": 999}')
    span.set_attribute("langfuse.observation.output", "another answer")
    span.end()

    assert len(program.sent) == 2


def test_a_call_before_a_span_or_in_another_context_is_not_within_it(program: Program) -> None:
    program.call()
    span = program.generation()
    contextvars.copy_context().run(program.call)
    span.end()

    assert [record.contains for record in program.records] == [(), (), ()]
