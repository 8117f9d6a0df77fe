"""The scripted provider, driven by the real openai clients."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
import requests

from pulse_otel.local.provider.replies import (
    DEFAULT_TEXT,
    Reply,
    chat,
    chat_stream,
    openai_error,
)
from pulse_otel.local.provider.server import ScriptedProvider

ASK: Any = [{"role": "user", "content": "What is the capital of France?"}]
HELLO: Any = [{"role": "user", "content": "Hello"}]
SCHEMA: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius"]}},
}
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as running:
        yield running


@pytest.fixture
def openai_client(provider: ScriptedProvider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="k", base_url=provider.openai_url, max_retries=0) as client:
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
        back: Any = [*ASK, turn.choices[0].message.model_dump(), result]
        last = completions.create(model="m", messages=back, tools=OPENAI_TOOLS)

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
        with pytest.raises(Exception, match=r"(?i)connection"):
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

    def test_added_endpoint(self) -> None:
        """An endpoint that the caller adds answers its method and path, and leaves the others."""
        added = {"GET .*/models/[^/]+": lambda received: chat(f"at {received.path}")}
        with ScriptedProvider(added) as provider:
            found = requests.get(f"{provider.openai_url}/models/one", timeout=5)
            posted = requests.post(f"{provider.openai_url}/models/one", timeout=5)
            default = requests.post(f"{provider.openai_url}/chat/completions", timeout=5)

        assert found.json()["choices"][0]["message"]["content"] == "at /v1/models/one"
        assert posted.status_code == 404
        assert default.json()["choices"][0]["message"]["content"] == DEFAULT_TEXT

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
