"""Replay an exchange through the SDKs' real clients, and read the record of the call."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

import anthropic
import httpx2
import openai
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from pulse_otel.export.dialects import read
from pulse_otel.export.pricing.cost import Pricing
from pulse_otel.export.records.record import Record
from tests.conftest import MESSAGES
from tests.corpus.exchange import HOSTS, Exchange, Expected

WAYS: Final = ("sync", "async", "raw")
# A Wednesday at noon: some prices depend on the day, and on the hour.
_MOMENT_NS: Final = int(datetime(2026, 11, 25, 12, tzinfo=timezone.utc).timestamp()) * 10**9

_ASKED: Final[Mapping[str, Mapping[str, Any]]] = {
    "chat": {"messages": MESSAGES},
    "responses": {"input": "Hello Pulse"},
    "messages": {"messages": MESSAGES, "max_tokens": 99},
}
_METHODS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "chat": lambda client: client.chat.completions,
    "responses": lambda client: client.responses,
    "messages": lambda client: client.beta.messages,
}


@dataclasses.dataclass(frozen=True)
class Replayer:
    """Makes calls whose spans go to `spans`; the asynchronous ones in `loop`."""

    spans: InMemorySpanExporter
    loop: asyncio.AbstractEventLoop

    def replay(self, exchange: Exchange, way: str) -> Record:
        """The priced record of a call that gets the answer of `exchange`."""
        self.spans.clear()
        call = {"model": exchange.model, **_ASKED[exchange.api], **exchange.asked}
        if exchange.streamed:
            call["stream"] = True
        if way == "async":
            self.loop.run_until_complete(_async(exchange, call))
        else:
            _sync(exchange, call, way)
        (span,) = self.spans.get_finished_spans()
        record = read(span)
        assert record is not None
        return Pricing()(dataclasses.replace(record, start_ns=_MOMENT_NS))


def _sync(exchange: Exchange, call: dict[str, Any], way: str) -> None:
    http_client = httpx2.Client(transport=httpx2.MockTransport(_handler(exchange)))
    with _client(exchange, "", http_client) as client:
        methods = _METHODS[exchange.api](client)
        try:
            if way == "raw" and exchange.streamed:
                with methods.with_streaming_response.create(**call) as response:
                    list(response.iter_lines())
            elif way == "raw":
                methods.with_raw_response.create(**call).parse()
            else:
                _used_up(methods.create(**call), exchange)
        except (openai.OpenAIError, anthropic.AnthropicError):
            assert exchange.expected.error


def _used_up(answer: Any, exchange: Exchange) -> None:
    if exchange.streamed:
        list(answer)


async def _async(exchange: Exchange, call: dict[str, Any]) -> None:
    http_client = httpx2.AsyncClient(transport=httpx2.MockTransport(_handler(exchange)))
    async with _client(exchange, "Async", http_client) as client:
        try:
            answer = await _METHODS[exchange.api](client).create(**call)
            if exchange.streamed:
                async for _ in answer:
                    pass
        except (openai.OpenAIError, anthropic.AnthropicError):
            assert exchange.expected.error


def _client(exchange: Exchange, kind: str, http_client: Any) -> Any:
    sdk, name = (anthropic, "Anthropic") if exchange.api == "messages" else (openai, "OpenAI")
    settings = {"api_key": "k", "max_retries": 0, "base_url": HOSTS[exchange.host][0]}
    client = getattr(sdk, kind + name)(**settings, http_client=http_client)
    return observe(client, name.lower())


def _handler(exchange: Exchange) -> Callable[[Any], Any]:
    def answer(request: Any) -> Any:
        assert str(request.url).startswith(HOSTS[exchange.host][0])
        if not exchange.streamed:
            return httpx2.Response(exchange.status, json=exchange.answer, headers=exchange.headers)
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, content=_events(exchange), headers=kind)

    return answer


def _events(exchange: Exchange) -> bytes:
    named = exchange.api != "chat"
    sent = [
        (f"event: {event['type']}\n" if named and "type" in event else "")
        + f"data: {json.dumps(event)}\n\n"
        for event in exchange.answer
    ]
    return "".join([*sent, "" if named else "data: [DONE]\n\n"]).encode()


def seen(record: Record) -> Expected:
    """What a record says, as far as exchanges state it."""
    usage = record.usage
    return Expected(
        input=usage.input,
        output=usage.output,
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        reasoning=usage.reasoning,
        text=record.output_text,
        finish=record.finish_reason,
        tools=_called(record.response),
        error=(record.error or {}).get("code") or (record.error or {}).get("name"),
        cents=None if record.cost_cents is None else round(record.cost_cents, 9),
        response_model=record.response_model,
    )


def _called(body: Any) -> tuple[str, ...]:
    """The names of the tools that the answer calls, wherever its API has them."""
    if isinstance(body, list):
        return tuple(name for item in body for name in _called(item))
    if not isinstance(body, dict):
        return ()
    function = body.get("function_call") or body.get("function")
    if isinstance(function, dict):
        return (function["name"],)
    if body.get("type") in ("function_call", "tool_use"):
        return (body["name"],)
    return tuple(name for value in body.values() for name in _called(value))
