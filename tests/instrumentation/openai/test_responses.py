"""The Responses API: what a request and a response become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulse_otel.local.provider.replies import Reply, ToolCall, openai_error
from tests.conftest import Clients
from tests.instrumentation.openai.conftest import Instrument, Spans
from tests.provider.response_replies import response


def test_a_request(clients: Clients, spans: Spans) -> None:
    clients.openai().responses.create(
        model="gpt-5",
        input="Hello Pulse",
        instructions="Be kind",
        previous_response_id="resp_0",
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_object"}},
        max_output_tokens=99,
        temperature=0.5,
        top_p=0.9,
        store=False,
        metadata={"a": "b"},
        extra_body={"service_tier": "flex"},
    )

    attributes = spans.attributes
    assert attributes["openai.api.type"] == "responses"
    assert attributes["gen_ai.request.previous_response.id"] == "resp_0"
    assert attributes["gen_ai.request.reasoning.level"] == "low"
    assert attributes["gen_ai.output.type"] == "json"
    assert attributes["gen_ai.request.max_tokens"] == 99
    assert attributes["gen_ai.request.temperature"] == 0.5
    assert attributes["gen_ai.request.top_p"] == 0.9
    assert attributes["openai.request.service_tier"] == "flex"
    assert "gen_ai.request.stream" not in attributes
    assert spans.json("gen_ai.system_instructions") == [{"type": "text", "content": "Be kind"}]
    hello = {"role": "user", "parts": [{"type": "text", "content": "Hello Pulse"}]}
    assert spans.json("gen_ai.input.messages") == [hello]
    parameters = spans.json("pulse.request.parameters")
    assert parameters.pop("reasoning") == {"effort": "low", "summary": "auto"}
    assert parameters == {
        "text": {"format": {"type": "json_object"}},
        "store": False,
        "metadata": {"a": "b"},
    }


def test_a_response(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(response(reasoning="Hm.", model="gpt-5-2025-08-07", id="resp_7"))

    clients.openai().responses.create(model="gpt-5", input="Hello")

    attributes = spans.attributes
    assert attributes["gen_ai.response.id"] == "resp_7"
    assert attributes["gen_ai.response.model"] == "gpt-5-2025-08-07"
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["pulse.response.raw_finish_reasons"] == ("completed",)
    assert attributes["openai.response.service_tier"] == "default"
    usage = {name[13:]: attributes[name] for name in attributes if name.startswith("gen_ai.usage.")}
    assert usage == {
        "input_tokens": 120,
        "cache_read.input_tokens": 64,
        "cache_write.input_tokens": 8,
        "output_tokens": 45,
        "reasoning.output_tokens": 20,
    }
    (message,) = spans.json("gen_ai.output.messages")
    assert message == {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Hm."},
            {"type": "text", "content": "Hello! Paris is sunny."},
        ],
        "finish_reason": "stop",
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tool_calls": [ToolCall("look", {"at": "sky"})]}, "tool_call"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "length",
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, "steered"),
        ({"status": "incomplete"}, "error"),
        ({"status": "cancelled"}, "error"),
    ],
)
def test_finish_reasons(
    fields: dict[str, Any], reason: str, provider: Any, clients: Clients, spans: Spans
) -> None:
    provider.enqueue(response(**fields))

    clients.openai().responses.create(model="gpt-5", input="Hello")

    assert spans.attributes["gen_ai.response.finish_reasons"] == (reason,)
    assert spans.json("gen_ai.output.messages")[0]["finish_reason"] == reason
    assert spans.one().status.is_unset


def test_a_background_response_has_no_finish_reason_yet(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    provider.enqueue(response(status="queued", output=[], usage=None))

    clients.openai().responses.create(model="gpt-5", input="Hello", extra_body={"background": True})

    assert "gen_ai.response.finish_reasons" not in spans.attributes
    assert spans.attributes["pulse.response.raw_finish_reasons"] == ("queued",)
    assert "gen_ai.usage.input_tokens" not in spans.attributes


def test_a_failed_response_is_an_error(provider: Any, clients: Clients, spans: Spans) -> None:
    error = {"code": "server_error", "message": "Lost with key sk-12345678901234567890"}
    provider.enqueue(response(status="failed", output=[], error=error))

    clients.openai().responses.create(model="gpt-5", input="Hello")

    span = spans.one()
    assert not span.status.is_ok
    assert span.status.description == "Lost with key [masked]"
    assert spans.attributes["error.type"] == "server_error"
    assert spans.attributes["gen_ai.response.finish_reasons"] == ("error",)


def test_a_refused_request_is_an_error(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(openai_error(429))

    with pytest.raises(Exception, match="Rate limit"):
        clients.openai().responses.create(model="gpt-5", input="Hello")

    assert spans.attributes["error.type"] == "rate_limit_exceeded"


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
def test_a_conversation_is_the_session_unless_there_is_one(
    conversation: Any, clients: Clients, spans: Spans
) -> None:
    create = clients.openai().responses.create
    body = {"conversation": conversation}

    create(model="gpt-5", input="Hello", extra_body=body)
    create(model="gpt-5", input="Hello", extra_body=body, pulse_session_id="s-1")

    first, second = (dict(span.attributes or {}) for span in spans.memory.get_finished_spans())
    assert first["gen_ai.conversation.id"] == "conv_1"
    assert second["gen_ai.conversation.id"] == "s-1"


def test_compact(clients: Clients, spans: Spans) -> None:
    client = clients.openai()
    if not hasattr(client.responses, "compact"):
        pytest.skip("this openai has no responses.compact")

    client.responses.compact(model="gpt-5", input="Hello")

    assert spans.attributes["gen_ai.conversation.compacted"] is True
    assert spans.attributes["gen_ai.usage.input_tokens"] == 120
    assert [part["type"] for part in spans.parts] == ["compaction"]
    assert "gAAAA" not in spans.attributes["gen_ai.output.messages"]


def test_fetching_a_response_counts_no_tokens(clients: Clients, spans: Spans) -> None:
    clients.openai().responses.retrieve("resp_9", extra_query={"starting_after": 3})

    attributes = spans.attributes
    assert attributes["gen_ai.response.id"] == "resp_9"
    assert attributes["gen_ai.response.status"] == "completed"
    assert attributes["gen_ai.request.stream_cursor"] == "3"
    assert spans.parts == [{"type": "text", "content": "Hello! Paris is sunny."}]
    assert not [name for name in attributes if name.startswith("gen_ai.usage.")]


def test_other_calls_about_responses_are_none(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    provider.enqueue(Reply(body=b""), Reply(body=b'{"object":"list","data":[],"has_more":false}'))
    client = clients.openai()

    client.responses.delete("resp_1")
    client.responses.input_items.list("resp_1")

    assert spans.memory.get_finished_spans() == ()


def test_without_content(instrument: Instrument, provider: Any, clients: Clients) -> None:
    spans = instrument(False)
    provider.enqueue(response("secret", reasoning="secret"))

    clients.openai().responses.create(
        model="gpt-5", input="secret", instructions="secret", user="secret"
    )

    assert "secret" not in json.dumps(list(spans.attributes.values()), default=str)
    assert spans.attributes["gen_ai.usage.output_tokens"] == 45
