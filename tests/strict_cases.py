"""Ordinary tests, each with a bug planted in one place of the package: see test_strict_mode.

They fail, one by one, for that alone; the first has no bug, and passes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pulse_otel
from pulse_otel.export import dialects, exporter
from pulse_otel.export.accounts import ledger
from pulse_otel.export.delivery import backlog, batches, queue, sender, worker
from pulse_otel.export.dialects import registry
from pulse_otel.export.payloads import otlp
from pulse_otel.export.pricing import cost
from pulse_otel.export.processor import PulseSpanProcessor
from pulse_otel.export.records import sampling
from pulse_otel.export.records.duplicates import deduplicator
from pulse_otel.export.spool import batch, spool
from pulse_otel.export.transport import http, protocol
from pulse_otel.instrumentation import body, call, endpoint, parameters, patch, request, stream
from pulse_otel.instrumentation import span_attributes as attributes
from tests.conftest import KEY, MESSAGES
from tests.faults import FaultServer

INSTRUMENTATION: tuple[tuple[Any, str], ...] = (
    (request, "_open"),
    (request, "_without_parameters"),
    (request, "observe_result"),
    (patch, "observed_options"),
    (parameters, "split"),
    (endpoint.Endpoints, "find"),
    (call.LlmCall, "open"),
    (call.LlmCall, "attach"),
    (call.LlmCall, "response"),
    (call.LlmCall, "chunk"),
    (call.LlmCall, "finish"),
    (attributes, "bounded_json"),
    (stream, "_tap"),
    (body.StreamObserver, "bytes_read"),
    (body.StreamObserver, "body_ended"),
)
EXPORT: tuple[tuple[Any, str], ...] = (
    (PulseSpanProcessor, "_on_end"),
    (exporter.PulseSpanExporter, "take"),
    (dialects, "is_genai_span"),
    (registry, "record_of"),
    (worker.Delivery, "submit"),
    (worker.Delivery, "_step"),
    (worker.Delivery, "_pause"),
    (queue.SpanQueue, "drain"),
    (queue.SpanQueue, "add"),
    (sampling.TraceSampling, "__call__"),
    (deduplicator.CallDeduplicator, "add"),
    (cost.Pricing, "__call__"),
    (spool.Spool, "put_packed"),
    (spool.Spool, "lease"),
    (spool.Spool, "adopt"),
    (spool.Spool, "ack"),
    (batch, "dump"),
    (backlog.Backlog, "store"),
    (backlog.Backlog, "lease"),
    (backlog.Backlog, "settle"),
    (batches.Batches, "next"),
    (batches.Batches, "conclude"),
    (sender.Sender, "_post"),
    (otlp, "_attributes"),
    (protocol.ProtocolDetector, "form"),
    (protocol.ProtocolDetector, "post"),
    (http.Transport, "post"),
    (ledger.Ledger, "settle"),
)
PLANTED = (*INSTRUMENTATION, *EXPORT)
SOME = PLANTED[::4]
"""Those of the short form."""


def broken(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("planted")


def make_calls(openai_client: Any, anthropic_client: Any, directory: Path) -> None:
    """A call of each SDK, one whole and one streamed, that arrive."""
    with FaultServer() as server:
        pulse_otel.init_pulse(api_key=KEY, api_url=server.url, spool_dir=str(directory))
        try:
            client = pulse_otel.observe(openai_client, "openai")
            client.chat.completions.create(model="m", messages=MESSAGES, pulse_session_id="s")
            client = pulse_otel.observe(anthropic_client, "anthropic").with_options(timeout=20)
            with client.messages.create(
                model="m", messages=MESSAGES, max_tokens=9, stream=True
            ) as events:
                list(events)
            pulse_otel.flush_buffer(1)
        finally:
            pulse_otel.shutdown(1)


def test_without_a_bug(openai_client: Any, anthropic_client: Any, tmp_path: Path) -> None:
    make_calls(openai_client, anthropic_client, tmp_path)


@pytest.mark.parametrize(
    ("owner", "name"),
    [one if one in SOME else pytest.param(*one, marks=pytest.mark.long) for one in PLANTED],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_with_a_bug(
    owner: Any,
    name: str,
    openai_client: Any,
    anthropic_client: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(owner, name, broken)

    make_calls(openai_client, anthropic_client, tmp_path)
