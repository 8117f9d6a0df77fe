"""Reply to requests without a scripted reply: the table of endpoints and their defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from pulse_otel.local.provider.anthropic_replies import anthropic_error, message, message_stream
from pulse_otel.local.provider.openai_replies import chat, chat_stream, openai_error
from pulse_otel.local.provider.received import Received
from pulse_otel.local.provider.reply import DEFAULT_TEXT, Reply, ToolCall

Endpoint: TypeAlias = Callable[[Received], Reply]
Endpoints: TypeAlias = Mapping[str, Endpoint]
"""Method and path, as a regular expression that matches both whole -> the endpoint there."""

MISSING_MODEL: Final = "no-such-model"
"""The model that neither provider has: a request for it is answered with a 404."""

# The first of these words in the last user message selects the answer.
_ANSWERS: Final[Mapping[str, str]] = {
    "capital": "Paris is the capital of France.",
    "weather": "It is 22 degrees and sunny in Paris: leave the umbrella at home.",
    "haiku": "Spans drift down the stream, each one a small lantern lit. The trace glows at dawn.",
    "joke": "Why did the span cross the wire? To get to the other service.",
    "trace": "A trace shows the spans of one request in the order of time.",
    "latency": "Measure first: most latency is where nobody has looked.",
    "token": "Tokens are the pieces of words that a model reads and writes.",
}
_MODEL_DATES: Final[Mapping[str, str]] = {
    "gpt-4o": "2024-08-06",
    "gpt-4o-mini": "2024-07-18",
    "gpt-4.1": "2025-04-14",
    "gpt-4.1-mini": "2025-04-14",
    "gpt-5": "2025-08-07",
    "gpt-5-mini": "2025-08-07",
}
_SAMPLES: Final[Mapping[str, Any]] = {
    "string": "Paris",
    "integer": 3,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
}


def default_reply(received: Received, endpoints: Endpoints) -> Reply:
    """Reply as the first of `endpoints` that matches; 404 if none does."""
    line = f"{received.method} {received.path}"
    for pattern, endpoint in endpoints.items():
        if re.fullmatch(pattern, line):
            return endpoint(received)
    return openai_error(404, f"Invalid URL ({received.path})")


def _chat_reply(received: Received) -> Reply:
    request = received.fields()
    model = str(request.get("model"))
    if model == MISSING_MODEL:
        return openai_error(404, f"The model `{model}` does not exist.")
    messages = _mappings(request.get("messages"))
    tools = [_mapping(tool.get("function")) for tool in _mappings(request.get("tools"))]
    answered = any(item.get("role") == "tool" for item in messages)
    tool_calls = () if answered else _first_tool(tools, "parameters")
    text = _answer(messages, tool_calls)
    dated = f"{model}-{_MODEL_DATES[model]}" if model in _MODEL_DATES else model
    if not request.get("stream"):
        return chat(text, model=dated, tool_calls=tool_calls)
    include_usage = bool(_mapping(request.get("stream_options")).get("include_usage"))
    return chat_stream(text, model=dated, tool_calls=tool_calls, include_usage=include_usage)


def _message_reply(received: Received) -> Reply:
    request = received.fields()
    model = str(request.get("model"))
    if model == MISSING_MODEL:
        return anthropic_error(404, f"model: {model}")
    messages = _mappings(request.get("messages"))
    answered = any(
        block.get("type") == "tool_result" for item in messages for block in _blocks(item)
    )
    tool_calls = () if answered else _first_tool(_mappings(request.get("tools")), "input_schema")
    answer = message_stream if request.get("stream") else message
    return answer(_answer(messages, tool_calls), model=model, tool_calls=tool_calls)


def _first_tool(tools: Sequence[Mapping[str, Any]], schema_key: str) -> tuple[ToolCall, ...]:
    """Call the first tool, with an argument for each property of its schema."""
    if not tools:
        return ()
    properties = _mapping(_mapping(tools[0].get(schema_key)).get("properties"))
    arguments = {name: _sample(_mapping(schema)) for name, schema in properties.items()}
    return (ToolCall(str(tools[0].get("name")), arguments),)


def _sample(schema: Mapping[str, Any]) -> Any:
    allowed = schema.get("enum")
    return allowed[0] if allowed else _SAMPLES.get(str(schema.get("type")), "Paris")


def _answer(messages: Sequence[Mapping[str, Any]], tool_calls: Sequence[ToolCall]) -> str | None:
    if tool_calls:
        return None
    asked = ""
    for item in reversed(messages):
        said = " ".join(str(block.get("text", "")) for block in _blocks(item))
        # A user's turn that consists of tool results asks nothing.
        if item.get("role") == "user" and said.strip():
            asked = said.lower()
            break
    return next((text for word, text in _ANSWERS.items() if word in asked), DEFAULT_TEXT)


def _blocks(item: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the content of a message, text or blocks, as blocks."""
    content = item.get("content")
    if isinstance(content, str):
        return ({"type": "text", "text": content},)
    return _mappings(content)


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    items = cast("Sequence[Any]", value) if isinstance(value, list) else ()
    return [_mapping(item) for item in items]


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


ENDPOINTS: Final[Endpoints] = {
    "POST .*/chat/completions": _chat_reply,
    "POST .*/v1/messages": _message_reply,
}
"""The endpoints that the demo calls."""
