"""Where nothing is set up, or something of ours fails, a unit of work changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import pulse_otel
from pulse_otel import OpenAIInstrumentor, observe, tool, trace
from pulse_otel.guard import internal_errors
from pulse_otel.units import starting, unit
from tests.conftest import KEY, MESSAGES, RunPython
from tests.units.reading import io

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}


def _every_form() -> list[Any]:
    """Use each form once, and return what came of it."""

    @trace
    def function(value: Any) -> Any:
        return value

    @tool
    async def coroutine(value: Any) -> Any:
        return value

    @trace
    def generator(value: Any) -> Any:
        got = yield value
        return got

    @trace
    async def async_generator(value: Any) -> Any:
        yield value

    async def asynchronous() -> list[Any]:
        async with trace("async block"):
            return [await coroutine(3), *[item async for item in async_generator(4)]]

    with trace("block") as current, tool("tool", call_id="call_1") as inner:
        current.input = inner.input = 0
        current.output = inner.output = 1
        made = generator(2)
        found = [function(1), next(made)]
        with pytest.raises(StopIteration, match="sent"):
            made.send("sent")
    assert (current.output, inner.output) == (1, 1)
    return [*found, *asyncio.run(asynchronous())]


def test_without_a_pipeline_every_form_does_what_the_bare_one_does() -> None:
    before = otel_context.get_current()

    assert _every_form() == [1, 2, 3, 4]

    assert otel_context.get_current() is before
    assert not otel.get_current_span().get_span_context().is_valid


def test_after_shutdown_nothing_is_recorded(spans: Any) -> None:
    pulse_otel.shutdown(0)

    assert _every_form() == [1, 2, 3, 4]
    assert spans.get_finished_spans() == ()


def test_where_instrumentation_is_suppressed_nothing_is_recorded(spans: Any) -> None:
    with suppress_instrumentation():
        assert _every_form() == [1, 2, 3, 4]
    assert spans.get_finished_spans() == ()

    assert _every_form() == [1, 2, 3, 4]
    assert len(spans.get_finished_spans()) == 7


@pytest.mark.usefixtures("not_strict")
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (starting, "_recorder"),
        (starting, "watch"),
        (starting, "current_session"),
        (unit.Unit, "enter"),
        (unit.Unit, "leave"),
        (unit.Unit, "end"),
        (unit.Unit, "_write"),
    ],
)
def test_an_error_of_ours_is_counted_and_changes_nothing(
    owner: Any, name: str, spans: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("planted")

    before = internal_errors()
    context = otel_context.get_current()
    monkeypatch.setattr(owner, name, broken)
    try:
        assert _every_form() == [1, 2, 3, 4]
    finally:
        otel_context.attach(context)
    assert internal_errors() > before


def test_a_unit_that_is_not_sampled_takes_its_calls_with_it(openai_client: Any) -> None:
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    pulse_otel.init_pulse(
        {"api_key": KEY, "api_url": "http://127.0.0.1:9", "tracer_provider": provider}
    )
    with trace("work"):
        observe(openai_client, "openai").chat.completions.create(**GPT)
    stats = pulse_otel.stats()
    pulse_otel.shutdown(0)

    assert (stats.ended, stats.not_sampled) == (2, 2)


FOREIGN = """
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pulse_otel import trace
memory = InMemorySpanExporter()
with trace("too early"):
    pass
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
otel.set_tracer_provider(provider)
with trace("work") as unit:
    unit.input = "question"
(span,) = memory.get_finished_spans()
print(span.name, span.attributes.get("gen_ai.input.messages"))
"""


@pytest.mark.parametrize("content", ["", "true"])
def test_in_a_pipeline_of_the_programs_content_is_left_out_unless_asked_for(
    content: str, run_python: RunPython
) -> None:
    done = run_python(FOREIGN, PULSE_CAPTURE_CONTENT=content)

    assert done.stderr == ""
    assert done.stdout.startswith("invoke_workflow work ")
    assert ("question" in done.stdout) == bool(content)


def test_units_use_the_provider_that_an_instrumentor_was_given(openai_client: Any) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    OpenAIInstrumentor().instrument(tracer_provider=provider, capture_content=True)
    try:
        with trace("work") as unit:
            unit.input = "question"
            openai_client.chat.completions.create(**GPT)
    finally:
        OpenAIInstrumentor().uninstrument()

    call, work = memory.get_finished_spans()
    assert call.parent.span_id == work.context.span_id
    assert io(work)[0] == "question"


def test_a_forgotten_name_is_no_error(spans: Any) -> None:
    with trace():
        pass

    (span,) = spans.get_finished_spans()
    assert span.name == "invoke_workflow unnamed"
