"""The scripted provider, driven by the real anthropic clients."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
import requests

from pulse_otel.local.provider.replies import (
    DEFAULT_TEXT,
    ToolCall,
    anthropic_error,
    message,
    message_stream,
)
from pulse_otel.local.provider.server import ScriptedProvider
from tests.provider.endpoints import TEST_ENDPOINTS

ASK: Any = [{"role": "user", "content": "What is the capital of France?"}]
HELLO: Any = [{"role": "user", "content": "Hello"}]
SCHEMA: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius"]}},
}
ANTHROPIC_TOOLS: Any = [{"name": "weather", "input_schema": SCHEMA}]


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider(TEST_ENDPOINTS) as running:
        yield running


@pytest.fixture
def anthropic_client(provider: ScriptedProvider) -> Iterator[anthropic.Anthropic]:
    url = provider.anthropic_url
    with anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as client:
        yield client


class TestAnthropic:
    """Messages."""

    def test_message(self, anthropic_client: anthropic.Anthropic) -> None:
        """The default answer, with cache counts beside the input."""
        answer = anthropic_client.messages.create(
            model="claude-haiku-4-5", max_tokens=64, messages=ASK
        )

        assert answer.model == "claude-haiku-4-5"
        assert answer.content[0].type == "text"
        assert answer.content[0].text == "Paris is the capital of France."
        usage = answer.usage
        assert (usage.input_tokens, usage.output_tokens) == (30, 45)
        assert (usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (10, 80)

    def test_stream(
        self, anthropic_client: anthropic.Anthropic, provider: ScriptedProvider
    ) -> None:
        """The SDK's accumulator makes the same message of the events."""
        with anthropic_client.messages.stream(
            model="claude-haiku-4-5", max_tokens=64, messages=HELLO
        ) as stream:
            final = stream.get_final_message()

        assert final.content[0].type == "text"
        assert final.content[0].text == DEFAULT_TEXT
        assert final.stop_reason == "end_turn"
        assert final.usage.output_tokens == 45
        assert provider.requests[0].json()["stream"] is True

    def test_event_sequence(self, provider: ScriptedProvider) -> None:
        """Every event of the documented sequence is there, `ping` included."""
        body = {"model": "m", "stream": True, "messages": HELLO}
        answer = requests.post(f"{provider.url}/v1/messages", json=body, timeout=5)
        names = [line[7:] for line in answer.text.splitlines() if line.startswith("event: ")]

        assert answer.headers["content-type"].startswith("text/event-stream")
        assert names[:3] == ["message_start", "content_block_start", "ping"]
        assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
        assert set(names[3:-3]) == {"content_block_delta"}

    @pytest.mark.parametrize("streamed", [True, False])
    def test_tools(self, anthropic_client: anthropic.Anthropic, streamed: bool) -> None:
        """The first tool is used until there is a result, then comes text."""
        messages: Any = anthropic_client.messages
        request: Any = {"model": "m", "max_tokens": 64, "tools": ANTHROPIC_TOOLS}
        if streamed:
            with messages.stream(**request, messages=ASK) as stream:
                turn: Any = stream.get_final_message()
        else:
            turn = messages.create(**request, messages=ASK)
        used = turn.content[0]
        result = {"type": "tool_result", "tool_use_id": used.id, "content": "sunny"}
        back: Any = [
            *ASK,
            {"role": "assistant", "content": turn.content},
            {"role": "user", "content": [result]},
        ]
        last: Any = messages.create(**request, messages=back)

        assert (used.type, used.name) == ("tool_use", "weather")
        assert used.input == {"city": "Paris", "unit": "celsius"}
        assert turn.stop_reason == "tool_use"
        assert last.content[0].text == "Paris is the capital of France."

    def test_missing_model(self, anthropic_client: anthropic.Anthropic) -> None:
        """The model that does not exist is a 404 in this provider's own shape."""
        with pytest.raises(anthropic.NotFoundError, match="no-such-model") as caught:
            anthropic_client.messages.create(model="no-such-model", max_tokens=9, messages=HELLO)

        body: Any = caught.value.body
        assert body["error"]["type"] == "not_found_error"
        assert caught.value.request_id == body["request_id"]

    def test_enqueued(
        self, anthropic_client: anthropic.Anthropic, provider: ScriptedProvider
    ) -> None:
        """Enqueued replies come in order; then the default is back."""
        provider.enqueue(
            anthropic_error(529),
            message("a", tool_calls=[ToolCall("f", {"x": 1}, "toolu_1")], output_tokens=7),
            message_stream("b c", stop_reason="max_tokens"),
        )
        create: Any = anthropic_client.messages.create
        request: Any = {"model": "m", "max_tokens": 9, "messages": HELLO}
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            create(**request)
        both = create(**request)
        with anthropic_client.messages.stream(**request) as stream:
            cut_off = stream.get_final_message()

        assert [block.type for block in both.content] == ["text", "tool_use"]
        assert both.usage.output_tokens == 7
        assert cut_off.stop_reason == "max_tokens"
        assert create(**request).content[0].text == DEFAULT_TEXT

    def test_token_count(self, anthropic_client: anthropic.Anthropic) -> None:
        """Counting tokens is answered as well."""
        assert anthropic_client.messages.count_tokens(model="m", messages=HELLO).input_tokens == 30

    def test_async(self, provider: ScriptedProvider) -> None:
        """The async client gets the same, streamed or not."""

        async def ask() -> tuple[Any, Any]:
            url = provider.anthropic_url
            request: Any = {"model": "m", "max_tokens": 9, "messages": ASK}
            async with anthropic.AsyncAnthropic(api_key="k", base_url=url) as client:
                create: Any = client.messages.create
                plain = await create(**request)
                async with client.messages.stream(**request) as stream:
                    return plain, await stream.get_final_message()

        plain, streamed = asyncio.run(ask())

        assert plain.content[0].text == streamed.content[0].text
        assert plain.usage == streamed.usage
