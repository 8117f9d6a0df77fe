"""Real calls of the real clients: what Pulse is told has the shape of each endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulse_otel.export.dialects import read
from pulse_otel.export.records.record import Record, Usage
from tests.export.exchanges import our_spans, record_calls


def records(make: Callable[[Any, Any], Any], clients: Any) -> list[Record]:
    spans = record_calls(lambda: make(clients.openai(), clients.anthropic()))
    return [record for span in spans if (record := read(span))]


def test_text_completion(provider: Any, clients: Any) -> None:
    def call(openai: Any, anthropic: Any) -> None:
        openai.completions.create(model="davinci-002", prompt="Say hello", max_tokens=5, n=1)

    (found,) = records(call, clients)

    assert found.kind == "llm_call"
    assert found.request == {
        "model": "davinci-002",
        "prompt": "Say hello",
        "max_tokens": 5,
    }
    assert found.response is not None
    assert found.response["choices"][0]["text"] == found.output_text
    assert found.response["choices"][0]["finish_reason"] == "stop"


def test_embeddings(provider: Any, clients: Any) -> None:
    def call(openai: Any, anthropic: Any) -> None:
        openai.embeddings.create(model="text-embedding-3-small", input=["a", "b"], dimensions=8)

    (found,) = records(call, clients)

    assert found.kind == "llm_call"
    assert found.request is not None
    assert found.request["input"] == ["a", "b"]
    assert found.request["dimensions"] == 8
    assert (found.response or {}).keys() == {"model", "usage"}


def test_moderation(provider: Any, clients: Any) -> None:
    def call(openai: Any, anthropic: Any) -> None:
        openai.moderations.create(model="omni-moderation-latest", input="be nice")

    (found,) = records(call, clients)

    assert (found.kind, found.operation) == ("llm_call", "moderation")
    assert found.request == {"model": "omni-moderation-latest", "input": "be nice"}
    assert (found.response or {})["results"][0]["flagged"] is False


def test_images(provider: Any, clients: Any) -> None:
    def call(openai: Any, anthropic: Any) -> None:
        openai.images.generate(model="gpt-image-1", prompt="a cat", size="1024x1024")

    (found,) = records(call, clients)

    assert (found.kind, found.operation) == ("llm_call", "image_generation")
    assert found.request == {"model": "gpt-image-1", "prompt": "a cat", "size": "1024x1024"}
    (picture,) = (found.response or {})["data"]
    assert picture["mime_type"] == "image/png"
    assert "b64_json" not in picture


def test_responses_with_a_tool(provider: Any, clients: Any) -> None:
    tool = {
        "type": "function",
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {}},
        "strict": True,
    }

    def call(openai: Any, anthropic: Any) -> None:
        openai.responses.create(
            model="gpt-5-mini",
            input="Say hello.",
            tools=[tool],
            previous_response_id="resp_0",
            max_output_tokens=9,
        )

    (found,) = records(call, clients)

    request, response = found.request or {}, found.response or {}
    assert request["input"] == [{"role": "user", "content": "Say hello."}]
    assert request["previous_response_id"] == "resp_0"
    assert request["max_output_tokens"] == 9
    assert request["tools"][0]["name"] == "get_weather"
    assert response["status"] == "completed"
    assert response["usage"]["input_tokens"] == found.usage.input


def test_what_no_model_answers_is_no_llm_call(provider: Any, clients: Any) -> None:
    """It would be a request without tokens, and hide the real call of its trace."""
    (found,) = records(lambda openai, anthropic: openai.responses.retrieve("resp_1"), clients)

    assert (found.kind, found.tool_name, found.usage) == ("tool_use", "fetch_response", Usage())
    assert found.tool_output is not None


def test_a_token_count_is_neither_call_nor_tool(provider: Any, clients: Any) -> None:
    """The service would count a tool that nobody used."""
    messages = [{"role": "user", "content": "q"}]

    def call(openai: Any, anthropic: Any) -> None:
        anthropic.messages.count_tokens(model="claude-haiku-4-5", messages=messages)

    (found,) = records(call, clients)

    assert (found.kind, found.tool_name, found.usage) == ("notification", None, Usage())
    assert (found.request or {})["messages"] == messages
    assert found.attributes["pulse.counted_tokens"] == 30


def test_a_tool_loop_has_its_tools(provider: Any, clients: Any) -> None:
    found = [r for span in our_spans("openai_tool_call", provider, clients) if (r := read(span))]
    tools = [record for record in found if record.kind == "tool_use"]

    assert [(t.tool_name, t.tool_input, t.tool_output) for t in tools] == [
        ("get_weather", {"city": "Paris"}, "sunny 21C"),
        ("get_time", {"tz": "Europe/Paris"}, "10:00"),
    ]
