"""Dialects of which nothing is recorded: their spans are built here with the SDK's span API.

The attributes are those that the projects document; their instrumentations did not run for them.
"""

from __future__ import annotations

import json
from typing import Any

from pulse_otel.export.dialects import read
from pulse_otel.export.records.record import Record, Usage
from tests.export.spans import one


def record(scope: str, name: str, attributes: dict[str, Any], **more: Any) -> Record:
    found = read(one(scope, name, attributes, **more))
    assert found is not None
    return found


def test_vercel_call() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool-call",
                    "toolCallId": "c1",
                    "toolName": "w",
                    "args": {"city": "Paris"},
                }
            ],
        },
        {
            "role": "tool",
            "content": [
                {"type": "tool-result", "toolCallId": "c1", "toolName": "w", "result": {"t": 21}}
            ],
        },
    ]
    tool = {"type": "function", "name": "w", "inputSchema": {"type": "object"}}

    found = record(
        "ai",
        "ai.streamText.doStream",
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.model.provider": "openai.responses",
            "ai.model.id": "gpt-4o",
            "ai.settings.maxOutputTokens": 50,
            "ai.settings.maxRetries": 2,
            "ai.prompt.messages": json.dumps(messages),
            "ai.prompt.tools": [json.dumps(tool)],
            "ai.response.text": "Sunny.",
            "ai.response.toolCalls": json.dumps(
                [{"toolCallId": "c2", "toolName": "w", "input": '{"city":"Rome"}'}]
            ),
            "ai.response.finishReason": "tool-calls",
            "ai.response.id": "chatcmpl-1",
            "ai.response.model": "gpt-4o-2024-08-06",
            "ai.response.msToFirstChunk": 250.0,
            "ai.usage.inputTokens": 100,
            "ai.usage.cachedInputTokens": 40,
            "ai.usage.outputTokens": 9,
            "ai.usage.reasoningTokens": 3,
            "ai.telemetry.metadata.sessionId": "s1",
            "ai.telemetry.metadata.userId": "u1",
            "ai.telemetry.metadata.feature": "weather",
        },
    )

    assert (found.kind, found.operation, found.provider) == ("llm_call", "chat", "openai")
    assert (found.model, found.response_model) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert found.usage == Usage(input=100, output=9, cache_read=40, reasoning=3)
    assert (found.finish_reason, found.output_text) == ("tool_calls", "Sunny.")
    assert (found.session_id, found.user_id) == ("s1", "u1")
    assert found.metadata == {"feature": "weather"}
    assert found.attributes["gen_ai.response.time_to_first_chunk"] == 0.25
    request = found.request or {}
    assert request["max_tokens"] == 50
    assert "maxRetries" not in request
    assert request["messages"][1] == {"role": "user", "content": "Weather?"}
    assert request["messages"][2]["tool_calls"][0]["id"] == "c1"
    assert request["messages"][3]["tool_call_id"] == "c1"
    assert json.loads(request["messages"][3]["content"]) == {"t": 21}
    assert request["tools"][0]["function"]["parameters"] == {"type": "object"}


def test_vercel_outer_span_tool_and_embedding() -> None:
    outer = record(
        "ai",
        "ai.generateText",
        {
            "ai.operationId": "ai.generateText",
            "ai.prompt": json.dumps({"system": "s", "prompt": "q"}),
            "ai.response.text": "a",
            "ai.usage.inputTokens": 100,
            "ai.telemetry.functionId": "answer",
        },
    )
    tool = record(
        "ai",
        "ai.toolCall",
        {
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.name": "w",
            "ai.toolCall.id": "c1",
            "ai.toolCall.args": '{"city":"Paris"}',
            "ai.toolCall.result": '{"t":21}',
        },
    )
    embedding = record(
        "ai",
        "ai.embedMany.doEmbed",
        {
            "ai.operationId": "ai.embedMany.doEmbed",
            "ai.model.provider": "openai.embedding",
            "ai.model.id": "text-embedding-3-small",
            "ai.values": ['"a"', '"b"'],
            "ai.usage.tokens": 7,
        },
    )

    assert (outer.kind, outer.agent_name, outer.usage) == ("agent_run", "answer", Usage())
    assert outer.output_text == "a"
    assert outer.attributes["pulse.agent_usage"] == {"input": 100}
    assert (tool.kind, tool.tool_name, tool.tool_id) == ("tool_use", "w", "c1")
    assert (tool.tool_input, tool.tool_output) == ({"city": "Paris"}, {"t": 21})
    assert (embedding.provider, embedding.usage.input) == ("openai", 7)
    assert (embedding.request or {})["input"] == ["a", "b"]


def test_litellm_today() -> None:
    found = record(
        "litellm",
        "litellm_request",
        {
            "gen_ai.operation.name": "acompletion",
            "gen_ai.system": "vertex_ai",
            "gen_ai.request.model": "gemini-2.5-pro",
            "gen_ai.response.model": "gemini-2.5-pro",
            "gen_ai.response.id": "x1",
            "gen_ai.response.finish_reasons": '["stop"]',
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 2,
            "gen_ai.usage.total_tokens": 12,
            "gen_ai.cost.total_cost": 0.0125,
            "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"q"}]}]',
            "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text",'
            '"content":"a"}]}]',
            "llm.is_streaming": "True",
            "llm.user": "u1",
            "metadata.session_id": "s1",
            "metadata.team": "blue",
        },
    )

    assert (found.provider, found.operation) == ("gcp.vertex_ai", "chat")
    assert (found.finish_reason, found.output_text) == ("stop", "a")
    assert found.reported_cost_cents == 1.25
    assert (found.session_id, found.user_id) == ("s1", "u1")
    assert found.metadata["team"] == "blue"
    assert (found.request or {})["stream"] is True


def test_litellm_and_openllmetry_before() -> None:
    """``gen_ai.prompt.N``: also what OpenLLMetry wrote until 0.4x."""
    attributes = {
        "llm.request.type": "chat",
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.prompt_tokens": 10,
        "gen_ai.usage.completion_tokens": 2,
        "gen_ai.usage.cache_read_input_tokens": 4,
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "q",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "a",
        "gen_ai.completion.0.finish_reason": "tool_calls",
        "gen_ai.completion.0.tool_calls.0.id": "c1",
        "gen_ai.completion.0.tool_calls.0.name": "w",
        "gen_ai.completion.0.tool_calls.0.arguments": '{"city":"Paris"}',
        "llm.request.functions.0.name": "w",
        "llm.request.functions.0.parameters": '{"type":"object"}',
        "traceloop.association.properties.session_id": "s1",
        "traceloop.association.properties.plan": "pro",
    }

    for scope in ("opentelemetry.instrumentation.openai.v1", "some.unknown.scope"):
        found = record(scope, "openai.chat", attributes)

        assert (found.provider, found.operation, found.session_id) == ("openai", "chat", "s1")
        assert found.usage == Usage(input=10, output=2, cache_read=4)
        assert (found.finish_reason, found.output_text) == ("tool_calls", "a")
        assert found.metadata == {"plan": "pro"}
        request, response = found.request or {}, found.response or {}
        assert [m["role"] for m in request["messages"]] == ["system", "user"]
        assert request["tools"][0]["function"] == {"name": "w", "parameters": {"type": "object"}}
        assert response["choices"][0]["message"]["tool_calls"][0]["id"] == "c1"
        assert not any(key.startswith("gen_ai.prompt") for key in found.attributes)


def test_pydantic_ai() -> None:
    call = record(
        "pydantic-ai",
        "chat gpt-4o",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 2,
            "gen_ai.usage.details.reasoning_tokens": 1,
            "operation.cost": 0.002,
            "model_request_parameters": json.dumps(
                {"function_tools": [{"name": "w", "parameters_json_schema": {"type": "object"}}]}
            ),
            "events": json.dumps(
                [
                    {"event.name": "gen_ai.system.message", "content": "Be brief."},
                    {"event.name": "gen_ai.user.message", "content": "q", "role": "user"},
                    {"event.name": "gen_ai.choice", "index": 0, "message": {"content": "a"}},
                ]
            ),
        },
    )
    agent = record(
        "pydantic-ai",
        "agent run",
        {
            "agent_name": "weather",
            "model_name": "gpt-4o",
            "gen_ai.usage.input_tokens": 10,
            "final_result": "a",
        },
    )
    tool = record(
        "pydantic-ai",
        "running tool",
        {
            "gen_ai.tool.name": "w",
            "gen_ai.tool.call.id": "c1",
            "tool_arguments": '{"city":"Paris"}',
            "tool_response": "sunny",
        },
    )

    assert (call.output_text, call.usage.reasoning) == ("a", 1)
    assert call.reported_cost_cents == 0.2
    assert [m["content"] for m in (call.request or {})["messages"]] == ["Be brief.", "q"]
    assert (call.request or {})["tools"][0]["function"]["name"] == "w"
    assert (agent.kind, agent.agent_name, agent.usage) == ("agent_run", "weather", Usage())
    assert agent.output_text == "a"
    assert (tool.kind, tool.tool_input, tool.tool_output) == (
        "tool_use",
        {"city": "Paris"},
        "sunny",
    )


def test_events_on_the_span() -> None:
    """Conventions up to 1.36, on the span (Strands); openai-v2 itself sends them as logs."""
    events = [
        ("gen_ai.system.message", {"content": "Be brief."}),
        ("gen_ai.user.message", {"content": '[{"type":"text","text":"q"}]'}),
        ("gen_ai.assistant.message", {"tool_calls": '[{"id":"c1","function":{"name":"w"}}]'}),
        ("gen_ai.tool.message", {"id": "c1", "content": "21"}),
        ("gen_ai.choice", {"index": 0, "finish_reason": "end_turn", "message": "a"}),
    ]
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.system": "aws.bedrock"}

    for scope in ("strands.telemetry.tracer", "opentelemetry.instrumentation.openai_v2", "else"):
        found = record(scope, "chat", attributes, events=events)

        assert (found.output_text, found.finish_reason) == ("a", "stop")
        messages = (found.request or {})["messages"]
        assert [m["role"] for m in messages] == ["system", "user", "assistant", "tool"]
        assert messages[2]["tool_calls"][0]["function"]["name"] == "w"
        assert messages[3]["tool_call_id"] == "c1"
