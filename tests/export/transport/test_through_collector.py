"""Spans that go to a Collector, which has the key: the same records, and no key on the way."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from opentelemetry.sdk.trace import ReadableSpan

import pulse_otel
from pulse_otel import PulseSpanExporter
from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from tests.collectors import NOT_BUILT, Collector, program
from tests.conftest import KEY, RunPython, Service
from tests.export.exchanges import EXCHANGES, our_spans
from tests.export.otlp_receivers import TAKEN, StandIn, collector, stand_in, wrong_with
from tests.export.spans import all_recorded, one
from tests.faults import Action, FaultServer, answer
from tests.faults.server import Exchange

real = pytest.mark.skipif(not program().exists(), reason=NOT_BUILT)
ODD = {
    "large": 2**60,
    "fraction": 0.1,
    "whole": 3.0,
    "none": None,
    "yes": False,
    "empty": "",
    "nothing": [],
    "no pairs": {},
    "deep": {"list": [1, "two", {"three": [3.5, None]}]},
    "text": 'é \\ "quoted" \u2028 <b> \U0001f600',
}


def _receiving(kind: str, directory: Path, url: str) -> contextlib.AbstractContextManager[str]:
    return collector(directory, url) if kind == "collector" else stand_in(url)


def _odd() -> ReadableSpan:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "pulse.metadata": json.dumps(ODD),
    }
    return one("pulse_otel.openai", "chat m", attributes, error="it failed")


def _hidden(text: str) -> str:
    return text.replace("bob@example.com", "[email]")


def _stored(service: Service, count: int) -> list[dict[str, Any]]:
    """Its traces, once it has stored so many spans."""
    deadline = time.monotonic() + 20
    while True:
        found = requests.get(
            f"{service.url}/v1/traces",
            params={"limit": "1000"},
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=10,
        ).json()["traces"]
        spans = sum(trace["spanCount"] for trace in found)
        if spans >= count or time.monotonic() > deadline:
            assert spans == count
            return sorted(found, key=lambda trace: str(trace["traceId"]))
        time.sleep(0.05)


def _without_project(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace without what a service makes up itself."""
    spans = [{k: v for k, v in span.items() if k != "projectId"} for span in trace["spans"]]
    return {**trace, "spans": sorted(spans, key=lambda span: str(span["spanId"]))}


@pytest.mark.parametrize("kind", ["stand-in", pytest.param("collector", marks=real)])
def test_the_same_calls_give_the_same_records_by_both_roads(
    kind: str, tmp_path: Path, service: Service, provider: Any, clients: Any
) -> None:
    """Field by field: of other libraries' spans, of our own, redacted, with costs and metadata."""
    calls = [span for _, _, spans in all_recorded() for span in spans]
    calls += [span for case in EXCHANGES for span in our_spans(case, provider, clients)]
    calls.append(_odd())
    settings: dict[str, Any] = {"redact": _hidden, "prices": {"m": {"input": 1, "output": 2}}}

    with serving(create_app()) as other, _receiving(kind, tmp_path, other) as url:
        roads = [
            PulseSpanExporter(KEY, service.url, **settings),
            PulseSpanExporter("not a key", url, protocol="collector", **settings),
        ]
        for exporter in roads:
            exporter.export(calls)
            assert exporter.force_flush(20_000) is True
            exporter.shutdown()
        stats = [exporter.stats for exporter in roads]
        count = stats[0].delivered
        direct, through = _stored(service, count), _stored(Service(other), count)

    assert stats[0] == stats[1]
    assert count > 80
    assert len(direct) > 50
    assert {trace.get("costCents") is None for trace in direct} == {True, False}
    assert "[email]" in json.dumps(direct)
    for one_road, other_road in zip(direct, through, strict=True):
        assert _without_project(other_road) == _without_project(one_road)


def test_no_key_is_needed_nor_sent(run_python: RunPython) -> None:
    """A key in the environment, even one that is none, is not looked at."""
    program = """
import logging; logging.basicConfig(level=logging.WARNING)
import pulse_otel
pulse_otel.init_pulse()
with pulse_otel.trace("run"):
    pass
assert pulse_otel.flush_buffer(20), pulse_otel.stats()
print(pulse_otel.stats().delivered, pulse_otel.trace_url())
"""
    with FaultServer(then=answer(200, TAKEN)) as server:
        address = {"PULSE_API_URL": server.url, "PULSE_PROTOCOL": "collector"}
        for key in ({}, {"PULSE_API_KEY": KEY}, {"PULSE_API_KEY": f"Bearer {KEY}"}):
            done = run_python(program, **address, **key)
            assert (done.stdout, done.stderr) == ("1 None\n", "")

    assert len(server.received) == 3
    assert [wrong for request in server.received for wrong in wrong_with(request)] == []


@pytest.mark.parametrize("kind", ["stand-in", pytest.param("collector", marks=real)])
def test_auto_says_that_a_collector_answers_and_still_sends(
    kind: str, tmp_path: Path, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """With the key, as before: a gateway may pass it on."""
    with _receiving_a_key(kind, tmp_path, service.url) as url:
        exporter = PulseSpanExporter(KEY, url)
        exporter.export([_odd()])
        assert exporter.force_flush(20_000) is True
        exporter.shutdown()
        _stored(service, 1)

    said = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(said) == 1
    assert "protocol='collector'" in said[0].getMessage()


@contextlib.contextmanager
def _receiving_a_key(kind: str, directory: Path, url: str) -> Iterator[str]:
    if kind == "collector":
        with collector(directory, url) as address:
            yield address
        return
    receiver = StandIn(url)
    with FaultServer(then=Action(receiver)) as server:
        yield server.url
    assert "a header Authorization" in receiver.wrong


MOST_BYTES = 40_000


@contextlib.contextmanager
def _limited(kind: str, directory: Path, url: str) -> Iterator[str]:
    if kind == "collector":
        with collector(directory, url, MOST_BYTES) as address:
            yield address
        return
    refusal = answer(400, b'{"code":3, "message":"http: request body too large"}')

    def act(exchange: Exchange) -> bool | None:
        refused = exchange.length > MOST_BYTES
        return (refusal if refused else answer(200, TAKEN)).do(exchange)

    with FaultServer(then=Action(act)) as server:
        yield server.url


@pytest.mark.parametrize("kind", ["stand-in", pytest.param("collector", marks=real)])
def test_a_limit_of_the_receiver_costs_no_span(
    kind: str, tmp_path: Path, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """A Collector answers 400, and not 413, to a body above its `max_request_body_size`."""
    attributes = {"gen_ai.operation.name": "chat", "pulse.metadata": json.dumps({"t": "x" * 3000})}
    spans = [one("other", "chat m", {**attributes, "gen_ai.request.model": "m"}) for _ in range(90)]
    with _limited(kind, tmp_path, service.url) as url:
        exporter = PulseSpanExporter(api_url=url, protocol="collector")
        for _ in range(2):  # the first requests are small
            exporter.export(spans[:45])
            assert exporter.force_flush(20_000) is True
            del spans[:45]
        exporter.shutdown()

    assert (exporter.stats.delivered, exporter.stats.dropped) == (90, {})
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


@real
def test_plain_http_to_a_collector_with_tls_costs_no_span(
    tmp_path: Path, server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The spans wait for another address, or for a Collector without TLS."""
    pem, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
    issued.private_key_pem.write_to_path(str(key))
    tls = f"receivers::otlp::protocols::http::tls: {{cert_file: {pem}, key_file: {key}}}"
    with Collector("gateway.yaml", tmp_path, tls, PULSE_API_URL=server.url) as running:
        exporter = PulseSpanExporter(api_url=running.url, protocol="collector")
        exporter.export([_odd() for _ in range(3)])
        assert exporter.force_flush(1000) is False
        waiting = exporter.stats
        exporter.shutdown(0)

    assert (waiting.in_queue, waiting.dropped) == (3, {})
    assert "the server speaks TLS: check http:// in api_url" in caplog.text


def test_what_a_full_collector_refuses_waits_on_disk(tmp_path: Path) -> None:
    """Under the Collector's own name: there is no key to tell projects apart."""
    full = answer(503, b'{"code":14, "message":"sending queue is full"}')
    with FaultServer(then=full) as server:
        settings = {"api_url": server.url, "protocol": "collector", "spool_dir": str(tmp_path)}
        first = PulseSpanExporter(**settings)
        first.export([_odd()])
        assert first.force_flush(500) is False
        first.shutdown(1000)
        assert first.stats.pending_on_disk == 1

        server.then = answer(200, TAKEN)
        second = PulseSpanExporter(**settings)
        assert second.force_flush(20_000) is True
        second.shutdown()

    assert wrong_with(server.received[-1]) == []
    assert json.loads(server.received[-1].body)["resourceSpans"]


def test_a_service_that_demands_a_key_is_said_to_be_no_collector(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost: the spans wait for another setting, as with a wrong key."""
    pulse_otel.init_pulse(api_url=service.url, protocol="collector")
    with pulse_otel.trace("run"):
        pass
    assert pulse_otel.flush_buffer(1) is False
    pulse_otel.shutdown(0)

    said = next(one.getMessage() for one in caplog.records if "401" in one.getMessage())
    assert "protocol='collector' sends no key: check that a Collector is at api_url" in said
