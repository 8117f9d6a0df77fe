"""A collector between an app and Pulse: examples/collector, run with rotel.

The configuration of the standard collector is only read here, unless its program is installed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

from pulse_otel import OpenAIInstrumentor, PulseSpanExporter
from pulse_otel.local.provider.replies import openai_error
from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import HOST, serving
from tests.collectors import EXAMPLE, STANDARD, Collectors, free_port, rotel_agent, wait_for
from tests.conftest import KEY, ROOT, Service

SAID = 'Say "hi" <b> \\ é\n"parts":[{'


@pytest.fixture
def collectors(tmp_path: Path) -> Iterator[Collectors]:
    with contextlib.ExitStack() as running:
        yield Collectors(tmp_path, running)


@pytest.fixture
def agent() -> str:
    return rotel_agent()


@pytest.fixture
def otlp(agent: str, collectors: Collectors, service: Service) -> str:
    """Where a collector in front of `service` takes OTLP/HTTP."""
    return collectors.rotel(agent, collectors.bridge(service.url))


@contextlib.contextmanager
def _app(*exporters: Any) -> Iterator[TracerProvider]:
    """An app's own provider, with our instrumentor on it."""
    provider = TracerProvider(resource=Resource.create({"service.name": "checkout"}))
    for exporter in exporters:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=provider, capture_content=True)
    try:
        yield provider
    finally:
        instrumentor.uninstrument()
        provider.shutdown()


def _backlog(otlp: str) -> OTLPSpanExporter:
    return OTLPSpanExporter(endpoint=f"{otlp}/v1/traces")


def _ask(client: Any, **more: Any) -> None:
    messages = [{"role": "user", "content": SAID}]
    client.chat.completions.create(model="gpt-4o-mini", messages=messages, **more)


def _run_app(otlp: str, provider: Any) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "app.py")],
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("OTEL_")},
            "PYTHONPATH": str(ROOT),
            "OPENAI_API_KEY": "sk-caller",
            "OPENAI_BASE_URL": provider.openai_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello! Paris is sunny.\n", "")


def _check_app(service: Service) -> None:
    """The trace of app.py: one span, for the app's own span stayed in the collector."""
    (trace,) = service.traces(1)
    (span,) = trace["spans"]
    assert (span["kind"], span["eventType"], span["source"]) == ("llm_call", "provider_call", "sdk")
    assert span["parentSpanId"]
    assert re.fullmatch("[0-9a-f]{32}", trace["traceId"])
    assert (trace["provider"], trace["modelRequested"]) == ("openai", "gpt-4o-mini")
    assert trace["modelUsed"] == "gpt-4o-mini-2024-07-18"
    assert trace["providerRequestId"].startswith("chatcmpl_")
    assert (trace["inputTokens"], trace["outputTokens"]) == (120, 45)
    assert (trace["sessionId"], trace["services"]) == ("order-17", ["checkout"])
    assert (trace["finishReason"], trace["status"]) == ("stop", "success")
    assert trace["outputText"] == "Hello! Paris is sunny."
    assert trace["metadata"]["feature"] == "thanks"
    asked = {"role": "user", "content": "Thank a customer in one short sentence."}
    assert trace["requestBody"] == {"model": "gpt-4o-mini", "messages": [asked]}
    (choice,) = trace["responseBody"]["choices"]
    assert choice["message"]["content"] == "Hello! Paris is sunny."


def test_the_example_arrives_with_its_columns(otlp: str, provider: Any, service: Service) -> None:
    _run_app(otlp, provider)
    _check_app(service)


def test_the_exporter_tells_more_of_the_same_call(
    otlp: str, openai_client: Any, service: Service
) -> None:
    """The table in the example's README, as far as one plain call shows it."""
    with serving(create_app()) as url, _app(_backlog(otlp), PulseSpanExporter(KEY, url)) as app:
        _ask(openai_client, user="u-9", temperature=0.5)
        app.force_flush()
        (direct,) = Service(url).traces(1)
    (through,) = service.traces(1)

    assert through["traceId"] == direct["traceId"]
    differ = {key for key in {*through, *direct} if through.get(key) != direct.get(key)}
    assert differ == {"costCents", "metadata", "requestBody", "responseBody", "spans"}
    assert (direct["costCents"] > 0, through["costCents"]) == (True, None)
    assert set(direct["requestBody"]) - set(through["requestBody"]) == {"temperature", "user"}
    assert {"id", "model", "usage"} <= set(direct["responseBody"])
    assert set(through["responseBody"]) == {"choices"}


def test_errors_tools_and_agents_keep_their_columns(
    otlp: str, provider: Any, openai_client: Any, service: Service
) -> None:
    provider.enqueue(openai_error(429, "Slow down"))
    with _app(_backlog(otlp)) as app:
        with pytest.raises(openai.RateLimitError):
            _ask(openai_client)
        tracer = app.get_tracer("somebody else's")
        with tracer.start_as_current_span("invoke_agent") as span:
            span.set_attribute("gen_ai.operation.name", "invoke_agent")
            span.set_attribute("gen_ai.agent.name", "planner")
            span.set_status(Status(StatusCode.ERROR, "gave up"))
            with tracer.start_as_current_span("execute_tool") as tool:
                tool.set_attribute("gen_ai.operation.name", "execute_tool")
                tool.set_attribute("gen_ai.tool.name", "weather")
                tool.set_attribute("gen_ai.tool.call.arguments", '{"city":"Paris"}')
                tool.set_attribute("gen_ai.tool.call.result", "sunny")
        with tracer.start_as_current_span("GET /"):
            pass

    found = {span["kind"]: span for trace in service.traces(2) for span in trace["spans"]}
    assert set(found) == {"llm_call", "agent_run", "tool_use"}
    call, agent, use = found["llm_call"], found["agent_run"], found["tool_use"]
    assert (call["status"], call["error"]["status"]) == ("error", 429)
    assert (agent["agentName"], agent["status"], agent["error"]) == ("planner", "error", "gave up")
    assert (use["toolName"], use["toolInput"], use["toolResponse"]) == (
        "weather",
        {"city": "Paris"},
        "sunny",
    )


def test_what_the_service_could_not_take_is_sent_again(
    agent: str, collectors: Collectors, openai_client: Any
) -> None:
    port = free_port()
    otlp = collectors.rotel(agent, collectors.bridge(f"http://{HOST}:{port}"))
    with _app(_backlog(otlp)):
        _ask(openai_client)
        wait_for("will retry", collectors.log("rotel"))
        with serving(create_app(), port=port) as url:
            Service(url).traces(1)


def test_rotel_alone_cannot_speak_to_the_service(
    agent: str, collectors: Collectors, openai_client: Any, service: Service
) -> None:
    """If this fails, a newer rotel can, and the example needs no bridge any more."""
    with _app(_backlog(collectors.rotel(agent, service.url))):
        _ask(openai_client)
        wait_for("dropping data", collectors.log("rotel"))
    assert "Http(400" in collectors.log("rotel").read_text()
    service.traces(0)


@pytest.fixture
def standard() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((EXAMPLE / "otelcol.yaml").read_text())
    return loaded


def test_the_standard_configuration_fits_together(standard: dict[str, Any]) -> None:
    """Read, not run: what is named is there, and the exporter does what the service asks for."""
    pipeline = standard["service"]["pipelines"]["traces"]
    for kind in ("receivers", "processors", "exporters"):
        assert pipeline[kind] == list(standard[kind])
    assert standard["service"]["extensions"] == list(standard["extensions"])
    (exporter,) = standard["exporters"].values()
    assert (exporter["encoding"], exporter["compression"]) == ("json", "none")
    assert exporter["headers"] == {"Authorization": "Bearer ${env:PULSE_API_KEY}"}
    assert exporter["sending_queue"]["storage"] in standard["extensions"]
    assert exporter["sending_queue"]["batch"]["max_size"] <= 1000


def _rewritten(text: str, target: str, statements: list[str]) -> str:
    """`text` after the statements that replace a pattern in `target`, with Python's `re`."""
    literal = r'"((?:[^"\\]|\\.)*)"'
    for statement in statements:
        if found := re.fullmatch(
            rf'replace_pattern\(span\.attributes\["{target}"\], {literal}, {literal}\)', statement
        ):
            pattern, replacement = (
                json.loads(f'"{part}"').replace("$$", "$") for part in found.groups()
            )
            text = re.sub(pattern, re.sub(r"\$(\d)", r"\\g<\1>", replacement), text)
    return text


def test_the_patterns_of_the_standard_configuration_fit_our_spans(
    standard: dict[str, Any], openai_client: Any
) -> None:
    """Its regular expressions make JSON of the right shape from what our instrumentor writes."""
    statements = standard["processors"]["transform/pulse"]["trace_statements"]
    memory = InMemorySpanExporter()
    with _app(memory):
        _ask(openai_client)
    attributes = dict(memory.get_finished_spans()[0].attributes or {})
    asked = f'{{"model":"m","messages":{attributes["gen_ai.input.messages"]}}}'
    answered = f'{{"choices":[{{"index":0,"message":{attributes["gen_ai.output.messages"]}}}]}}'

    request = json.loads(_rewritten(asked, "pulse.request", statements))
    response = json.loads(_rewritten(answered, "pulse.response", statements))

    assert request == {"model": "m", "messages": [{"role": "user", "content": SAID}]}
    (choice,) = response["choices"]
    assert choice["message"].items() >= {
        ("role", "assistant"),
        ("content", "Hello! Paris is sunny."),
    }


@pytest.mark.skipif(not shutil.which(STANDARD), reason=f"{STANDARD} is not installed")
def test_the_standard_collector(collectors: Collectors, provider: Any, service: Service) -> None:
    _run_app(collectors.standard(service.url), provider)
    _check_app(service)
