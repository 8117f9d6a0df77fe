"""What agent frameworks write on their spans, as they were seen to: tools, questions, answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulse_otel.export.dialects import read
from pulse_otel.export.records.record import Record
from tests.export.spans import Recording, one

LANGCHAIN = "openinference.instrumentation.langchain"
KIND = "openinference.span.kind"


def record(scope: str, name: str, attributes: dict[str, Any], **more: Any) -> Record:
    found = read(one(scope, name, attributes, **more))
    assert found is not None
    return found


def test_strands_puts_a_tools_values_on_events() -> None:
    found = record(
        "strands.telemetry.tracer",
        "execute_tool get_weather",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.system": "strands-agents",
            "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": "call_9",
        },
        events=[
            ("gen_ai.tool.message", {"role": "tool", "content": '{"city": "Paris"}'}),
            ("gen_ai.choice", {"message": '[{"text": "Sunny."}]', "id": "call_9"}),
        ],
    )

    assert (found.kind, found.tool_id, found.provider) == ("tool_use", "call_9", None)
    assert (found.tool_input, found.tool_output) == ({"city": "Paris"}, "Sunny.")


def test_strands_writes_bedrocks_blocks() -> None:
    blocks = [{"toolUse": {"toolUseId": "c", "name": "w", "input": {"city": "Paris"}}}]
    results = [{"toolResult": {"toolUseId": "c", "status": "success", "content": [{"text": "21"}]}}]
    found = record(
        "strands.telemetry.tracer",
        "chat",
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"},
        events=[
            ("gen_ai.user.message", {"content": '[{"text": "Weather?"}]'}),
            ("gen_ai.assistant.message", {"content": json.dumps(blocks)}),
            ("gen_ai.tool.message", {"content": json.dumps(results)}),
            ("gen_ai.choice", {"message": '[{"text": "Sunny."}]', "finish_reason": "end_turn"}),
        ],
    )

    assert found.provider == "openai"
    assert found.output_text == "Sunny."
    assert found.request is not None
    user, assistant, tool = found.request["messages"]
    assert user == {"role": "user", "content": "Weather?"}
    assert assistant["tool_calls"][0]["id"] == "c"
    assert (tool["role"], tool["tool_call_id"], tool["content"]) == ("tool", "c", "21")


def test_langchain_returns_a_tools_result_as_a_message_with_the_id_of_the_call() -> None:
    message = {"content": "Sunny.", "name": "get_weather", "tool_call_id": "call_3"}
    for written in ({"type": "tool", "data": message}, message):
        attributes = {KIND: "TOOL", "tool.name": "get_weather", "output.value": json.dumps(written)}
        found = record(LANGCHAIN, "get_weather", {**attributes, "input.value": "Paris"})

        assert (found.tool_id, found.tool_output) == ("call_3", "Sunny.")


def test_a_handoff_is_the_tool_that_the_model_asked_for() -> None:
    found = record(
        "openinference.instrumentation.openai_agents",
        "handoff to Billing desk",
        {KIND: "TOOL", "input.value": "Desk", "output.value": "Billing desk"},
    )

    assert found.tool_name == "transfer_to_billing_desk"
    assert (found.tool_input, found.tool_output) == (None, {"assistant": "Billing desk"})


HUMAN = {"type": "human", "data": {"content": "Weather?"}}
ASKED = {"type": "ai", "data": {"content": "", "tool_calls": [{"name": "w", "args": {}}]}}
ANSWER = {"type": "ai", "data": {"content": "Sunny."}}
QUESTIONS: list[Any] = [
    {"messages": [["user", "Weather?"]]},
    {"messages": [HUMAN]},
    {"messages": [[HUMAN]]},
    {"messages": [{"role": "user", "content": "Weather?"}]},
    {"input": "Weather?", "chat_history": []},
    {"kwargs": {"user_msg": "Weather?"}, "args": []},
    json.dumps(json.dumps({"messages": [["human", "Weather?"]]})),
    [{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}],
]
ANSWERS: list[Any] = [
    {"messages": [HUMAN, ASKED, ANSWER]},
    [{"graph": None, "update": {"messages": [ANSWER]}, "goto": []}],
    {"output": "Sunny."},
    {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "Sunny."}]},
    json.dumps("Sunny."),
]


@pytest.mark.parametrize("given", QUESTIONS)
def test_the_question_of_an_agent_reads_as_text(given: Any) -> None:
    text = given if isinstance(given, str) else json.dumps(given)
    found = record(LANGCHAIN, "LangGraph", {KIND: "CHAIN", "input.value": text})
    assert found.request == {"messages": [{"role": "user", "content": "Weather?"}]}


@pytest.mark.parametrize("answered", ANSWERS)
def test_the_answer_of_an_agent_reads_as_text(answered: Any) -> None:
    text = answered if isinstance(answered, str) else json.dumps(answered)
    assert record(LANGCHAIN, "bot", {KIND: "AGENT", "output.value": text}).output_text == "Sunny."


@pytest.mark.parametrize(
    "text",
    [
        "Weather?",
        '{"answer": "Sunny.", "confidence": 0.9}',
        '["Paris", "Rome"]',
        '[{"type": "page", "content": "a"}]',
        "{not json",
        "21",
        "[" * 2000 + "]" * 2000,
    ],
)
def test_what_is_no_conversation_stays_as_it_is(text: str) -> None:
    found = record(LANGCHAIN, "bot", {KIND: "AGENT", "input.value": text, "output.value": text})
    assert found.request == {"messages": [{"role": "user", "content": text}]}
    assert found.output_text == text


def test_a_chains_plumbing_is_not_sent_but_a_whole_chain_is() -> None:
    recording = Recording()
    tracer = recording.provider.get_tracer(LANGCHAIN)
    text = {"input.value": "a", "output.value": "b", KIND: "CHAIN"}
    with tracer.start_as_current_span("RunnableSequence", attributes=text):
        for name in ("ChatPromptTemplate", "StrOutputParser", "RunnableParallel<a,b>", "_check"):
            recording.span(LANGCHAIN, name, text)
        recording.span(LANGCHAIN, "turn", {KIND: "CHAIN"})  # of the OpenAI Agents SDK
        recording.span(LANGCHAIN, "researcher", text)

    sent = [found for span in recording.spans if (found := read(span))]
    assert [found.name for found in sent] == ["researcher", "RunnableSequence"]


def test_semantic_kernel_writes_messages_with_content_and_the_name_of_an_enum() -> None:
    found = record(
        "semantic_kernel.utils.telemetry",
        "chat gpt-4o-mini",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.input.messages": '[{"role": "user", "content": "Weather?"}]',
            "gen_ai.output.messages": '[{"role": "assistant", "content": "Sunny.", "name": "b"}]',
            "gen_ai.response.finish_reason": "FinishReason.TOOL_CALLS",
        },
    )

    assert found.request == {"messages": [{"role": "user", "content": "Weather?"}]}
    assert (found.output_text, found.finish_reason) == ("Sunny.", "tool_calls")


def test_semantic_kernels_loop_is_a_run_if_it_has_functions_to_call() -> None:
    """It has a span also where those of agents and calls are off, which would hold its parts."""
    scope = "semantic_kernel.connectors.ai.chat_completion_client_base"
    loop = record(scope, "AutoFunctionInvocationLoop", {"sk.available_functions": "A-weather"})

    assert (loop.kind, loop.agent_name) == ("agent_run", "AutoFunctionInvocationLoop")
    for attributes in ({"sk.available_functions": ""}, {}):
        assert read(one(scope, "AutoFunctionInvocationLoop", attributes)) is None


def test_adks_sum_of_parallel_tools_is_no_tool() -> None:
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "(merged tools)"}
    assert read(one("gcp.vertex.agent", "execute_tool (merged)", attributes)) is None


def test_ag2_counts_thinking() -> None:
    tokens = {"gen_ai.usage.output_tokens": 45, "gen_ai.usage.thinking_tokens": 20}
    found = record("ag2", "chat", {"gen_ai.operation.name": "chat", **tokens})
    assert found.usage.reasoning == 20


def test_the_anthropic_sdk_tells_which_cache_writes_live_for_an_hour() -> None:
    """They cost more."""
    key = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"
    found = record("com.anthropic.sdk.python", "m", {"gen_ai.operation.name": "chat", key: 7})
    assert found.usage.cache_write_1h == 7
