"""Type-checked by mypy and pyright, never run: a call with labels has the SDK's own type."""

from __future__ import annotations

from anthropic import Anthropic, APIResponse, AsyncAnthropic, AsyncAPIResponse
from anthropic import AsyncStream as AsyncEvents
from anthropic import Stream as Events
from anthropic.types import Message, MessageParam, ParsedMessage, RawMessageStreamEvent
from openai import AsyncOpenAI, AsyncStream, OpenAI, Stream
from openai._legacy_response import LegacyAPIResponse
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ParsedChatCompletion,
)
from openai.types.responses import ParsedResponse, Response
from pydantic import BaseModel
from typing_extensions import assert_type

import pulse_otel
import pulse_sdk


class City(BaseModel):
    """A structured answer."""

    name: str


LABELS = pulse_otel.call(
    session_id="s-1", user_id="u-1", metadata={"feature": "chat"}, headers={"x-own": "1"}
)
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
TURNS: list[MessageParam] = [{"role": "user", "content": "hi"}]


def openai_sync() -> None:
    """Answer, stream, structured answer, raw answer, and the stream helper's."""
    client = pulse_otel.observe(OpenAI(), "openai")
    chat = client.chat.completions
    whole = chat.create(model="m", messages=MESSAGES, extra_headers=pulse_otel.call(session_id="s"))
    assert_type(whole, ChatCompletion)
    stream = chat.create(model="m", messages=MESSAGES, stream=True, extra_headers=LABELS)
    assert_type(stream, Stream[ChatCompletionChunk])
    parsed = chat.parse(model="m", messages=MESSAGES, response_format=City, extra_headers=LABELS)
    assert_type(parsed, ParsedChatCompletion[City])
    raw = chat.with_raw_response.create(model="m", messages=MESSAGES, extra_headers=LABELS)
    assert_type(raw, LegacyAPIResponse[ChatCompletion])
    assert_type(raw.parse(), ChatCompletion)
    with chat.stream(model="m", messages=MESSAGES, extra_headers=LABELS) as helper:
        assert_type(helper.get_final_completion().id, str)
    answer = client.responses.create(model="m", input="hi", extra_headers=LABELS)
    assert_type(answer, Response)
    structured = client.responses.parse(model="m", text_format=City, extra_headers=LABELS)
    assert_type(structured, ParsedResponse[City])


async def openai_async() -> None:
    """The same, awaited."""
    client = pulse_otel.observe(AsyncOpenAI(), "openai")
    chat = client.with_options(timeout=5).chat.completions
    whole = await chat.create(model="m", messages=MESSAGES, extra_headers=LABELS)
    assert_type(whole, ChatCompletion)
    stream = await chat.create(model="m", messages=MESSAGES, stream=True, extra_headers=LABELS)
    assert_type(stream, AsyncStream[ChatCompletionChunk])
    parsed = await chat.parse(
        model="m", messages=MESSAGES, response_format=City, extra_headers=LABELS
    )
    assert_type(parsed, ParsedChatCompletion[City])
    raw = await chat.with_raw_response.create(model="m", messages=MESSAGES, extra_headers=LABELS)
    assert_type(raw, LegacyAPIResponse[ChatCompletion])


def anthropic_sync() -> None:
    """Answer, stream, structured answer, raw answer, and the stream helper's."""
    messages = pulse_otel.observe(Anthropic(), "anthropic").messages
    whole = messages.create(model="m", max_tokens=1, messages=TURNS, extra_headers=LABELS)
    assert_type(whole, Message)
    stream = messages.create(
        model="m", max_tokens=1, messages=TURNS, stream=True, extra_headers=LABELS
    )
    assert_type(stream, Events[RawMessageStreamEvent])
    parsed = messages.parse(
        model="m", max_tokens=1, messages=TURNS, output_format=City, extra_headers=LABELS
    )
    assert_type(parsed, ParsedMessage[City])
    raw = messages.with_raw_response.create(
        model="m", max_tokens=1, messages=TURNS, extra_headers=LABELS
    )
    assert_type(raw, APIResponse[Message])
    with messages.stream(model="m", max_tokens=1, messages=TURNS, extra_headers=LABELS) as helper:
        assert_type(helper.get_final_text(), str)


async def anthropic_async() -> None:
    """The same, awaited."""
    messages = pulse_sdk.observe(AsyncAnthropic(), "anthropic").messages
    whole = await messages.create(
        model="m", max_tokens=1, messages=TURNS, extra_headers=pulse_sdk.call(user_id="u")
    )
    assert_type(whole, Message)
    stream = await messages.create(
        model="m", max_tokens=1, messages=TURNS, stream=True, extra_headers=LABELS
    )
    assert_type(stream, AsyncEvents[RawMessageStreamEvent])
    raw = await messages.with_raw_response.create(
        model="m", max_tokens=1, messages=TURNS, extra_headers=LABELS
    )
    assert_type(raw, AsyncAPIResponse[Message])
