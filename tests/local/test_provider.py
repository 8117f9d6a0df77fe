"""The scripted provider, driven by the real SDK clients."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
import pytest
import requests

from pulse_otel.local.provider import ScriptedProvider
from pulse_otel.local.replies import (
    DEFAULT_TEXT,
    Reply,
    ToolCall,
    anthropic_error,
    chat,
    chat_stream,
    message,
    message_stream,
    openai_error,
)

ASK: Any = [{"role": "user", "content": "What is the capital of France?"}]
HELLO: Any = [{"role": "user", "content": "Hello"}]
SCHEMA: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius"]}},
}
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
ANTHROPIC_TOOLS: Any = [{"name": "weather", "input_schema": SCHEMA}]


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as running:
        yield running


@pytest.fixture
def openai_client(provider: ScriptedProvider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="k", base_url=provider.openai_url, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(provider: ScriptedProvider) -> Iterator[anthropic.Anthropic]:
    url = provider.anthropic_url
    with anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as client:
        yield client


class TestOpenAI:
    """Chat completions."""

    def test_chat(self, openai_client: openai.OpenAI, provider: ScriptedProvider) -> None:
        """The default answer fits the question and carries detailed usage."""
        answer = openai_client.chat.completions.create(model="gpt-4o-mini", messages=ASK)

        assert answer.model == "gpt-4o-mini-2024-07-18"
        assert answer.choices[0].message.content == "Paris is the capital of France."
        assert answer.choices[0].finish_reason == "stop"
        usage = answer.usage
        assert usage is not None
        assert (usage.prompt_tokens, usage.completion_tokens) == (120, 45)
        assert usage.prompt_tokens_details is not None
        assert usage.prompt_tokens_details.cached_tokens == 64
        assert usage.completion_tokens_details is not None
        assert usage.completion_tokens_details.reasoning_tokens == 20
        received = provider.requests[0]
        assert (received.method, received.path) == ("POST", "/v1/chat/completions")
        assert received.headers["authorization"] == "Bearer k"
        assert received.json() == {"model": "gpt-4o-mini", "messages": ASK}

    @pytest.mark.parametrize("include_usage", [True, False])
    def test_stream(self, openai_client: openai.OpenAI, include_usage: bool) -> None:
        """Usage comes in a last chunk without choices, and only if it was asked for."""
        options: Any = {"stream_options": {"include_usage": True}} if include_usage else {}
        stream = openai_client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, **options
        )
        chunks = list(stream)

        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text == DEFAULT_TEXT
        assert bool(chunks[-1].usage) is include_usage
        assert bool(chunks[-1].choices) is not include_usage

    @pytest.mark.parametrize("streamed", [True, False])
    def test_tools(self, openai_client: openai.OpenAI, streamed: bool) -> None:
        """The first tool is called until there is a result, then comes text."""
        completions = openai_client.chat.completions
        if streamed:
            with completions.stream(model="m", messages=ASK, tools=OPENAI_TOOLS) as stream:
                turn: Any = stream.get_final_completion()
        else:
            turn = completions.create(model="m", messages=ASK, tools=OPENAI_TOOLS)
        call = turn.choices[0].message.tool_calls[0]
        result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        last = completions.create(
            model="m",
            messages=[*ASK, turn.choices[0].message.model_dump(), result],
            tools=OPENAI_TOOLS,
        )

        assert call.function.name == "weather"
        assert call.function.arguments == '{"city": "Paris", "unit": "celsius"}'
        assert turn.choices[0].finish_reason == "tool_calls"
        assert turn.choices[0].message.content is None
        assert last.choices[0].message.content == "Paris is the capital of France."

    def test_missing_model(self, openai_client: openai.OpenAI) -> None:
        """The model that does not exist is a 404 with code, message and request id."""
        with pytest.raises(openai.NotFoundError, match="no-such-model") as caught:
            openai_client.chat.completions.create(model="no-such-model", messages=HELLO)

        assert caught.value.code == "model_not_found"
        assert caught.value.type == "invalid_request_error"
        assert caught.value.request_id

    def test_enqueued_error_with_headers(
        self, openai_client: openai.OpenAI, provider: ScriptedProvider
    ) -> None:
        """An enqueued error keeps its headers, and the SDK retries it."""
        provider.enqueue(openai_error(429, headers={"Retry-After-Ms": "1"}), chat("later"))

        answer = openai_client.with_options(max_retries=1).chat.completions.create(
            model="m", messages=HELLO
        )

        assert answer.choices[0].message.content == "later"
        assert len(provider.requests) == 2

    def test_cut_stream(self, openai_client: openai.OpenAI, provider: ScriptedProvider) -> None:
        """A cut reaches the client as a broken connection, after the chunks before it."""
        provider.enqueue(chat_stream("one two three").cut_after(3))
        stream = openai_client.chat.completions.create(model="m", messages=HELLO, stream=True)
        seen = [next(stream).choices[0].delta.content for _ in range(3)]

        assert seen == ["", "one", " two"]
        with pytest.raises(Exception, match="peer closed connection"):
            next(stream)

    def test_async(self, provider: ScriptedProvider) -> None:
        """The async client gets the same, streamed or not."""

        async def ask() -> tuple[str | None, str]:
            url = provider.openai_url
            async with openai.AsyncOpenAI(api_key="k", base_url=url) as client:
                answer = await client.chat.completions.create(model="m", messages=ASK)
                stream = await client.chat.completions.create(model="m", messages=ASK, stream=True)
                pieces = [c.choices[0].delta.content or "" async for c in stream]
            return answer.choices[0].message.content, "".join(pieces)

        plain, streamed = asyncio.run(ask())

        assert plain == streamed == "Paris is the capital of France."


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
        messages = anthropic_client.messages
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
                plain = await client.messages.create(**request)
                async with client.messages.stream(**request) as stream:
                    return plain, await stream.get_final_message()

        plain, streamed = asyncio.run(ask())

        assert plain.content[0].text == streamed.content[0].text
        assert plain.usage == streamed.usage


class TestProvider:
    """What holds for every endpoint."""

    def test_ids_are_unique(self, provider: ScriptedProvider) -> None:
        """Request ids and message ids differ from request to request."""
        url = f"{provider.openai_url}/chat/completions"
        body = {"model": "m", "messages": HELLO}
        answers = [requests.post(url, json=body, timeout=5) for _ in range(3)]

        assert len({answer.headers["x-request-id"] for answer in answers}) == 3
        assert all(a.headers["x-request-id"] == a.headers["request-id"] for a in answers)
        assert len({answer.json()["id"] for answer in answers}) == 3

    @pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b'{"messages": ["x", 1]}'])
    def test_hostile_bodies(self, provider: ScriptedProvider, body: bytes) -> None:
        """A body that no SDK would send is answered all the same."""
        for path in ("/v1/chat/completions", "/v1/messages"):
            assert requests.post(provider.url + path, data=body, timeout=5).status_code == 200

    def test_unknown_path(self, provider: ScriptedProvider) -> None:
        """Anything else is a 404."""
        assert requests.get(f"{provider.url}/nowhere", timeout=5).status_code == 404

    def test_delays(self, provider: ScriptedProvider) -> None:
        """A reply waits before its head and between its chunks."""
        slow = Reply(chunks=(b"a", b"b", b"c"), delay_s=0.1, chunk_delay_s=0.05)
        provider.enqueue(slow, dataclasses.replace(slow, cut=True))
        started = time.monotonic()
        whole = requests.post(f"{provider.url}/v1/messages", timeout=5)

        assert whole.content == b"abc"
        assert time.monotonic() - started >= 0.2
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.post(f"{provider.url}/v1/messages", timeout=5)

    def test_from_many_threads(self, provider: ScriptedProvider) -> None:
        """Every request is listed, from whatever thread it came."""
        url = f"{provider.openai_url}/chat/completions"

        def ask(number: int) -> int:
            body = {"model": str(number), "messages": HELLO}
            return requests.post(url, json=body, timeout=5).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(ask, range(100)))

        assert set(statuses) == {200}
        models = {received.json()["model"] for received in provider.requests}
        assert models == {str(number) for number in range(100)}

    def test_not_running(self) -> None:
        """Without the context manager there is no address."""
        with pytest.raises(RuntimeError, match="not running"):
            _ = ScriptedProvider().url
