"""The configurations of examples/collector, each run by the OpenTelemetry Collector itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from pulse_otel import PulseSpanExporter
from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.web import MAX_BODY_BYTES
from pulse_otel.local.serving import HOST, serving
from tests.collectors import EXAMPLE, NOT_BUILT, Collector, free_port, program
from tests.conftest import KEY, ROOT, Service

sys.path.insert(0, str(ROOT / "scripts"))

from collector_page import kept_section
from collector_table import fetch, table

needs_collector = pytest.mark.skipif(not program().exists(), reason=NOT_BUILT)


def _record(url: str, count: int) -> list[str]:
    """Record spans with our exporter, and return their trace ids once `url` has taken them."""
    exporter = PulseSpanExporter(api_url=url, protocol="collector")
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    made = []
    for _ in range(count):
        with tracer.start_as_current_span("chat") as span:
            span.set_attribute("gen_ai.operation.name", "chat")
        made.append(f"{span.get_span_context().trace_id:032x}")
    assert exporter.force_flush()
    provider.shutdown()
    return made


def _stored(service: Service, made: list[str]) -> bool:
    """Whether the service has each of the traces once, and nothing else."""
    return sorted(trace["traceId"] for trace in service.traces(len(made))) == sorted(made)


@needs_collector
def test_an_app_without_our_exporter_arrives_with_its_columns(
    tmp_path: Path, provider: Any, service: Service
) -> None:
    with Collector("otelcol.yaml", tmp_path, PULSE_API_URL=service.url) as collector:
        done = subprocess.run(
            [sys.executable, str(EXAMPLE / "app.py")],
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("OTEL_")},
                "PYTHONPATH": str(ROOT),
                "OPENAI_API_KEY": "sk-caller",
                "OPENAI_BASE_URL": provider.openai_url,
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            },
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        (trace,) = service.traces(1)

    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello! Paris is sunny.\n", "")
    (span,) = trace["spans"]  # the app's own span stayed in the Collector
    assert (span["kind"], span["eventType"], span["source"]) == ("llm_call", "provider_call", "sdk")
    assert re.fullmatch("[0-9a-f]{32}", trace["traceId"])
    assert (trace["provider"], trace["modelUsed"]) == ("openai", "gpt-4o-mini-2024-07-18")
    assert (trace["inputTokens"], trace["outputTokens"]) == (120, 45)
    assert (trace["sessionId"], trace["services"]) == ("order-17", ["checkout"])
    assert (trace["finishReason"], trace["status"]) == ("stop", "success")
    assert trace["metadata"]["feature"] == "thanks"
    asked = {"role": "user", "content": "Thank a customer in one short sentence."}
    assert trace["requestBody"] == {"model": "gpt-4o-mini", "messages": [asked]}


@needs_collector
def test_our_exporter_through_a_collector_loses_no_field_and_the_page_says_what_others_lose(
    tmp_path: Path,
) -> None:
    direct, ours, stock = found = fetch(tmp_path)

    assert ours == direct
    assert len(stock) < len(direct)
    assert kept_section("fields") == "\n".join(table(found))
    for log in tmp_path.glob("*/log"):
        assert not re.search(r"\t(warn|error)\t", log.read_text())


@needs_collector
def test_five_hundred_spans_with_a_picture_each_fit_a_request(tmp_path: Path, server: Any) -> None:
    """A service refuses a larger request, and the Collector then drops it."""
    content = "data:image/png;base64," + "iVBORw0KGgo=" * 100_000
    asked = [{"role": "user", "parts": [{"type": "text", "content": content}]}]
    with Collector("otelcol.yaml", tmp_path, PULSE_API_URL=server.url) as collector:
        provider = TracerProvider(shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{collector.url}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
        with provider.get_tracer("test").start_as_current_span("chat") as span:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.input.messages", json.dumps(asked))
        provider.shutdown()
        collector.sent()

    (request,) = server.received
    assert 65_536 < len(request.body) < MAX_BODY_BYTES / 500


@needs_collector
def test_what_a_killed_collector_kept_is_delivered_by_the_next_one(tmp_path: Path) -> None:
    port = free_port()
    collector = Collector("gateway.yaml", tmp_path, PULSE_API_URL=f"http://{HOST}:{port}")
    with collector:
        made = _record(collector.url, 50)
        collector.stop(signal.SIGKILL)
        with serving(create_app(), port=port) as url:
            collector.start()
            assert _stored(Service(url), made)


@needs_collector
def test_an_agent_spreads_traces_over_both_gateways_and_each_arrives_once(
    tmp_path: Path, service: Service
) -> None:
    gateways = [
        Collector("gateway.yaml", tmp_path / name, PULSE_API_URL=service.url)
        for name in ("one", "two")
    ]
    addresses = {f"PULSE_GATEWAY_{n}": one.grpc for n, one in enumerate(gateways, start=1)}
    with (
        gateways[0],
        gateways[1],
        Collector("agent.yaml", tmp_path / "agent", **addresses) as agent,
    ):
        made = _record(agent.url, 100)
        assert _stored(service, made)
        counts = [gateway.sent() for gateway in gateways]

    assert sum(counts) == 100
    assert min(counts) > 0


@needs_collector
def test_the_collector_alone_has_the_key(tmp_path: Path, server: Any) -> None:
    with Collector("gateway.yaml", tmp_path, PULSE_API_URL=server.url) as collector:
        _record(collector.url, 1)
        collector.sent()

    assert {request.headers["authorization"] for request in server.received} == {f"Bearer {KEY}"}


@pytest.mark.parametrize("name", ["agent", "gateway"])
def test_a_manifest_sets_every_variable_of_its_configuration(name: str) -> None:
    manifests = yaml.safe_load_all((EXAMPLE / "kubernetes" / f"{name}.yaml").read_text())
    (pod,) = [one["spec"]["template"]["spec"] for one in manifests if "template" in one["spec"]]
    (container,) = pod["containers"]

    used = re.findall(r"\$\{env:(\w+)", (EXAMPLE / f"{name}.yaml").read_text())

    assert {variable["name"] for variable in container["env"]} == set(used)
    assert container["args"] == [f"--config=/etc/collector/{name}.yaml"]


def test_the_gate_says_why_the_collector_is_not_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "collector.py"), "build", "--gate"],
        env={**os.environ, "PULSE_COLLECTOR_BINARY": str(tmp_path / "none"), "PULSE_COLLECTOR": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("the tests with the Collector are skipped: no Collector is built")
