"""What the development trace service makes of a span (contract §3.2, §3.3)."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest

from tests.local.service_client import SESSION, Client, span


class TestSpanFields:
    @pytest.mark.parametrize(
        "trace_id", ["ab" * 16, "AB" * 16, SESSION, "q83vEjRWeJA/+w==", "my trace!"]
    )
    def test_a_trace_id_is_stored_verbatim(self, client: Client, trace_id: str) -> None:
        assert client.only_trace(span(traceId=trace_id))["traceId"] == trace_id

    def test_absent_ids_are_made_up(self, client: Client) -> None:
        bare = span(spanId="")
        del bare["traceId"]
        client.send(bare)
        client.send(bare)
        first, second = client.stored(2)
        assert first["spanId"] != second["spanId"]
        assert uuid.UUID(first["traceId"]) != uuid.UUID(second["traceId"])

    def test_the_attribute_overrides_the_trace_id(self, client: Client) -> None:
        assert client.only_span(span({"pulse.trace_id": "mine"}))["traceId"] == "mine"

    def test_parents(self, client: Client) -> None:
        client.send(span(parentSpanId="", start=0), span(parentSpanId="dangling", start=1))
        child, root = client.stored(2)
        assert child["parentSpanId"] == "dangling"
        assert root["parentSpanId"] is None

    def test_a_resend_changes_nothing(self, client: Client) -> None:
        first = span({"pulse.output_text": "first"}, spanId="same", traceId="one")
        client.send(first, {**first, "traceId": "within one export"})
        client.stored(1)
        client.send({**first, "traceId": "two", "attributes": []}, span(spanId="after"))
        by_id = {found["spanId"]: found for found in client.stored(2)}
        assert (by_id["same"]["traceId"], by_id["same"]["outputText"]) == ("one", "first")

    @pytest.mark.parametrize(
        ("begin", "end", "duration"),
        [
            (1_500_000, "2500000", 1),
            ("1000000", "1999999", 0),
            ("1999999", "1000000", 0),
            ("1000000", None, None),
            ("1000000", "soon", None),
        ],
    )
    def test_durations(self, client: Client, begin: Any, end: Any, duration: int | None) -> None:
        found = client.only_span(span(startTimeUnixNano=begin, endTimeUnixNano=end))
        assert found["timestamp"] == "1970-01-01T00:00:00.001Z"
        assert found.get("durationMs") == duration

    @pytest.mark.parametrize("begin", [None, "soon", "9" * 21, 1e30, {}])
    def test_an_unusable_start_is_now(self, client: Client, begin: Any) -> None:
        found = client.only_span(span(startTimeUnixNano=begin, endTimeUnixNano=None))
        now = time.strftime("%Y-%m-%dT%H:", time.gmtime())
        before = time.strftime("%Y-%m-%dT%H:", time.gmtime(time.time() - 60))
        assert found["timestamp"].startswith((now, before))

    @pytest.mark.parametrize(
        ("status", "shown"),
        [
            ({"code": 2}, "error"),
            ({"code": 2, "message": "dropped"}, "error"),
            ({"code": 1}, "success"),
            ({"code": 0}, "success"),
            ({}, "success"),
            (None, "success"),
            ({"code": "2"}, "success"),
            ({"code": "STATUS_CODE_ERROR"}, "success"),
        ],
    )
    def test_only_the_number_2_is_an_error(self, client: Client, status: Any, shown: str) -> None:
        trace = client.only_trace(span(status=status))
        assert (trace["status"], trace["spans"][0]["status"]) == (shown, shown)
        assert "dropped" not in json.dumps(trace)

    def test_the_rest_is_dropped(self, client: Client) -> None:
        dropped: dict[str, Any] = {
            "kind": 3,
            "events": [{"name": "dropped"}],
            "links": [],
            "traceState": "dropped",
        }
        assert "dropped" not in json.dumps(client.only_trace(span(name="dropped", **dropped)))

    def test_resource_attributes_come_under_the_spans_own(self, client: Client) -> None:
        resource = {"service.name": "app", "pulse.session_id": "s", "pulse.cwd": "/resource"}
        found = client.only_span(span({"pulse.cwd": "/own"}), resource=resource)
        assert (found["service"], found["sessionId"], found["cwd"]) == ("app", "s", "/own")

    def test_values_of_all_types(self, client: Client) -> None:
        values = {"s": "x", "i": 3, "d": 0.5, "b": True, "l": ["x", 1], "m": {"k": {"n": 1}}}
        named = {f"pulse.{name}": value for name, value in values.items()}
        one = span(named)
        one["attributes"] += [
            {"key": "pulse.number", "value": {"intValue": 7}},
            {"key": "pulse.bytes", "value": {"bytesValue": "AAAA"}},
        ]
        assert client.only_span(one)["metadata"] == {**named, "pulse.number": 7}


class TestAttributes:
    @pytest.mark.parametrize(
        ("found", "shown"),
        [
            ({}, {"kind": "llm_call", "eventType": "provider_call", "source": "sdk"}),
            ({"pulse.event_type": "step"}, {"kind": "tool_use", "eventType": "step"}),
            ({"pulse.kind": "agent_run", "pulse.event_type": "x"}, {"kind": "agent_run"}),
            ({"pulse.source": "codex"}, {"source": "codex"}),
            ({"pulse.session_id": "a", "gen_ai.conversation.id": "b"}, {"sessionId": "a"}),
            ({"gen_ai.conversation.id": "b", "session.id": "c"}, {"sessionId": "b"}),
            ({"gen_ai.provider.name": "azure.ai.openai", "gen_ai.system": "x"},
             {"provider": "azure.ai.openai"}),
            ({"gen_ai.system": "x", "pulse.provider": "y"}, {"provider": "x"}),
            ({"pulse.provider": "y"}, {"provider": "y"}),
            ({"pulse.model": "a", "gen_ai.request.model": "b"}, {"model": "a"}),
            ({"gen_ai.request.model": "b", "gen_ai.response.model": "c"},
             {"model": "b", "modelUsed": "c"}),
            ({"gen_ai.response.model": "c"}, {"model": "c", "modelUsed": "c"}),
            ({"gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 12.0},
             {"inputTokens": 12, "outputTokens": 12}),
            ({"gen_ai.usage.input_tokens": "12"}, {"inputTokens": 12}),
            ({"gen_ai.usage.input_tokens": 2**53 - 1}, {"inputTokens": 2**53 - 1}),
            ({"gen_ai.usage.prompt_tokens": 12}, {"inputTokens": None}),
            ({"pulse.cost_cents": 0.25}, {"costCents": 0.25}),
            ({"pulse.cost_cents": "0.25"}, {"costCents": 0.25}),
            ({"pulse.cost_cents": "NaN"}, {"costCents": None}),
            ({"gen_ai.response.finish_reasons": '["stop"]'}, {"finishReason": "stop"}),
            ({"gen_ai.response.finish_reasons": "stop"}, {"finishReason": "stop"}),
            ({"gen_ai.response.finish_reason": "stop"}, {"finishReason": "stop"}),
            ({"gen_ai.response.finish_reasons": ["stop"]}, {"finishReason": None}),
            ({"pulse.output_text": "123"}, {"outputText": "123"}),
            ({"gen_ai.response.id": "r"}, {"providerRequestId": "r"}),
            ({"pulse.error": '{"message":"m"}', "exception.message": "x"},
             {"error": {"message": "m"}}),
            ({"exception.message": "x"}, {"error": "x"}),
            ({"pulse.error": "null"}, {"error": None}),
            ({"pulse.tool.id": "a", "gen_ai.tool.call.id": "b"}, {"toolUseId": "a"}),
            ({"gen_ai.tool.call.id": "b"}, {"toolUseId": "b"}),
            ({"pulse.tool.input": '{"a":1}', "pulse.tool.response": "[2]"},
             {"toolInput": {"a": 1}, "toolResponse": [2]}),
            ({"gen_ai.tool.input": "a", "gen_ai.tool.output": "b"},
             {"toolInput": "a", "toolResponse": "b"}),
            ({"pulse.kind": "tool_use"}, {"toolName": "a span"}),
            ({"pulse.kind": "tool_use", "gen_ai.tool.name": "search"},
             {"toolName": "search"}),
            ({"pulse.tool.name": "search"}, {"toolName": None}),
            ({"pulse.agent.name": "a", "pulse.cwd": "/", "pulse.is_interrupt": False},
             {"agentName": "a", "cwd": "/", "isInterrupt": False}),
            ({"service.name": "app"}, {"service": "app"}),
        ],
    )  # fmt: skip
    def test_columns(self, client: Client, found: dict[str, Any], shown: dict[str, Any]) -> None:
        one = client.only_span(span(found))
        assert {name: one.get(name) for name in shown} == shown

    def test_the_session_falls_back_to_the_trace(self, client: Client) -> None:
        assert client.only_span(span(traceId="t"))["sessionId"] == "t"

    @pytest.mark.parametrize(
        ("found", "metadata"),
        [
            ({"pulse.metadata": {"user": "u1", "n": 1}}, {"user": "u1", "n": 1}),
            ({"pulse.metadata": '{"user":"u1"}'}, {"pulse.metadata": {"user": "u1"}}),
            ({"pulse.metadata.user": "u1"}, {"pulse.metadata.user": "u1"}),
            ({"pulse.session_name": "n"}, {"session_name": "n"}),
            ({"gen_ai.agent.name": "a"}, {"gen_ai.agent.name": "a"}),
            ({"gen_ai.tool.call.arguments": "{}"}, {"gen_ai.tool.call.arguments": {}}),
            ({"pulse.x": "123"}, {"pulse.x": 123}),
            ({"pulse.x": "1" * 30}, {"pulse.x": float("1" * 30)}),
            ({"pulse.x": "1e999"}, {"pulse.x": None}),
            ({"pulse.x": "NaN"}, {"pulse.x": "NaN"}),
            ({"pulse.x": '["\\ud800"]'}, {"pulse.x": ["\ufffd"]}),
            ({"user.id": "u", "session.id": "s", "http.method": "GET", "error.type": "E"}, {}),
        ],
    )
    def test_metadata(
        self, client: Client, found: dict[str, Any], metadata: dict[str, Any]
    ) -> None:
        assert client.only_span(span(found))["metadata"] == metadata
