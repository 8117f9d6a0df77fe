"""Make the calls of the demo: ordinary SDK code, each with a session and a key."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from pulse_otel.local.provider.endpoints import MISSING_MODEL

OPENAI: Final = "openai"
ANTHROPIC: Final = "anthropic"
_MODELS: Final[Mapping[str, str]] = {OPENAI: "gpt-4o-mini", ANTHROPIC: "claude-haiku-4-5"}
_MAX_TOKENS: Final = 200

_CITY: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
_WEATHER_TOOL: Final[Mapping[str, Any]] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city, now.",
        "parameters": _CITY,
    },
}
_WEATHER_QUESTION: Final = "What is the weather in Paris?"

Extra: TypeAlias = Mapping[str, Any]


class NothingToAnswer(Exception):
    """The previous call, which this one continues, has failed."""


@dataclasses.dataclass
class Clients:
    """The observed clients of one run. Their types would import both SDKs here."""

    openai: Any = None
    async_openai: Any = None
    anthropic: Any = None
    tool_turn: Any = None
    """The message with the tool call, which the next turn of that conversation answers."""


@dataclasses.dataclass(frozen=True)
class DemoCall:
    """One call of the demo, and what its trace must contain."""

    key: str
    provider: str
    session: str
    title: str
    make: Callable[[Clients, Extra], str]
    """Make the call and return the text of the answer."""
    fails: bool = False
    has_text: bool = True

    @property
    def model(self) -> str:
        """The requested model."""
        return MISSING_MODEL if self.fails else _MODELS[self.provider]


def _ask(question: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": question}]


def _chat(clients: Clients, extra: Extra) -> str:
    answer = clients.openai.chat.completions.create(
        model=_MODELS[OPENAI], messages=_ask("What is the capital of France?"), **extra
    )
    return answer.choices[0].message.content or ""


def _chat_stream(clients: Clients, extra: Extra) -> str:
    stream = clients.openai.chat.completions.create(
        model=_MODELS[OPENAI],
        messages=_ask("Write a haiku about tracing."),
        stream=True,
        stream_options={"include_usage": True},
        **extra,
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def _tool_request(clients: Clients, extra: Extra) -> str:
    answer = clients.openai.chat.completions.create(
        model=_MODELS[OPENAI],
        messages=_ask(_WEATHER_QUESTION),
        tools=[_WEATHER_TOOL],
        # Without this, a real model might answer at once, and there would be no second turn.
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        **extra,
    )
    clients.tool_turn = answer.choices[0].message
    return answer.choices[0].message.content or ""


def _tool_answer(clients: Clients, extra: Extra) -> str:
    if clients.tool_turn is None:
        raise NothingToAnswer("there is no tool call to answer")
    turn = clients.tool_turn.model_dump(include={"role", "content", "tool_calls"})
    weather = json.dumps({"temperature": 22, "sky": "sunny"})
    result = {"role": "tool", "tool_call_id": turn["tool_calls"][0]["id"], "content": weather}
    answer = clients.openai.chat.completions.create(
        model=_MODELS[OPENAI],
        messages=[*_ask(_WEATHER_QUESTION), turn, result],
        tools=[_WEATHER_TOOL],
        **extra,
    )
    return answer.choices[0].message.content or ""


def _async_chat(clients: Clients, extra: Extra) -> str:
    async def ask() -> str:
        async with clients.async_openai as client:
            answer = await client.chat.completions.create(
                model=_MODELS[OPENAI], messages=_ask("Tell me a joke about services."), **extra
            )
            return answer.choices[0].message.content or ""

    return asyncio.run(ask())


def _message(clients: Clients, extra: Extra) -> str:
    answer = clients.anthropic.messages.create(
        model=_MODELS[ANTHROPIC],
        max_tokens=_MAX_TOKENS,
        messages=_ask("Explain a trace in one sentence."),
        **extra,
    )
    return "".join(block.text for block in answer.content if block.type == "text")


def _message_stream(clients: Clients, extra: Extra) -> str:
    stream = clients.anthropic.messages.create(
        model=_MODELS[ANTHROPIC],
        max_tokens=_MAX_TOKENS,
        messages=_ask("One sentence of advice about latency."),
        stream=True,
        **extra,
    )
    deltas = (event.delta for event in stream if event.type == "content_block_delta")
    return "".join(delta.text for delta in deltas if delta.type == "text_delta")


def _chat_error(clients: Clients, extra: Extra) -> str:
    client = clients.openai.with_options(max_retries=0)
    client.chat.completions.create(model=MISSING_MODEL, messages=_ask("Hello?"), **extra)
    return ""


def _message_error(clients: Clients, extra: Extra) -> str:
    client = clients.anthropic.with_options(max_retries=0)
    messages = _ask("Hello?")
    client.messages.create(model=MISSING_MODEL, max_tokens=_MAX_TOKENS, messages=messages, **extra)
    return ""


CALLS: Final = (
    DemoCall("chat", OPENAI, "chat", "a chat completion", _chat),
    DemoCall("stream", OPENAI, "stream", "a streamed one", _chat_stream),
    DemoCall("tool", OPENAI, "tools", "a tool call", _tool_request, has_text=False),
    DemoCall("result", OPENAI, "tools", "its result", _tool_answer),
    DemoCall("async", OPENAI, "async", "an async client", _async_chat),
    DemoCall("message", ANTHROPIC, "claude", "a message", _message),
    DemoCall("message-stream", ANTHROPIC, "claude", "a streamed one", _message_stream),
    DemoCall("error", OPENAI, "error", "a model that does not exist", _chat_error, fails=True),
    DemoCall("error", ANTHROPIC, "error", "a missing model", _message_error, fails=True),
)


def calls_for(providers: frozenset[str]) -> list[DemoCall]:
    """Return the calls that are possible with these providers; one of them fails."""
    possible: dict[str, DemoCall] = {}
    for call in CALLS:
        if call.provider in providers:
            possible.setdefault(call.key, call)
    return list(possible.values())
