"""Spans of frameworks that look like calls and are none, and where an answer's id stands."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.export.dialects import read
from tests.export.spans import one, recorded

MS = 1_000_000
LLM = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-mini"}


def lasting(milliseconds: int, scope: str, name: str, attributes: dict[str, Any]) -> ReadableSpan:
    """Return a span that took so long."""
    span = one(scope, name, attributes, start_time=MS)
    span._end_time = MS + milliseconds * MS
    return span


def test_a_note_of_the_tokens_is_no_call() -> None:
    """ag2's TelemetryMiddleware makes one beside each of its calls."""
    noted = {
        "ag2.span.type": "usage",
        "gen_ai.response.model": "gpt-4o-mini",
        "gen_ai.provider.name": "openai",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
    }
    chat = {**noted, "ag2.span.type": "llm", "gen_ai.operation.name": "chat"}

    assert read(lasting(0, "ag2", "record_usage model_call", noted)) is None
    record = read(lasting(0, "ag2", "chat gpt-4o-mini", chat))
    assert record is not None
    assert (record.kind, record.usage.input) == ("llm_call", 12)


@pytest.mark.parametrize(
    "more",
    [
        {"gen_ai.input.messages": '[{"role": "user", "parts": []}]'},
        {"gen_ai.output.messages": '[{"role": "assistant", "parts": []}]'},
        {"gen_ai.response.id": "chatcmpl-1"},
    ],
)
def test_tokens_with_messages_an_answer_or_a_duration_are_a_call(more: dict[str, Any]) -> None:
    tokens = {"gen_ai.usage.input_tokens": 12, "gen_ai.response.model": "m"}

    for span in (lasting(0, "own", "ask", {**tokens, **more}), lasting(40, "own", "ask", tokens)):
        record = read(span)
        assert record is not None
        assert record.kind == "llm_call"


def test_an_operation_that_is_not_known_is_a_step_of_an_agent() -> None:
    """Strands makes one around each round of calls and tools."""
    cycle = {
        "gen_ai.operation.name": "execute_event_loop_cycle",
        "gen_ai.provider.name": "strands-agents",
        "event_loop.cycle_id": "1",
        "gen_ai.usage.input_tokens": 12,
    }
    record = read(lasting(40, "strands.telemetry.tracer", "execute_event_loop_cycle", cycle))

    assert record is not None
    assert (record.kind, record.usage.input) == ("agent_run", None)
    assert record.attributes["pulse.agent_usage"] == {"input": 12}


def test_a_model_class_that_prepares_a_call_makes_none() -> None:
    """LlamaIndex's instrumentation gives all methods of its model classes one kind."""
    prepared = {
        **LLM,
        "llm.invocation_parameters": '{"temperature": 0.1}',
        "input.value": json.dumps({"tools": [], "user_msg": "hi", "chat_history": []}),
        "input.mime_type": "application/json",
        "output.value": json.dumps({"messages": [{"role": "user"}], "tools": None}),
        "output.mime_type": "application/json",
    }
    scope = "openinference.instrumentation.llama_index"

    assert read(lasting(40, scope, "OpenAI._prepare_chat_with_tools", prepared)) is None
    for more in (
        {"llm.output_messages.0.message.role": "assistant"},
        {"llm.token_count.prompt": 12},
        {"llm.prompts": ("hi",)},
    ):
        record = read(lasting(40, scope, "OpenAI.chat", prepared | more))
        assert record is not None
        assert record.kind == "llm_call"
    failed = one(scope, "OpenAI.chat", prepared, error="no connection")
    assert read(failed) is not None


def test_a_programs_own_span_of_kind_llm_has_plain_texts() -> None:
    texts = {"input.value": "Capital of France?", "output.value": "Paris."}
    record = read(one("openinference.own", "ask", LLM | texts))

    assert record is not None
    assert record.output_text == "Paris."
    assert record.request is not None
    assert record.request["messages"] == [{"role": "user", "content": "Capital of France?"}]


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({"kwargs": {"response_metadata": {"id": "chatcmpl-7"}, "id": "lc_run--1"}}, "chatcmpl-7"),
        ({"kwargs": {"response_metadata": {}, "id": "resp_7"}}, "resp_7"),
        ({"response_metadata": {"id": "msg_7"}}, "msg_7"),
        ({"kwargs": {"response_metadata": {}, "id": "lc_run--1"}}, None),
        ("text", None),
    ],
)
def test_the_id_of_an_answer_in_langchains_json(message: Any, found: str | None) -> None:
    result = json.dumps({"generations": [[{"text": "hi", "message": message}]]})
    messages = {"llm.input_messages.0.message.content": "hi", "output.value": result}
    by_openinference = read(one("openinference.instrumentation.langchain", "Chat", LLM | messages))
    by_langsmith = read(
        one("langsmith", "Chat", {"langsmith.span.kind": "llm", "gen_ai.completion": result})
    )

    assert by_openinference is not None
    assert by_openinference.response_id == found
    assert by_langsmith is not None
    assert by_langsmith.response_id == found


def test_an_earlier_logfire_makes_one_call_of_a_stream() -> None:
    """Its spans name no operation, and neither id nor tokens."""
    opening, ended = recorded("logfire")["openai_chat_stream"]
    asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
    request = {"request_data": json.dumps({**asked, "stream": True})}
    said = {"response_data": json.dumps({"combined_chunk_content": "Hello.", "chunk_count": 2})}
    scope, model = "logfire.openai", {"gen_ai.request.model": "gpt-4o-mini"}
    first = lasting(40, scope, opening.name, {**request, **model, "logfire.span_type": "span"})
    last = lasting(
        0,
        scope,
        ended.name,
        {**request, **model, **said, "logfire.span_type": "log", "duration": 1.5},
    )
    record = read(last)

    assert read(first) is None
    assert record is not None
    assert record.output_text == "Hello."
    assert read(lasting(40, scope, opening.name, {**request, **model, **said})) is not None


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("acompletion", "llm_call"),
        ("anthropic_messages", "llm_call"),
        ("aanthropic_messages", "llm_call"),
        ("aimage_generation", "llm_call"),
        ("arerank", "llm_call"),
        ("create_batch", "agent_run"),
    ],
)
def test_litellms_words_for_operations(word: str, kind: str) -> None:
    attributes = {"gen_ai.operation.name": word, "gen_ai.request.model": "m"}
    record = read(one("litellm", "litellm_request", attributes))

    assert record is not None
    assert record.kind == kind


def test_litellms_tokens_of_a_stream_may_be_its_own_count() -> None:
    tokens = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 8}
    whole = read(one("litellm", "litellm_request", tokens))
    stream = read(one("litellm", "litellm_request", {**tokens, "llm.is_streaming": "True"}))

    assert whole is not None
    assert stream is not None
    assert (whole.estimates_usage, stream.estimates_usage) == (False, True)
    assert replace(stream, estimates_usage=False).usage == whole.usage
