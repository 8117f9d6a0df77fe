"""Raw responses: the SDK's own objects, and recorded however the caller reads them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from pulse_otel.local.provider.replies import Reply, anthropic_error, chat, message, openai_error
from tests.stream_cases import KINDS, REQUEST, TEXT, Kind, client_of

SDKS = ["openai", "anthropic"]
_PLAIN = {"openai": (chat, openai_error), "anthropic": (message, anthropic_error)}


@pytest.fixture(params=SDKS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def client(kind: Kind, provider: Any, spans: Any) -> Any:
    with client_of(kind, provider, asynchronous=False, observed=True) as client:
        yield client


def _resource(kind: Kind, client: Any) -> Any:
    return client.chat.completions if kind.sdk == "openai" else client.messages


def _one(memory: InMemorySpanExporter) -> Any:
    (span,) = memory.get_finished_spans()
    return span


def _whole(memory: InMemorySpanExporter) -> None:
    span = _one(memory)
    assert span.status.status_code is StatusCode.UNSET
    assert f'"content":"{TEXT}"' in span.attributes["gen_ai.output.messages"]
    assert span.attributes["gen_ai.usage.input_tokens"] == 120
    assert span.attributes["gen_ai.usage.output_tokens"] == 45
    assert span.attributes["http.response.status_code"] == 200


def test_a_raw_response(
    kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(_PLAIN[kind.sdk][0](TEXT))

    raw = _resource(kind, client).with_raw_response.create(**REQUEST)

    _whole(spans)
    assert type(raw).__module__.startswith(kind.sdk)
    parsed = raw.parse()
    assert raw.parse() is parsed
    assert TEXT in parsed.model_dump_json()
    assert raw.headers["x-request-id"]


def test_a_raw_stream(kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter) -> None:
    provider.enqueue(kind.reply(TEXT))

    raw = _resource(kind, client).with_raw_response.create(**REQUEST, stream=True)
    assert spans.get_finished_spans() == ()
    stream = raw.parse()

    assert raw.parse() is stream
    assert "parse" not in vars(raw)
    assert "".join(kind.text(item) or "" for item in stream) == TEXT
    _whole(spans)


READERS: dict[str, Callable[[Any], Any]] = {
    "parse": lambda response: response.parse(),
    "read": lambda response: response.read(),
    "text": lambda response: response.text(),
    "json": lambda response: response.json(),
    "iter_bytes": lambda response: list(response.iter_bytes()),
    "iter_lines": lambda response: list(response.iter_lines()),
    "read, then parse": lambda response: (response.read(), response.parse()),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_streaming_response(
    reader: str, kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(_PLAIN[kind.sdk][0](TEXT))

    with _resource(kind, client).with_streaming_response.create(**REQUEST) as response:
        if not hasattr(response, reader.split(",", maxsplit=1)[0]):
            pytest.skip(f"this {kind.sdk} version has no {reader}")
        assert spans.get_finished_spans() == ()
        READERS[reader](response)

    _whole(spans)


@pytest.mark.parametrize("reader", ["iter_bytes", "iter_lines", "read"])
def test_a_streaming_response_of_a_stream(
    reader: str, kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(kind.reply(TEXT))

    create = _resource(kind, client).with_streaming_response.create
    with create(**REQUEST, stream=True) as response:
        seen = READERS[reader](response)

    assert seen
    _whole(spans)
    assert 0 < _one(spans).attributes["gen_ai.response.time_to_first_chunk"] < 10


def test_it_is_recorded_async_as_well(
    kind: Kind, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(_PLAIN[kind.sdk][0](TEXT), kind.reply(TEXT), kind.reply(TEXT))

    async def main() -> None:
        async with client_of(kind, provider, asynchronous=True, observed=True) as client:
            create = _resource(kind, client).with_streaming_response.create
            async with create(**REQUEST) as response:
                await response.parse() if hasattr(response, "iter_lines") else response.parse()
            async with create(**REQUEST, stream=True) as response:
                assert [line async for line in response.iter_lines()]
            raw = await _resource(kind, client).with_raw_response.create(**REQUEST, stream=True)
            stream = raw.parse()
            async for _ in await stream if asyncio.iscoroutine(stream) else stream:
                pass

    asyncio.run(main())
    finished = spans.get_finished_spans()
    assert len(finished) == 3
    for span in finished:
        assert f'"content":"{TEXT}"' in span.attributes["gen_ai.output.messages"]
        assert span.attributes["gen_ai.usage.output_tokens"] == 45


def test_lines_left_early(
    kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    reply = kind.reply(TEXT)
    provider.enqueue(Reply(headers=reply.headers, chunks=reply.chunks, chunk_delay_s=0.1))

    create = _resource(kind, client).with_streaming_response.create
    with create(**REQUEST, stream=True) as response:
        for line in response.iter_lines():
            if '"one"' in line:
                break

    span = _one(spans)
    assert span.status.status_code is StatusCode.UNSET
    assert '"content":"one"' in span.attributes["gen_ai.output.messages"]


def test_lines_cut_by_the_network(
    kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(kind.reply(TEXT).cut_after(kind.cut))

    create = _resource(kind, client).with_streaming_response.create
    with pytest.raises(Exception, match=r"\w") as raised, create(**REQUEST, stream=True) as r:
        list(r.iter_lines())

    span = _one(spans)
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"].endswith(type(raised.value).__name__)
    assert '"content":"one' in span.attributes["gen_ai.output.messages"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_dropped_unread(
    kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(kind.reply(TEXT))

    raw = _resource(kind, client).with_raw_response.create(**REQUEST, stream=True)
    del raw
    gc.collect()

    assert _one(spans).status.status_code is StatusCode.UNSET


def test_a_body_that_is_not_json(
    kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(*[Reply(body=b"\xff\x00", headers={"content-type": "audio/mpeg"})] * 2)

    _resource(kind, client).with_raw_response.create(**REQUEST)
    with _resource(kind, client).with_streaming_response.create(**REQUEST) as response:
        assert response.read() == b"\xff\x00"

    assert len(spans.get_finished_spans()) == 2


def test_an_error_event_in_a_raw_stream(
    kind: Kind, client: Any, provider: Any, spans: InMemorySpanExporter
) -> None:
    error = _PLAIN[kind.sdk][1](529 if kind.sdk == "anthropic" else 500)
    event = b"event: error\ndata: " + error.body + b"\n\n"
    provider.enqueue(Reply(headers=kind.reply(TEXT).headers, chunks=(event,)))

    raw = _resource(kind, client).with_raw_response.create(**REQUEST, stream=True)
    with pytest.raises(Exception, match=r"\w"):
        list(raw.parse())

    span = _one(spans)
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] in ("overloaded_error", "server_error")
