"""`functions` and `function_call`, the first form of tools, which the SDKs still have."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest

from pulse_otel import Provider, flush_buffer, observe
from pulse_otel.local.provider.replies import Reply
from tests.conftest import Clients, Service
from tests.instrumentation.openai.conftest import Spans

WEATHER = {"name": "weather", "description": "d", "parameters": {"type": "object"}}
CALL = {"name": "weather", "arguments": '{"city": "Boston"}'}
PART = {"type": "tool_call", "id": None, "name": "weather", "arguments": {"city": "Boston"}}
REQUEST: dict[str, Any] = {
    "model": "gpt-3.5-turbo",
    "functions": [WEATHER],
    "function_call": "auto",
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "function_call": CALL},
        {"role": "function", "name": "weather", "content": "sunny"},
    ],
}


def _reply(stream: bool) -> Reply:
    if not stream:
        message = {"role": "assistant", "content": None, "function_call": CALL}
        choice = {"index": 0, "finish_reason": "function_call", "message": message}
        return Reply(body=json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode())
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": None, "function_call": {**CALL, "arguments": ""}},
        {"function_call": {"arguments": '{"city":'}},
        {"function_call": {"arguments": ' "Boston"}'}},
        {},
    ]
    choices = [
        {"index": 0, "delta": delta, "finish_reason": None if delta else "function_call"}
        for delta in deltas
    ]
    chunks = [{"id": "1", "model": "m", "choices": [choice]} for choice in choices]
    events = tuple(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    return Reply(
        headers={"content-type": "text/event-stream"}, chunks=(*events, b"data: [DONE]\n\n")
    )


@pytest.mark.parametrize("mode", ["", "with_raw_response", "with_streaming_response"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_function_call_is_a_tool_call(
    stream: bool, mode: str, provider: Any, clients: Clients, spans: Spans
) -> None:
    provider.enqueue(_reply(stream))
    completions = clients.openai().chat.completions
    create = getattr(completions, mode).create if mode else completions.create

    result = create(**REQUEST, stream=stream)
    if mode == "with_streaming_response":
        with result as response:
            list(response.iter_lines())
    elif stream:
        list(result.parse() if mode else result)

    assert spans.parts == [PART]
    assert spans.attributes["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert spans.json("gen_ai.tool.definitions") == [{"type": "function", **WEATHER}]
    assert spans.json("pulse.request.parameters") == {"function_call": "auto"}
    result_part = {"type": "tool_call_response", "id": None, "response": "sunny"}
    assert spans.json("gen_ai.input.messages")[1:] == [
        {"role": "assistant", "parts": [PART]},
        {"role": "tool", "parts": [result_part], "name": "weather"},
    ]


async def _read_async(url: str) -> None:
    async with openai.AsyncOpenAI(api_key="k", base_url=url) as client:
        stream = await client.chat.completions.create(**REQUEST, stream=True)
        async for chunk in stream:
            # As programs collect it.
            chunk.choices[0].delta.function_call = None


def test_an_async_stream_of_a_function_call(provider: Any, spans: Spans) -> None:
    provider.enqueue(_reply(True))

    asyncio.run(_read_async(provider.openai_url))

    assert spans.parts == [PART]


def test_the_service_shows_call_and_result(provider: Any, clients: Clients, pulse: Service) -> None:
    provider.enqueue(_reply(False))

    observe(clients.openai(), Provider.OPENAI).chat.completions.create(**REQUEST)
    assert flush_buffer()
    (trace,) = pulse.traces(1)

    shown = json.dumps(trace)
    assert "Boston" in shown
    assert "sunny" in shown
