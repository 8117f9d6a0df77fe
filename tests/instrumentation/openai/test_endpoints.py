"""Every method, sync and async, in every mode: one span, and the parameters are not sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import openai
import pytest

from pulse_otel import observe
from tests.conftest import MESSAGES, Clients
from tests.instrumentation.openai.calls import MANAGERS, PARSED, PLAIN, STREAMED, Call, named
from tests.instrumentation.openai.conftest import Spans

# `images.create_variation` and `audio.translations` are deprecated in the newest SDK.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

PULSE: dict[str, Any] = {"pulse_session_id": "s-1", "pulse_metadata": {"team": "red"}}
MODES = ("", "with_raw_response", "with_streaming_response")


def _check(spans: Spans, provider: Any, call: Call) -> None:
    """One span, of the right name, with the parameters, none of which was sent."""
    span = spans.one()
    attributes = spans.attributes
    model = call.arguments.get("model")
    assert attributes["gen_ai.operation.name"] == call.operation
    assert span.name == (f"{call.operation} {model}" if model else call.operation)
    assert span.status.is_unset
    assert attributes["gen_ai.conversation.id"] == attributes["session.id"] == "s-1"
    assert spans.json("pulse.metadata") == {"team": "red"}
    (received,) = provider.requests
    assert b"pulse_" not in received.body
    assert not [name for name in received.headers if "pulse" in name]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("call", PLAIN, ids=named)
def test_every_method(call: Call, mode: str, clients: Clients, provider: Any, spans: Spans) -> None:
    result = call.on(clients.openai(), mode)(**call.arguments, **PULSE)
    if mode == "with_streaming_response":
        with result as opened:
            assert spans.memory.get_finished_spans() == ()
            opened.read()

    _check(spans, provider, call)


@pytest.mark.parametrize("call", PLAIN, ids=named)
def test_a_client_made_from_another(
    call: Call, clients: Clients, provider: Any, spans: Spans
) -> None:
    call.on(clients.openai().with_options(timeout=20))(**call.arguments, **PULSE)

    _check(spans, provider, call)


@pytest.mark.parametrize("call", PLAIN, ids=named)
def test_azure(call: Call, provider: Any, spans: Spans) -> None:
    settings: dict[str, Any] = {"api_key": "k", "api_version": "2025-03-01", "max_retries": 0}

    with openai.AzureOpenAI(azure_endpoint=provider.url, **settings) as client:
        call.on(client)(**call.arguments, **PULSE)

    _check(spans, provider, call)
    assert spans.attributes["gen_ai.provider.name"] == "azure.ai.openai"


def _run(provider: Any, use: Callable[[openai.AsyncOpenAI], Awaitable[None]]) -> None:
    """Run `use` with an async client, and close that in the same loop."""

    async def run() -> None:
        settings: dict[str, Any] = {"api_key": "k", "max_retries": 0}
        async with openai.AsyncOpenAI(base_url=provider.openai_url, **settings) as client:
            await use(client)

    asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("call", PLAIN, ids=named)
def test_every_method_async(call: Call, mode: str, provider: Any, spans: Spans) -> None:
    async def use(client: openai.AsyncOpenAI) -> None:
        made = call.on(client, mode)(**call.arguments, **PULSE)
        if mode == "with_streaming_response":
            async with made as opened:
                assert spans.memory.get_finished_spans() == ()
                await opened.read()
        else:
            await made

    _run(provider, use)

    _check(spans, provider, call)


@pytest.mark.parametrize("call", PARSED, ids=named)
def test_parse(call: Call, provider: Any, clients: Clients, spans: Spans) -> None:
    assert call.on(clients.openai())(**call.arguments, **PULSE).id

    _check(spans, provider, call)


@pytest.mark.parametrize("call", STREAMED, ids=named)
def test_streams(call: Call, provider: Any, clients: Clients, spans: Spans) -> None:
    if call.reply is not None:
        provider.enqueue(call.reply)

    stream = call.on(clients.openai())(**call.arguments, **PULSE)
    assert isinstance(stream, openai.Stream)
    assert spans.memory.get_finished_spans() == ()
    assert list(stream)

    _check(spans, provider, call)
    assert spans.attributes["gen_ai.request.stream"] is True
    assert spans.attributes["gen_ai.response.time_to_first_chunk"] > 0
    assert spans.parts


@pytest.mark.parametrize("call", STREAMED, ids=named)
def test_streams_async(call: Call, provider: Any, spans: Spans) -> None:
    if call.reply is not None:
        provider.enqueue(call.reply)

    async def use(client: openai.AsyncOpenAI) -> None:
        stream = await call.on(client)(**call.arguments, **PULSE)
        assert [chunk async for chunk in stream]

    _run(provider, use)

    _check(spans, provider, call)
    assert spans.parts


@pytest.mark.parametrize("call", MANAGERS, ids=named)
def test_stream_managers(call: Call, provider: Any, clients: Clients, spans: Spans) -> None:
    if call.reply is not None:
        provider.enqueue(call.reply)

    manager = call.on(clients.openai())(**call.arguments, **PULSE)
    assert provider.requests == []
    with manager as stream:
        assert list(stream)

    _check(spans, provider, call)
    assert spans.parts


@pytest.mark.parametrize("call", MANAGERS, ids=named)
def test_stream_managers_async(call: Call, provider: Any, spans: Spans) -> None:
    if call.reply is not None:
        provider.enqueue(call.reply)

    async def use(client: openai.AsyncOpenAI) -> None:
        async with call.on(client)(**call.arguments, **PULSE) as stream:
            assert [event async for event in stream]

    _run(provider, use)

    _check(spans, provider, call)
    assert spans.parts


_MODULE = """
import functools, json, sys
import openai
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pulse_otel import OpenAIInstrumentor
from tests.instrumentation.openai.calls import PLAIN

memory, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
OpenAIInstrumentor().instrument(tracer_provider=provider)
openai.api_key, openai.base_url = "k", sys.stdin.readline().strip()
called = []
for call in PLAIN:
    try:
        method = functools.reduce(getattr, call.method.split("."), openai)
    except AttributeError:
        continue
    method(**call.arguments, pulse_session_id="s-1")
    called.append(call.operation)
spans = [dict(span.attributes) for span in memory.get_finished_spans()]
assert all(span["session.id"] == "s-1" for span in spans)
print(json.dumps([called, [span["gen_ai.operation.name"] for span in spans]]))
"""


def test_the_modules_own_client(provider: Any, run_python: Any) -> None:
    """`openai.responses.create(...)` and the like, without a client of one's own."""
    script = _MODULE.replace("sys.stdin.readline().strip()", repr(f"{provider.openai_url}/"))

    done = run_python(script)

    assert done.returncode == 0, done.stderr
    called, recorded = json.loads(done.stdout)
    assert len(called) >= 10
    assert recorded == called


def test_the_modules_own_client_sends_to_the_url_of_the_moment(
    provider: Any, monkeypatch: pytest.MonkeyPatch, spans: Spans
) -> None:
    """A program may set `openai.base_url` between two calls."""
    monkeypatch.setattr(openai, "api_key", "k")
    url = f"{provider.openai_url}/"
    client = openai._ModuleClient(api_key="k", base_url=url, max_retries=0)
    observe(client, "openai")

    for host in ("127.0.0.1", "localhost"):
        monkeypatch.setattr(openai, "base_url", url.replace("127.0.0.1", host))
        client.chat.completions.create(model="m", messages=MESSAGES)
    client.close()

    found = [span.attributes or {} for span in spans.memory.get_finished_spans()]
    assert [span["server.address"] for span in found] == ["127.0.0.1", "localhost"]


@pytest.mark.parametrize("call", PLAIN, ids=named)
def test_a_method_kept_from_before(call: Call, clients: Clients, spans: Spans) -> None:
    """Bound methods and raw modes that a program keeps are recorded once the client is."""
    client = clients.openai()
    method, raw = call.on(client), call.on(client, "with_raw_response")
    observe(client, "openai", {"session_id": "s-2"})

    method(**call.arguments)
    raw(**call.arguments)

    found = [dict(span.attributes or {}) for span in spans.memory.get_finished_spans()]
    assert [span["gen_ai.operation.name"] for span in found] == [call.operation] * 2
    assert [span["session.id"] for span in found] == ["s-2"] * 2
