"""The floor: the span that a program would write by hand around each workload's call.

It carries the attributes of the observed call. What depends on the call is read and written as
JSON each time; the rest is constant.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from opentelemetry.trace import Span, SpanKind, Tracer
from workloads import StreamsAtOnce, Workload

Attributes = dict[str, Any]

# The attributes that are read from each call; all others are constants of the program.
_READ = (
    "gen_ai.input.",
    "gen_ai.output.",
    "gen_ai.tool.",
    "gen_ai.response.",
    "gen_ai.usage.",
    "pulse.response.",
)
_FINISH_REASONS = {
    "stop": "stop",
    "tool_calls": "tool_call",
    "completed": "stop",
    "end_turn": "stop",
}


def _text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


def _asked(request: dict[str, Any]) -> Attributes:
    """The attributes of the request."""
    messages = request.get("messages") or [{"role": "user", "content": request["input"]}]
    attributes: Attributes = {
        "gen_ai.input.messages": json.dumps(
            [{"role": m["role"], "parts": [_text(m["content"])]} for m in messages]
        )
    }
    if "tools" in request:
        attributes["gen_ai.tool.definitions"] = json.dumps(
            [{"type": tool["type"], **tool["function"]} for tool in request["tools"]]
        )
    return attributes


def _answered(reply: Any, parts: list[Any], reason: str, tokens: tuple[int, int]) -> Attributes:
    """The attributes that every reply has."""
    finish_reason = _FINISH_REASONS[reason]
    message = {"role": "assistant", "parts": parts, "finish_reason": finish_reason}
    return {
        "gen_ai.response.id": reply.id,
        "gen_ai.response.model": reply.model,
        "gen_ai.usage.input_tokens": tokens[0],
        "gen_ai.usage.output_tokens": tokens[1],
        "gen_ai.response.finish_reasons": [finish_reason],
        "pulse.response.raw_finish_reasons": [reason],
        "gen_ai.output.messages": json.dumps([message]),
    }


def _chat(reply: Any) -> Attributes:
    choice, usage = reply.choices[0], reply.usage
    message = choice.message
    parts: list[Any] = [_text(message.content)] if message.content else []
    for call in message.tool_calls or ():
        arguments = json.loads(call.function.arguments)
        name = call.function.name
        parts.append({"type": "tool_call", "id": call.id, "name": name, "arguments": arguments})
    tokens = (usage.prompt_tokens, usage.completion_tokens)
    return _answered(reply, parts, choice.finish_reason, tokens)


def _response(reply: Any) -> Attributes:
    usage = reply.usage
    parts = [_text(part.text) for item in reply.output for part in item.content]
    return {
        **_answered(reply, parts, reply.status, (usage.input_tokens, usage.output_tokens)),
        "gen_ai.usage.cache_read.input_tokens": usage.input_tokens_details.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.output_tokens_details.reasoning_tokens,
    }


def _message(reply: Any) -> Attributes:
    usage = reply.usage
    parts = [_text(block.text) for block in reply.content]
    return _answered(reply, parts, reply.stop_reason, (usage.input_tokens, usage.output_tokens))


def _chat_stream(stream: Iterable[Any]) -> Attributes:
    started, first, reason, usage = time.perf_counter(), 0.0, "", None
    pieces: list[str] = []
    for chunk in stream:
        first = first or time.perf_counter() - started
        for choice in chunk.choices:
            if choice.delta.content:
                pieces.append(choice.delta.content)
            reason = choice.finish_reason or reason
        usage = chunk.usage or usage
    assert usage is not None
    tokens = (usage.prompt_tokens, usage.completion_tokens)
    attributes = _answered(chunk, [_text("".join(pieces))], reason, tokens)
    return {**attributes, "gen_ai.response.time_to_first_chunk": first}


def _message_stream(stream: Any) -> Attributes:
    started, first, reason, output_tokens, start = time.perf_counter(), 0.0, "", 0, None
    pieces: list[str] = []
    for event in stream:
        first = first or time.perf_counter() - started
        if event.type == "content_block_delta":
            pieces.append(event.delta.text)
        elif event.type == "message_start":
            start = event.message
        elif event.type == "message_delta":
            reason, output_tokens = event.delta.stop_reason, event.usage.output_tokens
    assert start is not None
    tokens = (start.usage.input_tokens, output_tokens)
    attributes = _answered(start, [_text("".join(pieces))], reason, tokens)
    return {**attributes, "gen_ai.response.time_to_first_chunk": first}


# (API, whether it streams) -> what reads the reply.
_READERS: dict[tuple[str, bool], Callable[[Any], Attributes]] = {
    ("chat", False): _chat,
    ("chat", True): _chat_stream,
    ("responses", False): _response,
    ("messages", False): _message,
    ("messages", True): _message_stream,
}


def by_hand(workload: Workload, tracer: Tracer, observed: Attributes) -> Callable[[], None]:
    """Make the call within a span that has the attributes of the `observed` one."""
    client, request = workload.client(), workload.request
    read = _READERS[workload.api, workload.streams]
    name = f"chat {request['model']}"
    constant = {key: value for key, value in observed.items() if not key.startswith(_READ)}

    def started() -> AbstractContextManager[Span]:
        attributes = {**constant, **_asked(request)}
        return tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    def call() -> None:
        with started() as span:
            span.set_attributes(read(workload.send(client)))

    async def stream(workload: StreamsAtOnce) -> None:
        with started() as span:
            span.set_attributes(read(await workload.chunks(client)))

    if isinstance(workload, StreamsAtOnce):
        return partial(workload.run, partial(stream, workload))
    return call
