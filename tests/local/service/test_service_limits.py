"""The limits of the development trace service, and what it rejects (contract §3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pulse_otel.local.service import app as service
from pulse_otel.local.service.ingest import MAX_SPANS
from pulse_otel.local.service.otlp_values import MAX_PAYLOAD_BYTES
from pulse_otel.local.serving import serving
from pulse_otel.local.storage.writer import Writer
from tests.local.service_client import Client, export, span


class TestLimits:
    def test_1000_spans_over_all_groups(self, client: Client) -> None:
        body = export(*[span() for _ in range(MAX_SPANS - 1)])
        body["resourceSpans"] += export(span())["resourceSpans"]
        assert client.post(body).json() == {}
        client.stored(1000)

    def test_1001_spans_are_refused_as_a_whole(self, client: Client) -> None:
        body = export(*[span() for _ in range(MAX_SPANS)])
        body["resourceSpans"] += export(span())["resourceSpans"]
        answer = client.post(body)
        assert (answer.status_code, answer.json()) == (400, {"error": "Export exceeds 1000 spans"})
        client.send(span())
        client.stored(1)

    @pytest.mark.parametrize(
        ("name", "read"),
        [
            ("pulse.request", lambda found: found["metadata"]["pulse.request"]),
            ("pulse.response", lambda found: found["metadata"]["pulse.response"]),
            ("pulse.error", lambda found: found["error"]),
            ("pulse.tool.input", lambda found: found["toolInput"]),
            ("pulse.tool.response", lambda found: found["toolResponse"]),
            ("pulse.metadata", lambda found: found["metadata"]["pulse.metadata"]),
            ("gen_ai.other", lambda found: found["metadata"]["gen_ai.other"]),
        ],
    )
    def test_a_payload_has_64_kib(
        self, client: Client, name: str, read: Callable[[Any], Any]
    ) -> None:
        fits = "ä" * (MAX_PAYLOAD_BYTES // 2)
        client.send(span({name: fits + "!"}, start=0), span({name: fits}, start=1))
        kept, cut = client.stored(2)
        assert read(kept) == fits
        preview = fits + "!"
        assert read(cut) == {"truncated": True, "originalBytes": 65_537, "preview": preview}

    def test_a_large_request_loses_its_messages(self, client: Client) -> None:
        request = {"messages": [{"role": "user", "content": "x" * 70_000}]}
        body = client.only_trace(span({"pulse.request": json.dumps(request)}))["requestBody"]
        assert sorted(body) == ["originalBytes", "preview", "truncated"]
        assert len(body["preview"]) == MAX_PAYLOAD_BYTES

    def test_the_output_text_is_cut_and_stays_text(self, client: Client) -> None:
        found = client.only_span(span({"pulse.output_text": "x" + "ä" * 40_000}))
        assert found["outputText"] == "x" + "ä" * 32_767

    def test_ids_and_models_have_no_limit(self, client: Client) -> None:
        long = "x" * 70_000
        found = client.only_span(span({"pulse.model": long, "pulse.session_id": long}))
        assert (found["model"], found["sessionId"]) == (long, long)

    def test_accepted_is_not_yet_stored(self) -> None:
        app = service.create_app()
        app.state.writer = Writer(app.state.store.insert, delay_s=0.5)
        with serving(app) as base:
            client = Client(base)
            client.send(span())
            assert client.get("/v1/spans").json()["total"] == 0
            client.stored(1)
            client.close()

    def test_a_full_queue_refuses(self) -> None:
        app = service.create_app()
        app.state.writer = Writer(app.state.store.insert, capacity=0)
        with serving(app) as base:
            client = Client(base)
            answer = client.post(export(span()))
            client.close()
        assert (answer.status_code, answer.json()) == (503, {"error": "Failed to enqueue span"})


class TestRejections:
    @pytest.mark.parametrize(
        "bad",
        [
            span({"pulse.kind": "chain"}),
            span({"pulse.kind": ""}),
            span({"pulse.source": "python"}),
            span({"pulse.source": "SDK"}),
            span({"pulse.event_type": ""}),
            span({"gen_ai.usage.input_tokens": 12.5}),
            span({"gen_ai.usage.input_tokens": "12.5"}),
            span({"gen_ai.usage.output_tokens": -1}),
            span({"gen_ai.usage.output_tokens": 2**53}),
            span({"pulse.cost_cents": -0.1}),
            span({"pulse.cost_cents": "-1"}),
            span(traceId=""),
            span(traceId=7),
            span(spanId=7),
            span(duration=-1),
            span(attributes={"pulse.kind": "llm_call"}),
            None,
            "span",
        ],
    )
    def test_a_bad_span_goes_and_the_good_ones_stay(self, client: Client, bad: Any) -> None:
        result = client.rejected(span(spanId="before"), bad, span(spanId="after", start=1))
        assert result["rejectedSpans"] == 1
        assert result["errorMessage"]
        assert [found["spanId"] for found in client.stored(2)] == ["after", "before"]

    def test_the_message_is_the_first_ones(self, client: Client) -> None:
        result = client.rejected(span({"pulse.source": "python"}), span(duration=-5))
        expected = '"claude_code"|"codex"|"opencode"|"openclaw"|"sdk"'
        message = f"Invalid option: expected one of {expected}"
        assert result == {"rejectedSpans": 2, "errorMessage": message}

    def test_deep_nesting_costs_only_its_own_span(self, client: Client) -> None:
        value: dict[str, Any] = {"intValue": 1}
        for _ in range(300):
            value = {"arrayValue": {"values": [value]}}
        deep = span(attributes=[{"key": "pulse.deep", "value": value}])
        answer = client.post(export(deep, span()))
        # How deep is too deep depends on the interpreter; the server must stand in any case.
        assert answer.status_code in (200, 400)
        assert client.get("/health").status_code == 200
