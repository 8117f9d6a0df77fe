"""The traces that the development trace service derives from spans (contract §3.4)."""

from __future__ import annotations

import uuid

import pytest

from tests.local.service_client import FULL, SESSION, Client, span


class TestTraces:
    def test_a_full_call(self, client: Client) -> None:
        trace = client.only_trace(
            span(FULL, traceId="t", duration=800), resource={"service.name": "my-app"}
        )
        (one,) = trace.pop("spans")
        assert trace == {
            "traceId": "t",
            "sessionId": SESSION,
            "timestamp": "2023-11-14T22:13:20.000Z",
            "latencyMs": 800,
            "source": "sdk",
            "services": ["my-app"],
            "spanCount": 1,
            "summary": "gpt-4o-mini",
            "toolCallCount": 0,
            "filesEdited": 0,
            "providerRequestId": "chatcmpl-1",
            "outputText": "Hello",
            "finishReason": "stop",
            "status": "success",
            "errorService": None,
            "metadata": {
                "user": "u1",
                "pulse.request": {"messages": []},
                "pulse.response": {"id": 1},
                "toolCalls": 0,
            },
            "provider": "openai",
            "modelRequested": "gpt-4o-mini",
            "modelUsed": "gpt-4o-mini-2024-07-18",
            "inputTokens": 10,
            "outputTokens": 5,
            "costCents": 0.0045,
            "requestBody": {"messages": []},
            "responseBody": {"id": 1},
        }
        assert (one["durationMs"], one["label"]) == (800, "provider_call")
        assert uuid.UUID(one["projectId"])

    def test_an_ordinary_span_becomes_a_call(self, client: Client) -> None:
        trace = client.only_trace(span({"http.method": "GET"}))
        assert trace["spans"][0]["kind"] == "llm_call"
        assert (trace["provider"], trace["modelRequested"]) == ("sdk", "unknown")
        assert trace["summary"] == "unknown"
        assert not {"error", "outputText", "requestBody", "responseBody"} & trace.keys()

    def test_an_untagged_parent_hides_the_call(self, client: Client) -> None:
        trace = client.only_trace(
            span(traceId="t", duration=1000),
            span(FULL, traceId="t", start=100, duration=800),
        )
        assert (trace["summary"], trace["provider"], trace["sessionId"]) == ("unknown", "sdk", "t")
        assert (trace["inputTokens"], trace["latencyMs"]) == (10, 1800)
        assert "requestBody" not in trace

    def test_a_parent_of_another_kind_does_not(self, client: Client) -> None:
        trace = client.only_trace(
            span({"pulse.kind": "agent_run"}, traceId="t", duration=1000),
            span(FULL, traceId="t", start=100, duration=800),
        )
        assert (trace["summary"], trace["provider"]) == ("gpt-4o-mini", "openai")
        assert (trace["sessionId"], trace["latencyMs"]) == (SESSION, 1800)

    def test_the_first_call_speaks_and_all_calls_are_summed(self, client: Client) -> None:
        later = {**FULL, "pulse.output_text": "Later", "pulse.session_id": "other"}
        trace = client.only_trace(
            span(later, traceId="t", start=500), span(FULL, traceId="t", start=0)
        )
        assert (trace["outputText"], trace["sessionId"]) == ("Hello", SESSION)
        assert (trace["inputTokens"], trace["outputTokens"]) == (20, 10)
        assert trace["costCents"] == pytest.approx(0.009)
        assert [one["outputText"] for one in trace["spans"]] == ["Hello", "Later"]

    def test_tools(self, client: Client) -> None:
        tool = {"pulse.kind": "tool_use", "pulse.tool.id": "c1", "pulse.tool.name": "search"}
        trace = client.only_trace(
            span(FULL, traceId="t", spanId="root"),
            span(tool, traceId="t", parentSpanId="root", start=1),
            span(tool, traceId="t", parentSpanId="root", start=2),
            span({**tool, "pulse.tool.id": "c2"}, traceId="t", parentSpanId="root", start=3),
        )
        assert (trace["toolCallCount"], trace["metadata"]["toolCalls"]) == (2, 2)
        assert trace["spans"][1]["label"] == "search"

    def test_tools_alone(self, client: Client) -> None:
        found = {"pulse.kind": "tool_use", "gen_ai.provider.name": "x", "pulse.cost_cents": 1}
        trace = client.only_trace(span(found))
        assert trace["summary"] == "1 tool calls"
        without = ("provider", "modelRequested", "modelUsed", "inputTokens", "outputTokens")
        assert [trace[name] for name in (*without, "costCents", "requestBody")] == [None] * 7

    def test_any_failed_span_fails_the_trace(self, client: Client) -> None:
        tool = {"pulse.kind": "tool_use", "pulse.error": '{"message":"m"}', "service.name": "tools"}
        trace = client.only_trace(
            span(FULL, traceId="t"), span(tool, traceId="t", start=1, status={"code": 2})
        )
        assert (trace["status"], trace["error"]) == ("error", {"message": "m"})
        assert trace["errorService"] == "tools"

    def test_an_error_shows_even_if_all_succeeded(self, client: Client) -> None:
        trace = client.only_trace(span({"pulse.error": "odd"}))
        assert (trace["status"], trace["error"]) == ("success", "odd")
