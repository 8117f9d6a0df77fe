"""`stream_usage` of a raw stream: the caller reads the same chunks and bytes, but for our event."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import observe
from pulse_otel.instrumentation.hidden_event import EventFilter
from pulse_otel.instrumentation.openai.usage import hide_usage
from pulse_otel.local.provider.reply import Reply
from tests.conftest import KEY, MESSAGES
from tests.instrumentation.billing import chunk, events

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES, "stream": True}
USAGE = {"prompt_tokens": 120, "completion_tokens": 45, "total_tokens": 165}
PIECES = events(
    chunk({"role": "assistant", "content": "Hel"}),
    chunk({"content": 'lo "usage" \n\n'}),
    chunk({}, "stop"),
    {**chunk(usage=USAGE), "choices": []},
    "[DONE]",
).chunks
assert PIECES is not None
EXPECTED = b"".join((*PIECES[:3], PIECES[4]))
WHOLE = b"".join(PIECES)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    pulse_otel.init_pulse(
        api_key=KEY, api_url="http://127.0.0.1:9", tracer_provider=provider, stream_usage="always"
    )
    yield memory
    pulse_otel.shutdown(0)


def reply(size: int = 0, *, encoded: bool = False, cut: bool = False) -> Reply:
    """The stream in pieces of `size` bytes, or one for each event."""
    body = gzip.compress(WHOLE) if encoded else WHOLE
    pieces = PIECES if not size else [body[n : n + size] for n in range(0, len(body), size)]
    headers = {"content-type": "text/event-stream"}
    if encoded:
        headers["content-encoding"] = "gzip"
    return Reply(headers=headers, chunks=tuple(pieces or ()), cut=cut)


def _read(response: Any) -> bytes:
    response.read()
    return bytes(response.content)


def _text(response: Any) -> bytes:
    response.read()
    return str(response.text).encode()


READS: dict[str, Callable[[Any], bytes]] = {
    "content": _read,
    "text": _text,
    "iter_bytes": lambda response: b"".join(response.iter_bytes()),
    "iter_raw": lambda response: b"".join(response.iter_raw()),
    "iter_lines": lambda response: ("\n".join(response.iter_lines()) + "\n").encode(),
}


@pytest.mark.parametrize("size", [0, 1, 7, 1000])
@pytest.mark.parametrize("door", READS)
def test_the_bytes_lack_our_event_alone(door: str, size: int, provider: Any, spans: Any) -> None:
    provider.enqueue(reply(size))
    with openai.OpenAI(api_key="k", base_url=provider.openai_url) as client:
        raw = observe(client, "openai").chat.completions.with_raw_response.create(**GPT)
        seen = READS[door](raw.http_response)

    assert seen == EXPECTED
    _recorded(provider, spans)


@pytest.mark.parametrize("door", ["content", "text", "iter_bytes", "iter_lines"])
def test_a_compressed_body(door: str, provider: Any, spans: Any) -> None:
    provider.enqueue(reply(11, encoded=True))
    with openai.OpenAI(api_key="k", base_url=provider.openai_url) as client:
        raw = observe(client, "openai").chat.completions.with_raw_response.create(**GPT)
        seen = READS[door](raw.http_response)

    assert seen == EXPECTED
    _recorded(provider, spans)


@pytest.mark.parametrize("encoded", [False, True])
def test_the_parsed_stream_lacks_our_chunk(encoded: bool, provider: Any, spans: Any) -> None:
    provider.enqueue(reply(9, encoded=encoded))
    with openai.OpenAI(api_key="k", base_url=provider.openai_url) as client:
        raw = observe(client, "openai").chat.completions.with_raw_response.create(**GPT)
        seen = list(raw.parse())

    assert [len(item.choices) for item in seen] == [1, 1, 1]
    _recorded(provider, spans)


@pytest.mark.parametrize("parses", [False, True])
def test_async_clients(parses: bool, provider: Any, spans: Any) -> None:
    provider.enqueue(reply(5))

    async def run() -> Any:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url) as client:
            methods = observe(client, "openai").chat.completions.with_raw_response
            raw = await methods.create(**GPT)
            if parses:
                return [item async for item in raw.parse()]
            return b"".join([piece async for piece in raw.http_response.aiter_bytes()])

    seen = asyncio.run(run())

    assert len(seen) == 3 if parses else seen == EXPECTED
    _recorded(provider, spans)


def test_a_caller_who_asked_reads_every_byte(provider: Any, spans: Any) -> None:
    provider.enqueue(reply())
    asked = {**GPT, "stream_options": {"include_usage": True}}
    with openai.OpenAI(api_key="k", base_url=provider.openai_url) as client:
        raw = observe(client, "openai").chat.completions.with_raw_response.create(**asked)

        assert _read(raw.http_response) == WHOLE


def test_a_streaming_response_is_not_asked(provider: Any, spans: Any) -> None:
    provider.enqueue(reply())
    with openai.OpenAI(api_key="k", base_url=provider.openai_url) as client:
        methods = observe(client, "openai").chat.completions.with_streaming_response
        with methods.create(**GPT) as response:
            assert b"".join(response.iter_bytes()) == WHOLE

    assert "stream_options" not in provider.requests[0].json()


def test_a_body_that_breaks_gives_what_came_before(provider: Any, spans: Any) -> None:
    broken = reply()
    provider.enqueue(
        Reply(headers=broken.headers, chunks=((broken.chunks or ())[0], b"data: {"), cut=True)
    )
    seen = b""
    with openai.OpenAI(api_key="k", base_url=provider.openai_url) as client:
        raw = observe(client, "openai").chat.completions.with_raw_response.create(**GPT)
        with pytest.raises(Exception, match=r"(?i)peer|incomplete|closed"):
            for piece in raw.http_response.iter_bytes():
                seen += piece

    assert seen == (broken.chunks or ())[0] + b"data: {"


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_every_line_end_of_the_standard(end: bytes) -> None:
    body = WHOLE.replace(b"\n\n", end)
    hidden = EventFilter(hide_usage)

    seen = b"".join(hidden.passed(body[n : n + 1]) for n in range(len(body))) + hidden.rest()

    assert seen == EXPECTED.replace(b"\n\n", end)


def _recorded(provider: Any, spans: InMemorySpanExporter) -> None:
    assert provider.requests[0].json()["stream_options"] == {"include_usage": True}
    (span,) = spans.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["gen_ai.usage.input_tokens"] == 120
    assert "Hello" in str(span.attributes["gen_ai.output.messages"])
