"""A hook that logs bodies reads them before the SDK returns: the record is as without it."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from pulse_otel.local.provider.replies import chat, message
from tests.stream_cases import KINDS, REQUEST, TEXT, client_of, context_manager

Opened = Callable[[], Any]


def _early(stream: Any, take: int = 6) -> None:
    for _ in range(take):
        next(stream)


def _closed(kind: Any, client: Any) -> None:
    stream = kind.open(client)
    if context_manager(stream):
        with stream as entered:
            _early(entered)
        return
    _early(stream)
    stream.close()


def _left(kind: Any, client: Any) -> None:
    with kind.open(client) as stream:
        _early(stream)


def _dropped(kind: Any, client: Any) -> None:
    stream = kind.open(client)
    _early(stream.__enter__() if context_manager(stream) else stream)


def _unread(kind: Any, client: Any) -> None:
    stream = kind.open(client)
    if context_manager(stream):
        stream.__enter__()


def _whole(kind: Any, client: Any) -> None:
    with kind.open(client) as stream:
        list(stream)


def _raw(kind: Any, client: Any, mode: str, read: Callable[[Any], Any]) -> None:
    resource = client.chat.completions if kind.sdk == "openai" else client.messages
    result = getattr(resource, mode).create(**REQUEST, stream=True)
    if mode == "with_raw_response":
        read(result)
    else:
        with result as response:
            read(response)


def _raw_way(mode: str, read: Callable[[Any], Any]) -> Callable[[Any, Any], None]:
    return lambda kind, client: _raw(kind, client, mode, read)


WAYS: dict[str, Callable[[Any, Any], None]] = {
    "read to its end": _whole,
    "closed": _closed,
    "left with a block": _left,
    "dropped": _dropped,
    "never read": _unread,
}
RAW: dict[str, Callable[[Any, Any], None]] = {
    "parsed": _raw_way("with_raw_response", lambda raw: list(raw.parse())),
    "parsed and left": _raw_way("with_raw_response", lambda raw: _early(raw.parse())),
    "streaming, parsed": _raw_way("with_streaming_response", lambda raw: list(raw.parse())),
    "streaming, lines": _raw_way("with_streaming_response", lambda raw: list(raw.iter_lines())),
    "streaming, bytes": _raw_way("with_streaming_response", lambda raw: list(raw.iter_bytes())),
}


def _recorded(memory: InMemorySpanExporter) -> dict[str, Any]:
    gc.collect()
    (span,) = memory.get_finished_spans()
    memory.clear()
    changing = ("time_to_first_chunk", "request_id", "server.port", "response.id")
    found = {k: v for k, v in (span.attributes or {}).items() if not k.endswith(changing)}
    return {**found, "status": span.status.status_code}


@pytest.mark.parametrize("way", [*WAYS, *RAW])
@pytest.mark.parametrize("name", ["openai", "openai helper", "anthropic", "anthropic helper"])
def test_a_stream_whose_body_was_read_before(
    name: str, way: str, provider: Any, spans: InMemorySpanExporter
) -> None:
    kind = KINDS[name]
    if way in RAW and "helper" in name:
        pytest.skip("a helper has no raw form")
    use = {**WAYS, **RAW}[way]
    found: list[dict[str, Any]] = []
    for hooks in ([], [lambda response: response.read()]):
        with client_of(kind, provider, asynchronous=False, observed=True) as client:
            client._client.event_hooks = {"response": hooks}
            provider.enqueue(kind.reply(TEXT))
            use(kind, client)
            found.append(_recorded(spans))

    assert found[1] == found[0]


@pytest.mark.parametrize("name", ["openai", "anthropic"])
@pytest.mark.parametrize("left", ["close", "block", "drop", "whole"])
def test_an_async_stream_whose_body_was_read_before(
    name: str, left: str, provider: Any, spans: InMemorySpanExporter
) -> None:
    kind = KINDS[name]

    async def run(hooks: list[Any]) -> None:
        client = client_of(kind, provider, asynchronous=True, observed=True)
        async with client:
            client._client.event_hooks = {"response": hooks}
            stream = await kind.open(client)
            seen = 0
            async for _ in stream:
                seen += 1
                if seen == 6 and left != "whole":
                    break
            if left == "close":
                await stream.close()
            elif left == "block":
                async with stream:
                    pass
            del stream
            gc.collect()

    async def read(response: Any) -> None:
        await response.aread()

    found: list[dict[str, Any]] = []
    for hooks in ([], [read]):
        provider.enqueue(kind.reply(TEXT))
        asyncio.run(run(hooks))
        found.append(_recorded(spans))

    assert found[1] == found[0]


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_the_response_stays_as_it_was(
    sdk: str, provider: Any, clients: Any, spans: InMemorySpanExporter
) -> None:
    """It can be pickled and copied while the stream is open, and has its own methods after."""
    kind, client = KINDS[sdk], observe(getattr(clients, sdk)(), sdk)
    client._client.event_hooks = {"response": [lambda response: response.read()]}
    provider.enqueue(kind.reply(TEXT))

    stream = kind.open(client)
    next(stream)
    twins = [pickle.loads(pickle.dumps(stream.response)), copy.deepcopy(stream.response)]
    for twin in twins:
        assert TEXT.split()[0] in twin.text
        twin.close()
    assert spans.get_finished_spans() == ()
    stream.close()

    assert not {"close", "aclose"} & stream.response.__dict__.keys()
    assert len(spans.get_finished_spans()) == 1


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_a_whole_answer_in_raw_form(
    sdk: str, provider: Any, clients: Any, spans: InMemorySpanExporter
) -> None:
    client = observe(getattr(clients, sdk)(), sdk)
    client._client.event_hooks = {"response": [lambda response: response.read()]}
    resource = client.chat.completions if sdk == "openai" else client.messages
    provider.enqueue(chat(TEXT) if sdk == "openai" else message(TEXT))

    with resource.with_streaming_response.create(**REQUEST) as response:
        assert TEXT in str(response.parse())

    (span,) = spans.get_finished_spans()
    assert TEXT in str((span.attributes or {})["gen_ai.output.messages"])
