"""What messages hold: content blocks, parameters and usage, in requests, answers and streams."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from pulse_otel.local.provider.replies import Reply, message, message_stream
from tests.conftest import Clients

SEALED = "c2VhbGVk"
CITATION = {"type": "char_location", "cited_text": "grass", "document_index": 0}
SEARCH = {"type": "web_search_result", "title": "T", "url": "https://x.org"}
CODE_RESULT = {"type": "code_execution_result", "stdout": "1\n", "stderr": "", "return_code": 0}

# block of an answer -> its part
ANSWERED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text": ({"type": "text", "text": "green"}, {"type": "text", "content": "green"}),
    "citations": (
        {"type": "text", "text": "green", "citations": [CITATION]},
        {"type": "text", "content": "green", "citations": [CITATION]},
    ),
    "thinking": (
        {"type": "thinking", "thinking": "let me see", "signature": SEALED},
        {"type": "reasoning", "content": "let me see"},
    ),
    "redacted_thinking": (
        {"type": "redacted_thinking", "data": SEALED},
        {"type": "redacted_thinking"},
    ),
    "tool_use": (
        {"type": "tool_use", "id": "t", "name": "weather", "input": {"city": "Paris"}},
        {"type": "tool_call", "id": "t", "name": "weather", "arguments": {"city": "Paris"}},
    ),
    "server_tool_use": (
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {
            "type": "server_tool_call",
            "id": "s",
            "name": "web_search",
            "server_tool_call": {"type": "server_tool_use", "input": {"query": "q"}},
        },
    ),
    "web_search_tool_result": (
        {
            "type": "web_search_tool_result",
            "tool_use_id": "s",
            "content": [{**SEARCH, "encrypted_content": SEALED}],
        },
        {
            "type": "server_tool_call_response",
            "id": "s",
            "server_tool_call_response": {"type": "web_search_tool_result", "content": [SEARCH]},
        },
    ),
    "code_execution_tool_result": (
        {"type": "code_execution_tool_result", "tool_use_id": "c", "content": CODE_RESULT},
        {
            "type": "server_tool_call_response",
            "id": "c",
            "server_tool_call_response": {
                "type": "code_execution_tool_result",
                "content": CODE_RESULT,
            },
        },
    ),
    "mcp_tool_use": (
        {"type": "mcp_tool_use", "id": "m", "name": "n", "server_name": "srv", "input": {"a": 1}},
        {
            "type": "server_tool_call",
            "id": "m",
            "name": "n",
            "server_tool_call": {"type": "mcp_tool_use", "server_name": "srv", "input": {"a": 1}},
        },
    ),
    "mcp_tool_result": (
        {"type": "mcp_tool_result", "tool_use_id": "m", "is_error": False, "content": "ok"},
        {
            "type": "server_tool_call_response",
            "id": "m",
            "server_tool_call_response": {
                "type": "mcp_tool_result",
                "is_error": False,
                "content": "ok",
            },
        },
    ),
    "container_upload": (
        {"type": "container_upload", "file_id": "f"},
        {"type": "container_upload", "file_id": "f"},
    ),
    "compaction": (
        {"type": "compaction", "content": "so far", "encrypted_content": SEALED},
        {"type": "compaction", "content": "so far"},
    ),
    "of a new type": ({"type": "new", "x": [1, {"y": 2}]}, {"type": "new", "x": [1, {"y": 2}]}),
}


@pytest.fixture
def client(clients: Clients, spans: Any) -> Any:
    return observe(clients.anthropic(), "anthropic")


def _ask(client: Any, content: Any = "hi", **more: Any) -> Any:
    asked: list[Any] = [{"role": "user", "content": content}]
    stream = more.pop("stream", False)
    return client.beta.messages.create(
        model="m", max_tokens=9, messages=asked, stream=stream, **more
    )


def _attributes(spans: InMemorySpanExporter) -> Any:
    (span,) = spans.get_finished_spans()
    return span.attributes


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", ANSWERED)
def test_a_block_of_an_answer(
    name: str, streamed: bool, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    block, part = ANSWERED[name]
    provider.enqueue((message_stream if streamed else message)(content=[block]))

    answer = _ask(client, stream=streamed)
    list(answer) if streamed else answer.content

    (said,) = json.loads(_attributes(spans)["gen_ai.output.messages"])
    assert said["role"] == "assistant"
    assert said["parts"] == [part]
    assert SEALED not in str(dict(_attributes(spans)))


def _media(kind: str, source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": kind, "source": source, **more}


# block of a request -> its part
ASKED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "image": (
        _media("image", {"type": "base64", "media_type": "image/png", "data": "aGk="}),
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk="},
    ),
    "image of a URL": (
        _media("image", {"type": "url", "url": "https://x.org/a.png"}),
        {"type": "uri", "modality": "image", "uri": "https://x.org/a.png"},
    ),
    "document of a file": (
        _media("document", {"type": "file", "file_id": "f"}, title="T"),
        {"type": "file", "modality": "document", "file_id": "f", "title": "T"},
    ),
    "document of text": (
        _media("document", {"type": "text", "media_type": "text/plain", "data": "grass"}),
        _media("document", {"type": "text", "media_type": "text/plain", "data": "grass"}),
    ),
    "tool_result": (
        {"type": "tool_result", "tool_use_id": "t", "content": "sunny", "is_error": True},
        {"type": "tool_call_response", "id": "t", "response": "sunny", "is_error": True},
    ),
    "search_result": (
        {"type": "search_result", "source": "s", "title": "T", "content": []},
        {"type": "search_result", "source": "s", "title": "T", "content": []},
    ),
    "redacted_thinking": (
        {"type": "redacted_thinking", "data": SEALED},
        {"type": "redacted_thinking"},
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_block_of_a_request(
    name: str, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    block, part = ASKED[name]

    _ask(client, [block])

    (asked,) = json.loads(_attributes(spans)["gen_ai.input.messages"])
    assert asked == {"role": "user", "parts": [part]}
    assert provider.requests[0].json()["messages"][0]["content"] == [block]


USAGE = {
    "service_tier": "priority",
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
    "output_tokens_details": {"thinking_tokens": 7},
    "iterations": [{"type": "compaction", "input_tokens": 900, "output_tokens": 90}],
}
DETAILS = {"type": "refusal", "category": "cyber", "explanation": None}


@pytest.mark.parametrize("streamed", [False, True])
def test_usage_and_the_reason_to_stop(
    streamed: bool, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    reply = (message_stream if streamed else message)(
        stop_reason="refusal", usage=USAGE, stop_details=DETAILS
    )
    provider.enqueue(reply)

    answer = _ask(client, stream=streamed)
    list(answer) if streamed else answer.content

    found = _attributes(spans)
    assert found["gen_ai.usage.input_tokens"] == 30 + 10 + 80 + 900
    assert found["gen_ai.usage.cache_read.input_tokens"] == 80
    assert found["gen_ai.usage.cache_write.input_tokens"] == 10
    assert found["gen_ai.usage.output_tokens"] == 45 + 90
    assert found["gen_ai.usage.reasoning.output_tokens"] == 7
    assert found["pulse.service_tier"] == "priority"
    assert json.loads(found["pulse.usage.details"]) == {
        "server_tool_use": {"web_search_requests": 2},
        "cache_creation": {"ephemeral_5m_input_tokens": 10},
        "iterations": USAGE["iterations"],
    }
    assert found["gen_ai.response.finish_reasons"] == ("content_filter",)
    assert found["pulse.response.raw_finish_reasons"] == ("refusal",)
    assert json.loads(found["pulse.response.stop_details"]) == {
        "type": "refusal",
        "category": "cyber",
    }


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_call"),
        ("pause_turn", "pause_turn"),
        ("model_context_window_exceeded", "model_context_window_exceeded"),
        ("compaction", "compaction"),
        ("of_tomorrow", "of_tomorrow"),
    ],
)
def test_finish_reasons(
    raw: str, reason: str, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(message(stop_reason=raw))

    _ask(client)

    assert _attributes(spans)["gen_ai.response.finish_reasons"] == (reason,)
    assert _attributes(spans)["pulse.response.raw_finish_reasons"] == (raw,)


def test_parameters(client: Any, spans: InMemorySpanExporter) -> None:
    server = {"type": "url", "name": "n", "url": "https://mcp.x.org"}
    sent = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {}}},
        "mcp_servers": [{**server, "authorization_token": "secret-token"}],
        "context_management": {"edits": []},
        "service_tier": "auto",
        "max_tokens": 11,
    }

    _ask(client, stop_sequences=["X"], system="Be brief.", extra_body=sent)

    found = _attributes(spans)
    assert found["gen_ai.request.max_tokens"] == 11  # `extra_body` is what was sent
    assert found["gen_ai.request.temperature"] == 0.5
    assert found["gen_ai.request.top_p"] == 0.9
    assert found["gen_ai.request.top_k"] == 3
    assert found["gen_ai.request.stop_sequences"] == ("X",)
    assert found["gen_ai.request.reasoning.level"] == "high"
    assert found["gen_ai.output.type"] == "json"
    assert "gen_ai.request.stream" not in found
    others = json.loads(found["pulse.request.parameters"])
    assert others["service_tier"] == "auto"
    assert others["mcp_servers"] == [{**server, "authorization_token": "[masked]"}]
    assert others["context_management"] == {"edits": []}
    assert json.loads(found["gen_ai.system_instructions"])[0]["content"] == "Be brief."
    assert "secret-token" not in str(dict(found))


def test_a_count_beside_what_counting_says(
    client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(Reply(body=b'{"input_tokens": 12, "context_management": {"x": 1}}'))

    client.beta.messages.count_tokens(model="m", messages=[{"role": "user", "content": "hi"}])

    found = _attributes(spans)
    assert found["pulse.counted_tokens"] == 12
    assert not [name for name in found if name.startswith("gen_ai.usage.")]
    assert not [name for name in found if name.startswith("gen_ai.response.")]
