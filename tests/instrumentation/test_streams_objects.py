"""What the caller of a stream gets is the SDK's own: types, helpers, protocols."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from tests.conftest import Clients
from tests.stream_cases import KINDS, TEXT, Kind, client_of, context_manager

HELPERS = [name for name in KINDS if "helper" in name]
_STREAMS = {
    "openai": (openai.Stream, openai.AsyncStream),
    "anthropic": (anthropic.Stream, anthropic.AsyncStream),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def client(kind: Kind, provider: Any, spans: Any) -> Iterator[Any]:
    client = client_of(kind, provider, asynchronous=False, observed=True)
    provider.enqueue(kind.reply(TEXT))
    yield client
    client.close()


def test_the_object_is_the_sdks(kind: Kind, client: Any, spans: InMemorySpanExporter) -> None:
    opened = kind.open(client)
    stream = opened.__enter__()
    if not context_manager(opened):
        assert stream is opened
        assert type(stream) is _STREAMS[kind.sdk][0]
        assert stream.response.status_code == 200
    assert stream.__enter__() is stream
    assert iter(stream) is not None
    items = list(stream)
    assert "".join(kind.text(item) or "" for item in items) == TEXT
    with pytest.raises(StopIteration):
        next(stream)
    stream.close()
    assert opened.__exit__(None, None, None) is None
    assert len(spans.get_finished_spans()) == 1


def test_the_head_is_recorded_as_it_arrived(provider: Any, clients: Clients, spans: Any) -> None:
    stream = KINDS["openai"].open(observe(clients.openai(), "openai"))
    request_id = stream.response.headers["x-request-id"]
    stream.response.headers["x-request-id"] = "written by the program"
    list(stream)

    (span,) = spans.get_finished_spans()
    assert span.attributes["pulse.request_id"] == request_id


def test_a_stream_whose_loop_is_left_goes_on_where_it_was(
    kind: Kind, client: Any, spans: InMemorySpanExporter
) -> None:
    opened = kind.open(client)
    stream = opened.__enter__()
    items: list[Any] = []
    for item in stream:
        items.append(item)
        if len(items) == 2:
            break
    for item in stream:
        items += [item, next(stream)]
        break
    gc.collect()
    assert spans.get_finished_spans() == ()

    items += list(stream)

    assert "".join(kind.text(item) or "" for item in items) == TEXT
    (span,) = spans.get_finished_spans()
    assert TEXT in span.attributes["gen_ai.output.messages"]


def test_the_async_object_is_the_sdks(
    kind: Kind, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(kind.reply(TEXT))

    async def main() -> None:
        async with client_of(kind, provider, asynchronous=True, observed=True) as client:
            opened = kind.open(client)
            if hasattr(opened, "__aenter__") and not hasattr(opened, "__anext__"):
                stream = await opened.__aenter__()
            else:
                stream = await opened
                assert type(stream) is _STREAMS[kind.sdk][1]
            assert await stream.__aenter__() is stream
            said = [kind.text(item) or "" async for item in stream]
            assert "".join(said) == TEXT
            with pytest.raises(StopAsyncIteration):
                await stream.__anext__()
            for name in ("close", "aclose"):
                if hasattr(stream, name):
                    await getattr(stream, name)()
            await stream.__aexit__(None, None, None)

    asyncio.run(main())
    assert len(spans.get_finished_spans()) == 1


_WHOLE = {
    "openai": ("get_final_completion", lambda whole: whole.choices[0].message.content),
    "anthropic": ("get_final_message", lambda whole: whole.content[0].text),
}


@pytest.mark.parametrize("kind", [KINDS[name] for name in HELPERS], ids=HELPERS)
@pytest.mark.parametrize("way", ["final", "until_done", "text_stream", "get_final_text"])
def test_helpers(
    way: str, kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    name, text_of = _WHOLE[kind.sdk]
    with kind.open(client) as stream:
        if way in ("text_stream", "get_final_text"):
            if not hasattr(stream, way):
                pytest.skip(f"{kind.sdk} has no {way}")
            value = getattr(stream, way)
            assert (value() if callable(value) else "".join(value)) == TEXT
        elif way == "until_done":
            stream.until_done()
        assert text_of(getattr(stream, name)()) == TEXT

    (span,) = spans.get_finished_spans()
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert span.attributes["gen_ai.usage.input_tokens"] == 120
    assert span.attributes["gen_ai.response.time_to_first_chunk"] > 0


@pytest.mark.parametrize("kind", [KINDS[name] for name in HELPERS], ids=HELPERS)
def test_async_helpers(kind: Kind, provider: Any, spans: InMemorySpanExporter) -> None:
    provider.enqueue(kind.reply(TEXT))
    name, text_of = _WHOLE[kind.sdk]

    async def main() -> Any:
        async with (
            client_of(kind, provider, asynchronous=True, observed=True) as client,
            kind.open(client) as stream,
        ):
            if hasattr(stream, "text_stream"):
                assert "".join([text async for text in stream.text_stream]) == TEXT
            await stream.until_done()
            return await getattr(stream, name)()

    assert text_of(asyncio.run(main())) == TEXT
    (span,) = spans.get_finished_spans()
    assert TEXT in span.attributes["gen_ai.output.messages"]
