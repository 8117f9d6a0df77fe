"""Streams of both SDKs under one face, so that one table of ways to leave a stream fits all."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from pulse_otel import observe
from pulse_otel.local.provider.replies import Reply, chat_stream, message_stream
from tests.conftest import MESSAGES

TEXT = "one two three four"
REQUEST: dict[str, Any] = {"model": "m", "messages": MESSAGES, "max_tokens": 50}


@dataclasses.dataclass(frozen=True)
class Kind:
    """One way to open a stream: an SDK, and its bare stream or its helper."""

    sdk: str
    opener: Callable[[Any], Callable[..., Any] | None]  # client -> the method that opens it
    arguments: dict[str, Any]
    text: Callable[[Any], str | None]  # what a chunk or an event says
    reply: Callable[..., Reply]
    cut: int  # chunks that arrive before the network is cut

    def open(self, client: Any) -> Any:
        """A stream, or the helper's manager."""
        method = self.opener(client)
        assert method is not None
        return method(**REQUEST, **self.arguments)


def _openai_helper(client: Any) -> Callable[..., Any] | None:
    places = (client.chat.completions, client.beta.chat.completions)  # since 1.92; before
    return next((place.stream for place in places if hasattr(place, "stream")), None)


def _delta(chunk: Any) -> str | None:
    return chunk.choices[0].delta.content if chunk.choices else None


def _event_text(event: Any) -> str | None:
    return event.delta.text if event.type == "content_block_delta" else None


def _of_type(kind: str, field: str) -> Callable[[Any], str | None]:
    return lambda event: getattr(event, field) if event.type == kind else None


_chat_stream = functools.partial(chat_stream, include_usage=True)

KINDS = {
    "openai": Kind(
        "openai", lambda c: c.chat.completions.create, {"stream": True}, _delta, _chat_stream, 3
    ),
    "openai helper": Kind(
        "openai", _openai_helper, {}, _of_type("content.delta", "delta"), _chat_stream, 3
    ),
    "anthropic": Kind(
        "anthropic", lambda c: c.messages.create, {"stream": True}, _event_text, message_stream, 5
    ),
    "anthropic helper": Kind(
        "anthropic", lambda c: c.messages.stream, {}, _of_type("text", "text"), message_stream, 5
    ),
    "anthropic beta": Kind(
        "anthropic",
        lambda c: c.beta.messages.create,
        {"stream": True},
        _event_text,
        message_stream,
        5,
    ),
    "anthropic beta helper": Kind(
        "anthropic",
        lambda c: getattr(c.beta.messages, "stream", None),
        {},
        _of_type("text", "text"),
        message_stream,
        5,
    ),
}


def client_of(kind: Kind, provider: Any, *, asynchronous: bool, observed: bool) -> Any:
    """A client of the kind's SDK, closed by the caller; skips where it has no such method."""
    names = {"openai": "OpenAI", "anthropic": "Anthropic"}
    module = {"openai": openai, "anthropic": anthropic}[kind.sdk]
    make = getattr(module, ("Async" if asynchronous else "") + names[kind.sdk])
    url = provider.openai_url if kind.sdk == "openai" else provider.anthropic_url
    client = make(api_key="k", base_url=url, max_retries=0)
    if kind.opener(client) is None:
        pytest.skip(f"{kind.sdk} {module.__version__} has no such method")
    return observe(client, kind.sdk) if observed else client


def connections(client: Any) -> list[tuple[bool, bool]]:
    """Of each connection that the client holds: whether it is idle, whether it is closed."""
    pool = client._client._transport._pool
    return [(connection.is_idle(), connection.is_closed()) for connection in pool.connections]


def context_manager(stream: Any) -> bool:
    """Whether a helper's manager has to be entered before there is a stream."""
    return not hasattr(stream, "__next__") and not hasattr(stream, "__anext__")
