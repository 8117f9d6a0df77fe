"""What is made of every recorded span passes the service's own checks, in both wire forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from pulse_otel.export.dialects import read
from pulse_otel.export.payloads import otlp, traces
from pulse_otel.export.records.record import Record
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import serving
from tests.conftest import KEY, Service
from tests.export.spans import all_recorded, one

HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}


def records() -> list[Record]:
    found = [record for _, _, spans in all_recorded() for span in spans if (record := read(span))]
    assert len(found) > 70
    return found


def post(service: Service, form: Any, sent: list[Record]) -> requests.Response:
    encoded = [encoded for record in sent if (encoded := form.encode(record))]
    assert len(encoded) == len(sent)
    body = form.body(encoded)
    return requests.post(service.url + form.path, data=body, headers=HEADERS, timeout=30)


@pytest.mark.row("E8", "E9")
def test_otlp(service: Service) -> None:
    sent = records()

    answer = post(service, otlp.FORM, sent)

    assert (answer.status_code, answer.json()) == (200, {})
    by_trace = {record.trace_id: record for record in sent}
    stored = service.traces(len(by_trace))
    spans = {span["spanId"]: span for trace in stored for span in trace["spans"]}
    assert spans.keys() == {record.span_id for record in sent}
    for record in sent:
        _check(spans[record.span_id], record)
    for trace in stored:
        if trace["spanCount"] == 1:
            record = by_trace[trace["traceId"]]
            assert trace["requestBody"] == record.request
            assert trace.get("responseBody") == record.response


def _check(span: dict[str, Any], record: Record) -> None:
    columns = {
        "kind": record.kind,
        "provider": record.provider,
        "model": record.model or record.response_model,
        "inputTokens": record.usage.input,
        "outputTokens": record.usage.output,
        "providerRequestId": record.response_id,
        "finishReason": record.finish_reason,
        "outputText": record.output_text,
        "error": record.error,
        "status": "error" if record.is_error else "success",
    }
    assert {name: span.get(name) for name in columns} == columns
    metadata = span["metadata"]
    if record.usage.cache_read is not None:
        assert metadata["gen_ai.usage.cache_read.input_tokens"] == record.usage.cache_read
    assert metadata["pulse.scope"] == record.scope


@pytest.mark.row("E8")
def test_legacy_form() -> None:
    sent = records()

    with serving(create_legacy_app()) as url:
        for start in range(0, len(sent), traces.FORM.max_records):
            batch = sent[start : start + traces.FORM.max_records]
            answer = post(Service(url), traces.FORM, batch)

            assert (answer.status_code, answer.json()["count"]) == (202, len(batch)), answer.text


def test_a_trimmed_body_is_stored_whole(service: Service) -> None:
    turn = {"role": "user", "parts": [{"type": "text", "content": "long " * 1000}]}
    span_attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.input.messages": json.dumps([turn] * 200),
    }
    record = read(one("any", "chat", span_attributes))
    assert record is not None

    assert post(service, otlp.FORM, [record]).json() == {}

    (trace,) = service.traces(1)
    assert trace["requestBody"]["messages"][-1]["content"].startswith("long ")
    assert "pulse.cut" in trace["requestBody"]["messages"][0]
    assert pytest.approx(65_000, rel=0.1) == len(json.dumps(trace["requestBody"]))
