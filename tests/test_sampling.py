"""Samplers: of the program's other tracing, of the user's provider, and `sample_rate`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from opentelemetry import context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    DEFAULT_ON,
    Decision,
    Sampler,
    SamplingResult,
    StaticSampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import pulse_otel
from pulse_otel import Provider, PulseSpanExporter, observe
from pulse_otel.unsampled import RecordEverything
from tests.conftest import KEY, MESSAGES, Service
from tests.environments import Environment
from tests.export.sending import ids_in
from tests.faults import FaultServer

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def watched(provider: Any) -> Iterator[tuple[openai.OpenAI, list[str]]]:
    """An observed client, and the `traceparent` that an HTTP instrumentation would send."""
    sent: list[str] = []

    def note(request: Any) -> None:
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        sent.append(carrier.get("traceparent", ""))

    http = httpx2.Client(event_hooks={"request": [note]})
    with openai.OpenAI(base_url=provider.openai_url, api_key="k", http_client=http) as client:
        yield observe(client, Provider.OPENAI), sent


def says_sampled(traceparent: str) -> bool:
    """Its last field has one more bit in newer SDKs: the trace id is random."""
    return int(traceparent[-2:], 16) & 1 == 1


@pytest.mark.parametrize(
    ("sampler", "argument", "flag"),
    [
        ("always_on", "", True),
        ("always_off", "", False),
        ("traceidratio", "0", False),
        ("parentbased_always_off", "", False),
    ],
)
def test_a_sampler_meant_for_other_tracing_silences_nothing(
    sampler: str,
    argument: str,
    flag: bool,
    service: Service,
    watched: tuple[openai.OpenAI, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And what the program sends on says what that sampler says."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    client, sent = watched
    pulse_otel.init_pulse(api_key=KEY, api_url=service.url)
    for _ in range(3):
        client.chat.completions.create(model="m", messages=MESSAGES)

    assert pulse_otel.flush_buffer(10) is True
    stats = pulse_otel.stats()
    pulse_otel.shutdown()
    assert (stats.ended, stats.delivered, stats.not_sampled) == (3, 3, 0)
    assert [says_sampled(header) for header in sent] == [flag] * 3
    for found in service.traces(3):
        assert found["requestBody"]["messages"][0]["content"] == "Hello Pulse"


class Adding(Sampler):
    """Decides as it was told, and returns attributes of its own alone."""

    def __init__(self, decision: Decision, added: dict[str, Any] | None) -> None:
        self._result = SamplingResult(decision, added)

    def should_sample(self, *args: Any, **named: Any) -> SamplingResult:
        return self._result

    def get_description(self) -> str:
        return "adding"


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("added", [None, {"rule": "r"}])
def test_a_sampler_adds_attributes_to_a_span_and_takes_none_away(
    decision: Decision, added: dict[str, Any] | None
) -> None:
    provider = TracerProvider(RecordEverything(Adding(decision, added)), shutdown_on_exit=False)

    span: Any = provider.get_tracer("t").start_span("chat m", attributes={"x": 1})

    assert span.attributes == {"x": 1, **(added or {})}


@pytest.mark.parametrize("sampled", [False, True])
def test_an_incoming_trace_that_is_not_sampled_silences_nothing(
    sampled: bool, pulse: Service, watched: tuple[openai.OpenAI, list[str]]
) -> None:
    """The call is in that trace, and tells the next service what the incoming header said."""
    client, sent = watched
    header = f"00-{TRACE_ID}-b7ad6b7169203331-0{sampled:d}"
    token = context.attach(TraceContextTextMapPropagator().extract({"traceparent": header}))
    try:
        client.chat.completions.create(model="m", messages=MESSAGES)
    finally:
        context.detach(token)

    assert pulse_otel.flush_buffer(10) is True
    assert pulse_otel.stats().delivered == 1
    (at_provider,) = sent
    assert at_provider.split("-")[1] == TRACE_ID
    assert says_sampled(at_provider) is sampled


def test_a_batch_is_full_of_spans_that_are_not_sampled_too(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait in the batch processor as all others do."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    pulse_otel.init_pulse(
        api_key=KEY, api_url=server.url, protocol="otlp", batch_size=100, flush_interval=60_000
    )
    tracer = pulse_otel.pipeline._state.pipeline.provider().get_tracer("pulse_otel.openai")  # type: ignore[union-attr]
    for _ in range(99):
        tracer.start_span("chat m", attributes={"gen_ai.operation.name": "chat"}).end()

    assert (pulse_otel.stats().in_queue, server.received) == (99, [])
    assert pulse_otel.flush_buffer(10) is True
    assert sum(len(ids_in(request)) for request in server.received) == 99
    pulse_otel.shutdown()


@pytest.mark.parametrize(
    "sampler", [ALWAYS_OFF, StaticSampler(Decision.RECORD_ONLY)], ids=["drop", "record only"]
)
def test_the_sampler_of_your_own_provider_decides_and_is_counted(
    sampler: Any, server: FaultServer, openai_client: Any
) -> None:
    pulse_otel.init_pulse(
        api_key=KEY,
        api_url=server.url,
        tracer_provider=TracerProvider(sampler=sampler, shutdown_on_exit=False),
    )
    client = observe(openai_client, Provider.OPENAI)
    for _ in range(3):
        client.chat.completions.create(model="m", messages=MESSAGES)
    for _ in client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
        pass

    assert pulse_otel.flush_buffer(10) is True
    stats = pulse_otel.stats()
    pulse_otel.shutdown()
    assert (stats.ended, stats.not_sampled, stats.unaccounted, stats.lost) == (4, 4, 0, 0)
    assert server.received == []


def test_a_call_is_not_counted_as_left_out_where_tracing_is_off(
    server: FaultServer, openai_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    pulse_otel.init_pulse(api_key=KEY, api_url=server.url)
    observe(openai_client, Provider.OPENAI).chat.completions.create(model="m", messages=MESSAGES)

    assert pulse_otel.stats().ended == 0
    pulse_otel.shutdown()


def end_traces(provider: Any, count: int, failed: Callable[[int], bool]) -> dict[int, set[str]]:
    """End `count` traces of an agent, two calls and a tool; the calls' ids by trace id."""
    tracer = provider.get_tracer("pulse_otel.openai")
    found: dict[int, set[str]] = {}
    for number in range(count):
        with tracer.start_as_current_span(
            "run", attributes={"gen_ai.operation.name": "invoke_agent"}
        ) as run:
            ids = {f"{run.get_span_context().span_id:016x}"}
            for name in ("chat", "execute_tool", "chat"):
                span = tracer.start_span(name, attributes={"gen_ai.operation.name": name})
                ids.add(f"{span.get_span_context().span_id:016x}")
                span.end()
            if failed(number):
                span = tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"})
                span.set_status(Status(StatusCode.ERROR))
                span.end()
                ids.add(f"failed {span.get_span_context().span_id:016x}")
        found[run.get_span_context().trace_id] = ids
    return found


def arrived(server: FaultServer) -> set[str]:
    return {span_id for request in server.stored for span_id in ids_in(request)}


@pytest.mark.parametrize("way", ["init_pulse", "your pipeline"])
@pytest.mark.parametrize("keep_errors", [True, False])
def test_a_trace_is_sent_whole_or_not_at_all(
    way: str, keep_errors: bool, server: FaultServer
) -> None:
    """And a failed call in any case, if errors are kept; every span is accounted for."""
    provider = TracerProvider(shutdown_on_exit=False)
    settings: dict[str, Any] = {"sample_rate": 0.3, "keep_errors": keep_errors}
    if way == "init_pulse":
        pulse_otel.init_pulse(
            api_key=KEY, api_url=server.url, protocol="otlp", tracer_provider=provider, **settings
        )
    else:
        exporter = PulseSpanExporter(KEY, server.url, protocol="otlp", **settings)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    traces = end_traces(provider, 100, lambda number: number % 10 == 0)
    assert pulse_otel.flush_buffer(20) is True
    stats = pulse_otel.stats() if way == "init_pulse" else exporter.stats
    provider.shutdown()

    bound = TraceIdRatioBased.get_bound_for_rate(0.3)
    chosen = {trace_id for trace_id in traces if trace_id % 2**64 < bound}
    due = {
        name.rpartition(" ")[2]
        for trace_id, ids in traces.items()
        for name in ids
        if trace_id in chosen or (keep_errors and name.startswith("failed"))
    }
    assert 10 < len(chosen) < 55
    assert arrived(server) == due
    assert (stats.ended, stats.delivered, stats.unaccounted) == (410, len(due), 0)
    assert (stats.not_sampled, stats.lost) == (410 - len(due), 0)


def test_a_rate_from_the_environment_of_zero_code(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_SAMPLE_RATE", "0")
    exporter = PulseSpanExporter(KEY, server.url, protocol="otlp")
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    end_traces(provider, 3, lambda number: False)
    provider.shutdown()

    assert (exporter.stats.ended, exporter.stats.not_sampled, server.received) == (12, 12, [])


def test_a_wrong_rate_is_told_and_nothing_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pulse_otel"):
        exporter = PulseSpanExporter(KEY, "http://127.0.0.1:9", sample_rate=10)  # per cent?

    assert "sample_rate: expected a number from 0 to 1, got 10" in caplog.text
    assert exporter.stopped


APP = """
import httpx2
from openai import OpenAI
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pulse_otel import flush_buffer, init_pulse
{INIT}
def note(request):
    carrier = {}
    TraceContextTextMapPropagator().inject(carrier)
    print("sampled" if int(carrier["traceparent"][-2:], 16) & 1 else "not sampled")
ask = dict(model="gpt-4o-mini", messages=[dict(role="user", content="Hello")])
with OpenAI(http_client=httpx2.Client(event_hooks={"request": [note]})) as client:
    client.chat.completions.create(**ask)
    with trace.get_tracer("app").start_as_current_span("handle"):
        client.chat.completions.create(**ask)
assert flush_buffer(10)
"""


@pytest.mark.parametrize(
    ("exporters", "init", "stored"),
    [("pulse", "", 2), ("pulse", "init_pulse()", 2), ("pulse,console", "", 0)],
)
def test_zero_code_for_pulse_alone_records_everything(
    exporters: str,
    init: str,
    stored: int,
    provider: Any,
    server: FaultServer,
    tmp_path: Path,
) -> None:
    """Where others get the spans too, their sampler decides; what is sent on says what it says."""
    program = tmp_path / "app.py"
    program.write_text(APP.replace("{INIT}", init))
    environment = Environment(tmp_path / "venv", "pulse-otel", "openai")

    done = environment.instrument(
        program,
        OTEL_TRACES_EXPORTER=exporters,
        OTEL_TRACES_SAMPLER="always_off",
        PULSE_API_KEY=KEY,
        PULSE_API_URL=server.url,
        PULSE_PROTOCOL="otlp",
        OPENAI_API_KEY="k",
        OPENAI_BASE_URL=provider.openai_url,
    )

    assert (done.returncode, done.stdout) == (0, "not sampled\n" * 2), done.stderr
    assert done.stderr == ""
    ids = [span_id for request in server.stored for span_id in ids_in(request)]
    assert (len(ids), len(set(ids))) == (stored, stored)


class _Same(Sampler):
    """The SDK's default sampler under another name, which `RecordEverything` does not know."""

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        return DEFAULT_ON.should_sample(*args, **kwargs)

    def get_description(self) -> str:
        return "same"


@pytest.mark.parametrize("flags", [None, "00", "01"])
@pytest.mark.parametrize("attributes", [None, {}, {"a": 1}])
def test_the_short_cut_of_the_default_sampler_decides_as_it_does(
    flags: str | None, attributes: dict[str, int] | None
) -> None:
    around = context.Context()
    if flags is not None:
        carrier = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-{flags}", "tracestate": "a=1"}
        around = TraceContextTextMapPropagator().extract(carrier, around)
    asked: Any = (around, int(TRACE_ID, 16), "chat", None, attributes)

    short, long = (RecordEverything(one).should_sample(*asked) for one in (DEFAULT_ON, _Same()))

    assert short.decision is long.decision
    assert dict(short.attributes or {}) == dict(long.attributes or {})
    assert short.trace_state == long.trace_state
