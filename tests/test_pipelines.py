"""Inside somebody else's pipeline: their samplers, processors, limits, threads and tasks."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, ParentBased, StaticSampler
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

import pulse_otel
from pulse_otel import OpenAIInstrumentor, PulseSpanExporter
from tests.conftest import KEY, MESSAGES, RunPython, Service, towards
from tests.faults import FaultServer, hang

Instrumented = Callable[..., tuple[TracerProvider, InMemorySpanExporter]]


@pytest.fixture
def instrumented() -> Iterator[Instrumented]:
    """The SDK instrumented for a provider of the given settings, with an exporter to look at."""
    providers: list[TracerProvider] = []

    def instrument(**settings: Any) -> tuple[TracerProvider, InMemorySpanExporter]:
        memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False, **settings)
        provider.add_span_processor(SimpleSpanProcessor(memory))
        OpenAIInstrumentor().instrument(tracer_provider=provider, capture_content=True)
        providers.append(provider)
        return provider, memory

    yield instrument
    OpenAIInstrumentor().uninstrument()
    for provider in providers:
        provider.shutdown()


def _count(url: str, key: str) -> int:
    """How many traces the project of `key` has, once it has any: storing takes a moment."""
    deadline = time.monotonic() + 15
    while True:
        headers = {"Authorization": f"Bearer {key}"}
        found = requests.get(f"{url}/v1/traces", headers=headers, timeout=10).json()["traces"]
        if found or time.monotonic() > deadline:
            return len(found)
        time.sleep(0.05)


@pytest.mark.parametrize(
    "sampler",
    [ALWAYS_OFF, StaticSampler(Decision.RECORD_ONLY), ParentBased(root=ALWAYS_OFF)],
    ids=["off", "record only", "parent says no"],
)
def test_what_is_not_sampled_is_not_sent(
    sampler: Any, instrumented: Instrumented, service: Service, openai_client: Any
) -> None:
    provider, memory = instrumented(sampler=sampler)
    exporter = PulseSpanExporter(KEY, service.url)
    provider.add_span_processor(BatchSpanProcessor(exporter))

    answer = openai_client.chat.completions.create(model="m", messages=MESSAGES)

    assert answer.choices[0].message.content
    assert provider.force_flush()
    assert (exporter.stats.ended, memory.get_finished_spans()) == (0, ())


@pytest.mark.row("U3")
def test_a_simple_processor_posts_nothing_in_the_callers_thread(
    instrumented: Instrumented,
    service: Service,
    openai_client: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected: list[tuple[int, int]] = []  # thread, port
    connect = socket.socket.connect

    def spy(self: socket.socket, address: Any) -> None:
        connected.append((threading.get_ident(), address[1]))
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", spy)
    provider, _ = instrumented()
    exporter = PulseSpanExporter(KEY, service.url)
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    openai_client.chat.completions.create(model="m", messages=MESSAGES)
    assert exporter.force_flush(10_000)

    port = int(service.url.rpartition(":")[2])
    posting = {thread for thread, to in connected if to == port}
    calling = {thread for thread, to in connected if to != port}
    assert calling == {threading.get_ident()}
    assert len(posting) == 1
    assert not posting & calling


def test_a_flush_sends_what_a_batch_processor_holds(
    instrumented: Instrumented, service: Service, openai_client: Any
) -> None:
    provider, _ = instrumented()
    exporter = PulseSpanExporter(api_key=KEY, api_url=service.url)
    batch = BatchSpanProcessor(exporter, schedule_delay_millis=60_000)
    provider.add_span_processor(batch)
    openai_client.chat.completions.create(model="m", messages=MESSAGES)
    assert exporter.stats.ended == 0

    assert pulse_otel.flush_buffer(10) is True
    assert (exporter.stats.delivered, exporter.stats.unaccounted) == (1, 0)


def test_a_service_that_hangs_keeps_no_other_exporter_from_a_flush(
    instrumented: Instrumented, service: Service, openai_client: Any
) -> None:
    provider, _ = instrumented()
    with FaultServer(then=hang()) as hanging:
        made = [PulseSpanExporter(api_key=KEY, api_url=url) for url in (hanging.url, service.url)]
        for exporter in made:
            batch = BatchSpanProcessor(exporter, schedule_delay_millis=60_000)
            provider.add_span_processor(batch)
        openai_client.chat.completions.create(model="m", messages=MESSAGES)

        assert pulse_otel.flush_buffer(2) is False
        assert [exporter.stats.delivered for exporter in made] == [0, 1]


def test_several_projects_in_one_process(
    instrumented: Instrumented, service: Service, openai_client: Any
) -> None:
    """Each project gets every call, and gets it once, however many exporters lead there."""
    provider, _ = instrumented()
    keys = ["pulse_sk_first", "pulse_sk_second", "pulse_sk_first"]
    exporters = [PulseSpanExporter(key, service.url) for key in keys]
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))

    openai_client.chat.completions.create(model="m", messages=MESSAGES)
    assert provider.force_flush()
    assert all(exporter.force_flush(10_000) for exporter in exporters)

    first, second, again = (exporter.stats for exporter in exporters)
    assert first.delivered + again.delivered == second.delivered == 1
    for key in keys:
        assert _count(service.url, key) == 1


@pytest.mark.parametrize("limit", ["length", "count"])
def test_span_limits(
    limit: str, instrumented: Instrumented, service: Service, openai_client: Any
) -> None:
    """Cut or missing attributes cost their own content, not the record and not the call."""
    limits = {
        "length": SpanLimits(max_span_attribute_length=24),
        "count": SpanLimits(max_span_attributes=24),
    }
    provider, memory = instrumented(span_limits=limits[limit])
    exporter = PulseSpanExporter(KEY, service.url)
    provider.add_span_processor(BatchSpanProcessor(exporter))

    openai_client.chat.completions.create(model="m" * 40, messages=MESSAGES)
    assert provider.force_flush()
    assert exporter.force_flush(10_000)

    (span,) = memory.get_finished_spans()
    (trace,) = service.traces(1)
    assert trace["provider"] == "openai"
    assert trace["inputTokens"] == 120
    if limit == "length":
        assert span.attributes is not None
        assert span.attributes["gen_ai.request.model"] == "m" * 24


def test_threads_and_tasks_that_are_given_the_context(
    instrumented: Instrumented, provider: Any, openai_client: Any
) -> None:
    tracers, memory = instrumented()
    tracer = tracers.get_tracer("app")

    def call() -> None:
        openai_client.chat.completions.create(model="m", messages=MESSAGES)

    async def task(client: Any, number: int) -> None:
        with tracer.start_as_current_span(f"task {number}"):
            await asyncio.sleep(0)
            await client.chat.completions.create(model=f"m{number}", messages=MESSAGES)

    async def main() -> None:
        from openai import AsyncOpenAI

        await asyncio.to_thread(call)
        async with AsyncOpenAI(api_key="k", base_url=provider.openai_url) as client:
            await asyncio.gather(*(task(client, number) for number in range(5)))

    with tracer.start_as_current_span("outer") as outer:
        asyncio.run(main())
        with ThreadPoolExecutor(1) as pool:
            pool.submit(contextvars.copy_context().run, call).result()
            pool.submit(call).result()  # without it: a root, and no child of the call before

    spans = {span.context.span_id: span for span in memory.get_finished_spans() if span.context}
    parents = [
        spans[span.parent.span_id].name if span.parent else None
        for span in sorted(spans.values(), key=lambda span: span.start_time or 0)
        if span.name.startswith("chat")
    ]
    assert sorted(map(str, parents)) == [
        "None",
        "outer",
        "outer",
        *(f"task {number}" for number in range(5)),
    ]
    for span in spans.values():
        if span.name.startswith("chat m") and span.name != "chat m" and span.parent:
            assert spans[span.parent.span_id].name == f"task {span.name[-1]}"
    assert outer.get_span_context().span_id in spans


def test_a_remote_parent_that_was_not_sampled(
    instrumented: Instrumented, openai_client: Any
) -> None:
    _, memory = instrumented()
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(0))

    def call() -> None:
        from opentelemetry import context

        context.attach(set_span_in_context(NonRecordingSpan(remote)))
        openai_client.chat.completions.create(model="m", messages=MESSAGES)

    contextvars.copy_context().run(call)
    assert memory.get_finished_spans() == ()


DISABLED = """
from anthropic import Anthropic
from openai import OpenAI
from pulse_otel import AnthropicInstrumentor, Provider, flush_buffer, init_pulse, observe
init_pulse()
AnthropicInstrumentor().instrument()
with OpenAI() as gpt, Anthropic() as claude:
    observe(gpt, Provider.OPENAI)
    G = dict(model="m", messages=[dict(role="user", content="hi")], pulse_session_id="s")
    print(bool(gpt.chat.completions.create(**G).choices))
    print(len(list(gpt.chat.completions.create(stream=True, **G))) > 1)
    print(bool(claude.messages.create(max_tokens=5, **G).content))
print(flush_buffer())
"""


def test_otel_sdk_disabled(provider: Any, service: Service, run_python: RunPython) -> None:
    done = run_python(
        DISABLED,
        OTEL_SDK_DISABLED="true",
        **towards(provider, service.url),
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["True"] * 4
    assert len(provider.requests) == 3
    assert "pulse" not in str([request.body for request in provider.requests])
    service.traces(0)


@pytest.mark.parametrize("wait", [pulse_otel.flush_buffer, pulse_otel.shutdown])
def test_a_time_to_wait_is_a_number_of_seconds(wait: Any) -> None:
    pulse_otel.init_pulse(api_key=KEY, api_url="http://127.0.0.1:9")
    for wrong in ("x", None, float("nan")):
        with pytest.raises(
            TypeError, match=r"timeout_s: expected a number of seconds, got .{1,5}$"
        ):
            wait(wrong)
    assert wait(float("inf")) is True
    pulse_otel.shutdown(0)
