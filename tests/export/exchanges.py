"""The exchanges behind the recorded spans, made anew with our own instrumentation.

Each is what `tests/export/recorded` holds of the others: the same request, the same answer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor
from pulse_otel.local.provider import replies
from pulse_otel.local.provider.reply import Reply
from tests.export.spans import Recording
from tests.provider import response_replies, text_replies

_HELLO = {"role": "user", "content": "Say hello. My email is bob@example.com."}
_CHAT = [{"role": "system", "content": "You are a helpful assistant."}, _HELLO]
_WEATHER = {"role": "user", "content": "Weather in Paris?"}
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_FUNCTION = {"name": "get_weather", "description": "Weather of a city"}
_OPENAI_TOOL = {"type": "function", "function": {**_FUNCTION, "parameters": _SCHEMA}}
_ANTHROPIC_TOOL = {**_FUNCTION, "input_schema": _SCHEMA}
_PARIS = replies.ToolCall("get_weather", {"city": "Paris"}, "call_abc")
_TIME = replies.ToolCall("get_time", {"tz": "Europe/Paris"}, "call_def")
_CLAUDE = "claude-haiku-5-5"
# The scripted provider sends both headers.
_OPENAI_HEADERS = dict.fromkeys(("x-request-id", "request-id"), "req_fake_1")
_ANTHROPIC_HEADERS = dict.fromkeys(("x-request-id", "request-id"), "req_ant_1")
_OPENAI_IDS = {"id": "chatcmpl-123", "system_fingerprint": "fp_abc"}


def _with(reply: Reply, headers: dict[str, str], **fields: Any) -> Reply:
    """The reply with other values in its body, or in every event of its stream."""

    def changed(text: bytes) -> bytes:
        body = json.loads(text)
        message = body["message"] if body.get("type") == "message_start" else body
        if "id" in message:
            message.update(fields)
        usage = message.get("usage")
        if usage and "cache_read_input_tokens" in usage:
            usage["output_tokens_details"] = {"thinking_tokens": 20}
        return json.dumps(body).encode()

    def event(chunk: bytes) -> bytes:
        head, _, data = chunk.rpartition(b"data: ")
        return chunk if data.startswith(b"[DONE]") else head + b"data: " + changed(data) + b"\n\n"

    return dataclasses.replace(
        reply,
        body=changed(reply.body) if reply.body else b"",
        chunks=None if reply.chunks is None else tuple(map(event, reply.chunks)),
        headers={**reply.headers, **headers},
    )


def _openai(reply: Reply) -> Reply:
    return _with(reply, _OPENAI_HEADERS, **_OPENAI_IDS)


def _anthropic(reply: Reply) -> Reply:
    return _with(reply, _ANTHROPIC_HEADERS, id="msg_123")


def _openai_chat(provider: Any, clients: Any) -> None:
    provider.enqueue(_openai(replies.chat()))
    clients.openai().chat.completions.create(
        model="gpt-4o-mini",
        messages=_CHAT,
        max_tokens=100,
        seed=1,
        temperature=0.5,
        user="user-7",
    )


def _openai_chat_stream(provider: Any, clients: Any) -> None:
    provider.enqueue(_openai(replies.chat_stream(include_usage=True)))
    stream = clients.openai().chat.completions.create(
        model="gpt-4o-mini", messages=_CHAT, stream=True, stream_options={"include_usage": True}
    )
    list(stream)


def _openai_tool_call(provider: Any, clients: Any) -> None:
    client = clients.openai()
    provider.enqueue(_openai(replies.chat(tool_calls=[_PARIS, _TIME])), _openai(replies.chat()))
    asked = client.chat.completions.create(
        model="gpt-4o-mini", messages=[_WEATHER], tools=[_OPENAI_TOOL], tool_choice="auto"
    )
    results = [
        {"role": "tool", "tool_call_id": "call_abc", "content": "sunny 21C"},
        {"role": "tool", "tool_call_id": "call_def", "content": "10:00"},
    ]
    client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[_WEATHER, asked.choices[0].message, *results],
        tools=[_OPENAI_TOOL],
    )


def _openai_error(provider: Any, clients: Any) -> None:
    text = "Rate limit reached for err-429"
    provider.enqueue(replies.openai_error(429, text, headers=_OPENAI_HEADERS))
    with contextlib.suppress(openai.RateLimitError):
        clients.openai().chat.completions.create(model="err-429", messages=_CHAT)


def _anthropic_messages(provider: Any, clients: Any) -> None:
    provider.enqueue(_anthropic(replies.message(model=_CLAUDE)))
    clients.anthropic().messages.create(
        model=_CLAUDE,
        max_tokens=2048,
        system="Be brief.",
        messages=[_HELLO],
        metadata={"user_id": "user-7"},
    )


def _anthropic_stream(provider: Any, clients: Any) -> None:
    provider.enqueue(_anthropic(replies.message_stream(model=_CLAUDE)))
    client = clients.anthropic()
    list(client.messages.create(model=_CLAUDE, max_tokens=2048, messages=[_HELLO], stream=True))


def _anthropic_tool_use(provider: Any, clients: Any) -> None:
    client = clients.anthropic()
    call = dataclasses.replace(_PARIS, id="toolu_1")
    asking = replies.message("I will check the weather.", model=_CLAUDE, tool_calls=[call])
    provider.enqueue(_anthropic(asking), _anthropic(replies.message(model=_CLAUDE)))
    request: dict[str, Any] = {"model": _CLAUDE, "max_tokens": 2048, "tools": [_ANTHROPIC_TOOL]}
    asked = client.messages.create(messages=[_WEATHER], **request)
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny 21C"}
    turns = [
        {"role": "assistant", "content": asked.content},
        {"role": "user", "content": [result]},
    ]
    client.messages.create(messages=[_WEATHER, *turns], **request)


def _anthropic_error(provider: Any, clients: Any) -> None:
    text = "Number of request tokens has exceeded your rate limit"
    provider.enqueue(_with(replies.anthropic_error(429, text), _ANTHROPIC_HEADERS))
    with contextlib.suppress(anthropic.RateLimitError):
        clients.anthropic().messages.create(model="err-429", max_tokens=10, messages=[_HELLO])


def _openai_responses(provider: Any, clients: Any) -> None:
    usage = {
        "input_tokens": 120,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens": 45,
        "output_tokens_details": {"reasoning_tokens": 20},
        "total_tokens": 165,
    }
    reply = response_replies.response(
        "Hello from responses.",
        reasoning="Thinking about Paris.",
        model="gpt-5-mini-2026-02-01",
        usage=usage,
    )
    provider.enqueue(_with(reply, _OPENAI_HEADERS, id="resp_123"))
    clients.openai().responses.create(
        model="gpt-5-mini",
        input=_HELLO["content"],
        instructions="Be brief.",
        metadata={"k": "v"},
        reasoning={"effort": "low"},
    )


def _openai_embeddings(provider: Any, clients: Any) -> None:
    provider.enqueue(text_replies.embeddings(2, encoding_format="base64"))
    clients.openai().embeddings.create(
        model="text-embedding-3-small", input=["hello", "world"], dimensions=8
    )


EXCHANGES: dict[str, Callable[[Any, Any], None]] = {
    "openai_chat": _openai_chat,
    "openai_chat_stream": _openai_chat_stream,
    "openai_tool_call": _openai_tool_call,
    "openai_error_429": _openai_error,
    "openai_responses": _openai_responses,
    "openai_embeddings": _openai_embeddings,
    "anthropic_messages": _anthropic_messages,
    "anthropic_stream": _anthropic_stream,
    "anthropic_tool_use": _anthropic_tool_use,
    "anthropic_error_429": _anthropic_error,
}


def our_spans(case: str, provider: Any, clients: Any) -> list[ReadableSpan]:
    """The spans that our instrumentation makes of the exchange."""
    return record_calls(lambda: EXCHANGES[case](provider, clients))


def record_calls(make: Callable[[], None]) -> list[ReadableSpan]:
    """The spans that our instrumentation makes of some calls."""
    recording = Recording()
    with _instrumented(recording):
        make()
    return recording.spans


@contextlib.contextmanager
def _instrumented(recording: Recording) -> Iterator[None]:
    instrumentors = [OpenAIInstrumentor(), AnthropicInstrumentor()]
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=recording.provider, capture_content=True)
    try:
        yield
    finally:
        for instrumentor in instrumentors:
            instrumentor.uninstrument()
