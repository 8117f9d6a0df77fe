"""As `test_dialect_built`: kinds of spans of the recorded dialects that no recording has."""

from __future__ import annotations

import json

import pytest

from pulse_otel.export.dialects import read
from pulse_otel.export.records.record import Usage
from tests.export.dialects.test_dialect_built import record
from tests.export.spans import one


def test_langsmith() -> None:
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "q"}]}
    response = {
        "id": "chatcmpl-1",
        "model": "gpt-4o-2024-08-06",
        "choices": [{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1},
    }

    found = record(
        "langsmith",
        "ChatOpenAI",
        {
            "langsmith.span.kind": "llm",
            "gen_ai.system": "openai",
            "gen_ai.prompt": json.dumps(request),
            "gen_ai.completion": json.dumps(response),
            "langsmith.metadata.thread_id": "s1",
        },
    )

    assert (found.operation, found.output_text, found.session_id) == ("chat", "a", "s1")
    assert found.usage == Usage(input=5, output=1)
    assert (found.request or {})["messages"] == request["messages"]


def test_openinference_tool_agent_and_framework_call() -> None:
    tool = record(
        "openinference.instrumentation.langchain",
        "search",
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "search",
            "input.value": '{"q":"x"}',
            "output.value": "found",
            "session.id": "s1",
            "user.id": "u1",
            "metadata": '{"team":"blue"}',
            "tag.tags": ["a"],
        },
    )
    agent = record(
        "openinference.instrumentation.langchain",
        "AgentExecutor",
        {"openinference.span.kind": "AGENT", "input.value": "q", "output.value": "a"},
    )
    call = record(  # a framework's JSON, not the provider's
        "openinference.instrumentation.langchain",
        "ChatOpenAI",
        {
            "openinference.span.kind": "LLM",
            "input.value": '{"messages":[[{"lc":1,"kwargs":{"content":"q"}}]]}',
            "output.value": '{"generations":[[{"text":"a"}]]}',
            "llm.model_name": "gpt-4o",
            "llm.provider": "openai",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "image",
            "llm.input_messages.0.message.contents.0.message_content.image.image.url": "http://i/1",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "a",
            "llm.tools.0.tool.json_schema": '{"type":"function","function":{"name":"w"}}',
            "llm.token_count.prompt": 5,
            "llm.cost.total": 0.01,
        },
    )

    assert (tool.kind, tool.tool_name) == ("tool_use", "search")
    assert (tool.tool_input, tool.tool_output) == ({"q": "x"}, "found")
    assert (tool.session_id, tool.user_id) == ("s1", "u1")
    assert tool.metadata == {"team": "blue", "tags": ("a",)}
    assert (agent.kind, agent.agent_name, agent.output_text) == ("agent_run", "AgentExecutor", "a")
    assert (call.response_model, call.output_text, call.usage.input) == ("gpt-4o", "a", 5)
    assert call.reported_cost_cents == 1
    assert (call.request or {})["messages"] == [{"role": "user", "content": "[image: http://i/1]"}]
    assert (call.request or {})["tools"][0]["function"]["name"] == "w"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input": 30, "input_cached_tokens": 80, "output": 4}, Usage(110, 4, cache_read=80)),
        (
            {"input_tokens": 30, "cache_read_input_tokens": 80, "output_tokens": 4},
            Usage(110, 4, cache_read=80),
        ),
        (
            {"input_tokens": 120, "input_tokens_details": {"cached_tokens": 80}},
            Usage(120, cache_read=80),
        ),
        ({"input": 7}, Usage(7)),
    ],
)
def test_langfuse_usage_leaves_the_cache_out(usage: dict[str, int], expected: Usage) -> None:
    found = record(
        "langfuse-sdk",
        "g",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "claude-haiku-5-5",
            "langfuse.observation.usage_details": json.dumps(usage),
            "langfuse.observation.cost_details": '{"total": 0.25}',
            "session.id": "s1",
            "langfuse.trace.metadata.feature": '"chat"',
        },
    )

    assert found.usage == expected
    assert found.provider == "anthropic"  # by the model's name
    assert found.reported_cost_cents == 25
    assert found.session_id == "s1"
    assert found.metadata == {"feature": "chat"}


def test_langfuse_tool_and_agent() -> None:
    tool = record(
        "langfuse-sdk",
        "search",
        {
            "langfuse.observation.type": "tool",
            "langfuse.observation.input": '{"q":"x"}',
            "langfuse.observation.output": '"found"',
        },
    )
    agent = record(
        "langfuse-sdk", "helper", {"langfuse.observation.type": "agent", "langfuse.user.id": "u"}
    )

    assert (tool.kind, tool.tool_name, tool.tool_output) == ("tool_use", "search", "found")
    assert (agent.kind, agent.agent_name, agent.user_id) == ("agent_run", "helper", "u")


def test_logfire_before_the_conventions() -> None:
    found = record(
        "logfire.openai",
        "Chat Completion with {request_data[model]!r}",
        {
            "logfire.span_type": "span",
            "request_data": json.dumps(
                {"model": "gpt-4o", "messages": [{"role": "user", "content": "q"}]}
            ),
            "response_data": json.dumps(
                {
                    "message": {"role": "assistant", "content": "a"},
                    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
                }
            ),
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "operation.cost": 0.01,
        },
    )

    assert (found.output_text, found.usage) == ("a", Usage(5, 1))
    assert (found.request or {})["messages"] == [{"role": "user", "content": "q"}]
    assert found.reported_cost_cents == 1


def test_older_anthropic_input_without_the_cache() -> None:
    """No flag says so: a total that is smaller than its parts can be none."""
    found = record(
        "somebody",
        "chat",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "Anthropic",
            "gen_ai.usage.input_tokens": 30,
            "gen_ai.usage.cache_read_input_tokens": 80,
            "gen_ai.usage.cache_creation_input_tokens": 10,
        },
    )

    assert found.usage == Usage(input=120, cache_read=80, cache_write=10)


@pytest.mark.parametrize(
    ("error_type", "description", "expected"),
    [
        ("<class 'openai.RateLimitError'>", None, {"name": "openai.RateLimitError"}),
        (
            "TimeoutError",
            "gone with sk-abcdefghijklmnop",
            {"name": "TimeoutError", "message": "gone with [masked]"},
        ),
        ("overloaded_error", None, {"name": "overloaded_error", "code": "overloaded_error"}),
        (
            None,
            "Error code: 401 - {'error': {'message': \"it's wrong: sk-abcdefghijklmnop\"}}",
            {"message": "it's wrong: [masked]", "status": 401},
        ),
        (None, "", {"name": "error"}),
    ],
)
def test_errors_are_taken_apart_and_masked(
    error_type: str | None, description: str | None, expected: dict[str, object]
) -> None:
    attributes = {"gen_ai.operation.name": "chat"}
    if error_type:
        attributes["error.type"] = error_type

    found = record("somebody", "chat", attributes, error=description)

    assert found.is_error
    assert found.error == expected


def test_remote_conventions_events() -> None:
    details = {"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"q"}]}]'}
    span = one(
        "strict",
        "chat",
        {"gen_ai.operation.name": "chat"},
        events=[("gen_ai.client.inference.operation.details", details)],
    )

    found = read(span)

    assert found is not None
    assert (found.request or {})["messages"] == [{"role": "user", "content": "q"}]


def test_openlit_says_input_without_the_cache() -> None:
    found = record(
        "openlit.otel.tracing",
        "chat claude-haiku-5-5",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-haiku-5-5",
            "gen_ai.request.seed": 0,
            "gen_ai.request.max_tokens": -1,
            "gen_ai.usage.input_tokens": 30,
            "gen_ai.usage.cache_read.input_tokens": 5,
            "gen_ai.usage.cache_creation.input_tokens": 10,
            "gen_ai.usage.output_tokens": 4,
            "gen_ai.usage.cost": 0.5,
            "gen_ai.server.time_to_first_token": 1.5,
        },
    )

    assert found.usage == Usage(input=45, output=4, cache_read=5, cache_write=10)
    assert found.reported_cost_cents == 50
    assert found.request == {"model": "claude-haiku-5-5"}
    assert "gen_ai.response.time_to_first_chunk" not in found.attributes
