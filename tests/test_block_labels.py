"""A block's session is that of every GenAI span in it, whoever makes the span, from the first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import OpenAIInstrumentor, PulseSpanExporter, observe, session
from pulse_otel.context import other_spans
from pulse_otel.export.dialects import read
from pulse_otel.export.records.record import Record
from tests.conftest import KEY, MESSAGES, RunPython

NOWHERE = "http://127.0.0.1:9"
AGENT = {"gen_ai.operation.name": "invoke_agent"}
RUN = "gen_ai.conversation.id"


class Spans:
    """A program's own TracerProvider."""

    def __init__(self) -> None:
        self._memory = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._memory))

    def agent(self, **attributes: str) -> Any:
        tracer = self.provider.get_tracer("a.framework")
        return tracer.start_as_current_span("agent", attributes={**AGENT, **attributes})

    @property
    def records(self) -> list[Record]:
        return [record for s in self._memory.get_finished_spans() if (record := read(s))]

    @property
    def labels(self) -> list[tuple[str | None, str | None]]:
        return [(record.session_id, record.user_id) for record in self.records]


@pytest.fixture
def spans() -> Iterator[Spans]:
    found = Spans()
    yield found
    OpenAIInstrumentor().uninstrument()
    pulse_otel.shutdown(0)


def init_pulse(spans: Spans) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": NOWHERE, "tracer_provider": spans.provider})


def instrument(spans: Spans) -> None:
    OpenAIInstrumentor().instrument(tracer_provider=spans.provider)


@pytest.mark.parametrize("record", [init_pulse, instrument])
def test_the_first_span_of_a_program_has_the_session(
    record: Callable[[Spans], None], spans: Spans
) -> None:
    record(spans)
    with session("s1", user_id="u1"), spans.agent():
        pass
    with spans.agent():
        pass

    assert spans.labels == [("s1", "u1"), (None, None)]


def test_a_framework_that_numbers_its_runs_is_overruled_by_the_block(
    openai_client: Any, spans: Spans
) -> None:
    """Whether it names the run as its span starts or later on."""
    init_pulse(spans)
    observe(openai_client, "openai")
    with session("s1", user_id="u1"):
        with spans.agent(**{RUN: "run-1"}):
            openai_client.chat.completions.create(model="m", messages=MESSAGES)
        with spans.agent() as late:
            late.set_attributes({RUN: "run-2", "session.id": "run-2", "user.id": "nobody"})

    assert spans.labels == [("s1", "u1")] * 3


def test_without_a_block_a_call_is_in_the_run_around_it(openai_client: Any, spans: Spans) -> None:
    init_pulse(spans)
    observe(openai_client, "openai")
    with spans.agent(**{RUN: "run-1"}):
        openai_client.chat.completions.create(model="m", messages=MESSAGES)
        openai_client.chat.completions.create(model="m", messages=MESSAGES, pulse_session_id="own")
    openai_client.chat.completions.create(model="m", messages=MESSAGES)

    assert [label for label, _ in spans.labels] == ["run-1", "own", "run-1", None]


def test_a_provider_is_observed_once(openai_client: Any, spans: Spans) -> None:
    """By all who record, in many threads at once."""
    before = len(_processors(spans.provider))
    ready = threading.Barrier(8)

    def start() -> None:
        ready.wait()
        other_spans.label(spans.provider)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_processors(spans.provider)) == before + 1
    init_pulse(spans)
    instrument(spans)
    added = len(_processors(spans.provider))
    init_pulse(spans)
    observe(openai_client, "openai").chat.completions.create(model="m", messages=MESSAGES)

    assert len(_processors(spans.provider)) == added
    kinds = [type(processor) for processor in _processors(spans.provider)]
    assert len(kinds) == len(set(kinds))


def _processors(provider: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = provider._active_span_processor._span_processors
    return found


PROGRAM = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import pulse_otel

memory = InMemorySpanExporter()

def set_up(*exporters):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

def agent():
    with pulse_otel.session("s1"):
        tracer = trace.get_tracer("a.framework")
        tracer.start_span("agent", attributes={"gen_ai.operation.name": "invoke_agent"}).end()
    print([span.attributes.get("session.id") for span in memory.get_finished_spans()])
"""
WAYS = {
    "the exporter alone": "set_up(pulse_otel.PulseSpanExporter()); agent()",
    "a provider that is set later": (
        "pulse_otel.OpenAIInstrumentor().instrument(); set_up(); agent()"
    ),
    "init_pulse before": "pulse_otel.init_pulse(); set_up(); agent()",
    "init_pulse behind": "set_up(); pulse_otel.init_pulse(); agent()",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_global_provider_is_found_whenever_it_is_set(way: str, run_python: RunPython) -> None:
    assert "['s1']" in run_python(PROGRAM + way, PULSE_API_KEY=KEY, PULSE_API_URL=NOWHERE).stdout


FIRST_CALL = """
import openai
pulse_otel.init_pulse()
client = pulse_otel.observe(openai.OpenAI(api_key="sk-x", base_url="{nowhere}", max_retries=0))

def run(before, inside):
    with before(), pulse_otel.session("s1"), inside():
        try:
            client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "?"}}])
        except openai.APIConnectionError:
            pass
    found = memory.get_finished_spans()
    print([(span.name.split()[0], span.attributes.get("session.id")) for span in found])

import contextlib

@contextlib.contextmanager
def agent_of_a_new_provider():
    set_up()
    with trace.get_tracer("a.framework").start_as_current_span("agent"):
        yield
"""


@pytest.mark.parametrize(
    ("before", "inside", "label"),
    [
        ("contextlib.nullcontext", "agent_of_a_new_provider", "s1"),
        ("agent_of_a_new_provider", "contextlib.nullcontext", None),
    ],
)
def test_a_span_whose_provider_is_set_in_the_block_has_its_session_from_the_first_call_in_it(
    before: str, inside: str, label: str | None, run_python: RunPython
) -> None:
    """As with Langfuse's decorators; one that began before the block is left as it is."""
    program = PROGRAM + FIRST_CALL.format(nowhere=NOWHERE) + f"run({before}, {inside})"
    said = run_python(program, PULSE_API_KEY=KEY, PULSE_API_URL=NOWHERE).stdout

    assert f"[('chat', 's1'), ('agent', {label!r})]" in said


def test_spans_are_left_as_they_are_where_nobody_records(run_python: RunPython) -> None:
    off = "set_up(pulse_otel.PulseSpanExporter(enabled=False)); agent()"
    assert "[None]" in run_python(PROGRAM + off, PULSE_API_KEY=KEY, PULSE_API_URL=NOWHERE).stdout


def test_a_block_labels_a_library_whose_provider_takes_no_processor() -> None:
    """Nothing is done to it, and nothing raised."""
    PulseSpanExporter(KEY, NOWHERE).shutdown()
    other_spans.label(object())
