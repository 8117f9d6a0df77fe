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
class Answer:
    """The answer of a call as the program sees it: its text, and the tokens that it reports."""

    text: str = ""
    input_tokens: int = 0
    """With those read from the provider's cache and those written to it."""
    cached_tokens: int = 0
    written_tokens: int = 0
    output_tokens: int = 0


@dataclasses.dataclass(frozen=True)
class DemoCall:
    """One call of the demo, and what its trace must contain."""

    key: str
    provider: str
    session: str
    title: str
    make: Callable[[Clients, Extra], Answer]
    fails: bool = False
    has_text: bool = True
    tools: tuple[str, ...] = ()
    """The tools whose results it sends; each is a span of its trace."""

    @property
    def model(self) -> str:
        """The requested model."""
        return MISSING_MODEL if self.fails else _MODELS[self.provider]


def _ask(question: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": question}]


def _of_openai(text: str | None, usage: Any) -> Answer:
    details = usage.prompt_tokens_details
    return Answer(
        text=text or "",
        input_tokens=usage.prompt_tokens,
        cached_tokens=(details and details.cached_tokens) or 0,
        output_tokens=usage.completion_tokens,
    )


def _of_anthropic(text: str, usage: Any, output_tokens: int) -> Answer:
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    return Answer(
        text=text,
        input_tokens=usage.input_tokens + cached + written,
        cached_tokens=cached,
        written_tokens=written,
        output_tokens=output_tokens,
    )


def _chat(clients: Clients, extra: Extra) -> Answer:
    answer = clients.openai.chat.completions.create(
        model=_MODELS[OPENAI], messages=_ask("What is the capital of France?"), **extra
    )
    return _of_openai(answer.choices[0].message.content, answer.usage)


def _chat_stream(clients: Clients, extra: Extra) -> Answer:
    stream = clients.openai.chat.completions.create(
        model=_MODELS[OPENAI],
        messages=_ask("Write a haiku about tracing."),
        stream=True,
        stream_options={"include_usage": True},
        **extra,
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return _of_openai(text, chunks[-1].usage)


def _tool_request(clients: Clients, extra: Extra) -> Answer:
    answer = clients.openai.chat.completions.create(
        model=_MODELS[OPENAI],
        messages=_ask(_WEATHER_QUESTION),
        tools=[_WEATHER_TOOL],
        # Without this, a real model might answer at once, and there would be no second turn.
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        **extra,
    )
    clients.tool_turn = answer.choices[0].message
    return _of_openai(answer.choices[0].message.content, answer.usage)


def _tool_answer(clients: Clients, extra: Extra) -> Answer:
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
    return _of_openai(answer.choices[0].message.content, answer.usage)


def _async_chat(clients: Clients, extra: Extra) -> Answer:
    async def ask() -> Answer:
        async with clients.async_openai as client:
            answer = await client.chat.completions.create(
                model=_MODELS[OPENAI], messages=_ask("Tell me a joke about services."), **extra
            )
            return _of_openai(answer.choices[0].message.content, answer.usage)

    return asyncio.run(ask())


def _message(clients: Clients, extra: Extra) -> Answer:
    answer = clients.anthropic.messages.create(
        model=_MODELS[ANTHROPIC],
        max_tokens=_MAX_TOKENS,
        messages=_ask("Explain a trace in one sentence."),
        **extra,
    )
    text = "".join(block.text for block in answer.content if block.type == "text")
    return _of_anthropic(text, answer.usage, answer.usage.output_tokens)


def _message_stream(clients: Clients, extra: Extra) -> Answer:
    stream = clients.anthropic.messages.create(
        model=_MODELS[ANTHROPIC],
        max_tokens=_MAX_TOKENS,
        messages=_ask("One sentence of advice about latency."),
        stream=True,
        **extra,
    )
    events = list(stream)
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    text = "".join(delta.text for delta in deltas if delta.type == "text_delta")
    output = [event.usage.output_tokens for event in events if event.type == "message_delta"]
    return _of_anthropic(text, events[0].message.usage, output[-1])


def _chat_error(clients: Clients, extra: Extra) -> Answer:
    client = clients.openai.with_options(max_retries=0)
    client.chat.completions.create(model=MISSING_MODEL, messages=_ask("Hello?"), **extra)
    return Answer()


def _message_error(clients: Clients, extra: Extra) -> Answer:
    client = clients.anthropic.with_options(max_retries=0)
    messages = _ask("Hello?")
    client.messages.create(model=MISSING_MODEL, max_tokens=_MAX_TOKENS, messages=messages, **extra)
    return Answer()


CALLS: Final = (
    DemoCall("chat", OPENAI, "chat", "a chat completion", _chat),
    DemoCall("stream", OPENAI, "stream", "a streamed one", _chat_stream),
    DemoCall("tool", OPENAI, "tools", "a tool call", _tool_request, has_text=False),
    DemoCall("result", OPENAI, "tools", "its result", _tool_answer, tools=("get_weather",)),
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
