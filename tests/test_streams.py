"""Ways to leave a stream: one span each, ended when it was left, with what had arrived."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import pulse_otel
from pulse_otel import Provider, observe
from pulse_otel.local.replies import chat_stream
from tests.conftest import KEY, MESSAGES, Clients

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES, "stream": True}
CLAUDE: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 50,
    "messages": MESSAGES,
    "stream": True,
}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans at a user's own exporter; Pulse itself is not listening."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    pulse_otel.init_pulse(
        {"api_key": KEY, "api_url": "http://127.0.0.1:9", "tracer_provider": provider}
    )
    yield memory
    pulse_otel.shutdown(0)


def _one(memory: InMemorySpanExporter) -> Any:
    (span,) = memory.get_finished_spans()
    return span


@pytest.fixture(params=["openai", "anthropic"])
def opened(request: pytest.FixtureRequest, clients: Clients, spans: Any) -> Any:
    """A function that opens a stream of either SDK."""
    if request.param == "openai":
        gpt = clients.openai()
        observe(gpt, Provider.OPENAI)
        return lambda: gpt.chat.completions.create(**GPT)
    claude = clients.anthropic()
    observe(claude, Provider.ANTHROPIC)
    return lambda: claude.messages.create(**CLAUDE)


def test_consumed(opened: Any, spans: InMemorySpanExporter) -> None:
    stream = opened()
    assert isinstance(stream, (openai.Stream, anthropic.Stream))
    assert spans.get_finished_spans() == ()

    list(stream)

    span = _one(spans)
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert "Paris" in span.attributes["gen_ai.output.messages"]
    assert span.attributes["gen_ai.response.time_to_first_chunk"] > 0


def test_closed_early(opened: Any, spans: InMemorySpanExporter) -> None:
    stream = opened()
    next(stream)

    stream.close()

    assert _one(spans).status.status_code is StatusCode.UNSET


def test_left_by_the_users_exception(opened: Any, spans: InMemorySpanExporter) -> None:
    with pytest.raises(ZeroDivisionError), opened() as stream:
        for _ in stream:
            raise ZeroDivisionError

    assert _one(spans).status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_dropped(opened: Any, spans: InMemorySpanExporter, steps: int) -> None:
    stream = opened()
    for _ in range(steps):
        next(stream)

    del stream
    gc.collect()

    assert _one(spans).status.status_code is StatusCode.UNSET


def test_network_cut(provider: Any, clients: Clients, spans: InMemorySpanExporter) -> None:
    gpt = clients.openai()
    observe(gpt, Provider.OPENAI)
    whole = chat_stream(text="one two three four")
    assert whole.chunks is not None
    provider.enqueue(
        type(whole)(body=b"", headers=whole.headers, chunks=whole.chunks[:3], cut=True)
    )

    with pytest.raises(openai.APIConnectionError):
        list(gpt.chat.completions.create(**GPT))

    span = _one(spans)
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "openai.APIConnectionError"
    assert "one" in span.attributes["gen_ai.output.messages"]


def test_cancelled(provider: Any, spans: InMemorySpanExporter) -> None:
    whole = chat_stream(text="one two three")
    assert whole.chunks is not None
    provider.enqueue(
        type(whole)(body=b"", headers=whole.headers, chunks=whole.chunks, chunk_delay_s=0.3)
    )

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url) as gpt:
            observe(gpt, Provider.OPENAI)
            stream = await gpt.chat.completions.create(**GPT)

            async def consume() -> list[Any]:
                return [chunk async for chunk in stream]

            await asyncio.wait_for(consume(), 0.5)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(main())

    span = _one(spans)
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"].endswith("CancelledError")


def test_no_span_stays_current_and_calls_in_the_loop_are_their_own(
    opened: Any, spans: InMemorySpanExporter
) -> None:
    outer = opened()
    for _ in outer:
        assert not trace.get_current_span().get_span_context().is_valid
        list(opened())
        break
    outer.close()

    assert len(spans.get_finished_spans()) == 2
    assert all(span.parent is None for span in spans.get_finished_spans())


def test_a_raw_stream_is_the_sdks_own_and_is_recorded(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    gpt = clients.openai()
    observe(gpt, Provider.OPENAI)

    raw = gpt.chat.completions.with_raw_response.create(**GPT)
    list(raw.parse())
    with gpt.chat.completions.with_streaming_response.create(**GPT) as response:
        lines = list(response.iter_lines())

    assert any("[DONE]" in line for line in lines)
    parsed, unread = spans.get_finished_spans()
    assert "Paris" in parsed.attributes["gen_ai.output.messages"]
    assert unread.attributes["gen_ai.request.stream"] is True


def test_a_generator_of_messages_reaches_the_provider_whole(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    gpt, claude = observe(clients.openai(), "openai"), observe(clients.anthropic(), "anthropic")

    gpt.chat.completions.create(model="gpt-4o-mini", messages=(m for m in MESSAGES))
    claude.messages.create(**{**CLAUDE, "stream": False, "messages": (m for m in MESSAGES)})

    assert [request.json()["messages"] for request in provider.requests] == [MESSAGES, MESSAGES]
    # openai makes a list of it before it sends; anthropic pulls it while it sends.
    recorded = [span.attributes["gen_ai.input.messages"] for span in spans.get_finished_spans()]
    assert "Hello Pulse" in recorded[0]
    assert "Hello Pulse" in recorded[1] or "not recorded" in recorded[1]


ODD_CHUNKS = [
    {"id": "1", "model": "m", "choices": None},
    {"id": "1", "choices": [{"index": 0, "delta": None}]},
    {"id": "1", "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 7, "id": "t"}]}}]},
    {"id": "1", "choices": [], "usage": {"prompt_tokens": "12", "completion_tokens": -1}},
    {"id": "1", "choices": [{"index": 0, "delta": {"content": "ok"}, "finish_reason": "stop"}]},
]


def test_odd_chunks_pass_through_and_never_break_the_record(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    import json

    gpt = clients.openai()
    observe(gpt, Provider.OPENAI)
    whole = chat_stream(text="x")
    chunks = (*[f"data: {json.dumps(c)}\n\n".encode() for c in ODD_CHUNKS], b"data: [DONE]\n\n")
    provider.enqueue(type(whole)(body=b"", headers=whole.headers, chunks=chunks))

    seen = list(gpt.chat.completions.create(**GPT))

    assert len(seen) == len(ODD_CHUNKS)
    span = _one(spans)
    assert span.attributes["gen_ai.usage.input_tokens"] == 12
    assert "gen_ai.usage.output_tokens" not in span.attributes
    assert '"ok"' in span.attributes["gen_ai.output.messages"]


def test_a_streaming_response_that_is_parsed_is_recorded_whole(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    gpt = clients.openai()
    observe(gpt, Provider.OPENAI)
    request: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES}

    with gpt.chat.completions.with_streaming_response.create(**request) as response:
        response.parse()

    span = _one(spans)
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert span.attributes["gen_ai.usage.input_tokens"] == 120


def test_an_error_event_in_a_raw_stream_is_an_error(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    gpt = clients.openai()
    observe(gpt, Provider.OPENAI)
    whole = chat_stream(text="x")
    event = b'data: {"error": {"message": "overloaded", "code": "server_error"}}\n\n'
    provider.enqueue(type(whole)(body=b"", headers=whole.headers, chunks=(event,)))

    raw = gpt.chat.completions.with_raw_response.create(**GPT)
    with pytest.raises(openai.APIError):
        list(raw.parse())

    span = _one(spans)
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "server_error"
