"""Errors that arrive with status 200: the span says so, the program gets what the SDK gives."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from pulse_otel import observe
from pulse_otel.local.provider.replies import Reply
from tests.conftest import MESSAGES, Clients

TEXT = "image dimensions exceed 8000 pixels"
ERROR: dict[str, Any] = {"error": {"message": TEXT, "code": 400}}
CHAT: dict[str, Any] = {"model": "m", "messages": MESSAGES}
Method = Callable[[Any], Any]
CALLS: dict[str, tuple[str, Method, dict[str, Any]]] = {
    "chat": ("OpenAI", lambda c: c.chat.completions, CHAT),
    "responses": ("OpenAI", lambda c: c.responses, {"model": "m", "input": "Hello"}),
    "embeddings": ("OpenAI", lambda c: c.embeddings, {"model": "m", "input": "Hello"}),
    "messages": ("Anthropic", lambda c: c.messages, {**CHAT, "max_tokens": 9}),
}


def _shape(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else (type(value), str(value))


def _failed(memory: InMemorySpanExporter, *codes: str) -> None:
    (span,) = memory.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == TEXT
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] in codes
    assert json.loads(str(attributes["pulse.error"]))["message"] == TEXT


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("api", CALLS)
def test_a_body_with_an_error_is_an_error(
    api: str, asynchronous: bool, raw: bool, provider: Any, spans: InMemorySpanExporter
) -> None:
    name, resource, arguments = CALLS[api]
    sdk = name.lower()
    make = getattr({"openai": openai, "anthropic": anthropic}[sdk], "Async" * asynchronous + name)
    url = provider.openai_url if sdk == "openai" else provider.anthropic_url

    async def run(observed: bool) -> Any:
        provider.enqueue(Reply(body=json.dumps(ERROR).encode()))
        client = make(api_key="k", base_url=url, max_retries=0)
        used = resource(observe(client, sdk) if observed else client)
        try:
            result = (used.with_raw_response if raw else used).create(**arguments)
            return _shape(await result if asynchronous else result)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            return _shape(error)
        finally:
            closed = client.close()
            if asynchronous:
                await closed

    bare, observed = asyncio.run(run(False)), asyncio.run(run(True))

    assert str(observed) == str(bare) or raw
    # Where the SDK raises, the type is that of its exception: it depends on the version.
    _failed(spans, *(("ValueError", "TypeError") if api == "embeddings" and not raw else ("400",)))


BODIES: dict[str, Any] = {
    "text alone": {"error": TEXT},
    "of vLLM": {"object": "error", "message": TEXT, "type": "BadRequest", "code": 400},
    "of Anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": TEXT}},
    "beside an answer": {"id": "1", "choices": [], "error": {"type": "cut", "message": TEXT}},
}
CODES = {"of Anthropic": "overloaded_error", "of vLLM": "400", "beside an answer": "cut"}


@pytest.mark.parametrize("form", BODIES)
def test_every_form_of_an_error_in_a_body(
    form: str, provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(Reply(body=json.dumps(BODIES[form]).encode()))

    observe(clients.openai(), "openai").chat.completions.create(**CHAT)

    _failed(spans, CODES.get(form, "failed"))


@pytest.mark.parametrize("none", [None, "", {}, False])
def test_an_empty_error_is_none(
    none: Any, provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(Reply(body=json.dumps({"id": "1", "choices": [], "error": none}).encode()))

    observe(clients.openai(), "openai").chat.completions.create(**CHAT)

    assert spans.get_finished_spans()[0].status.status_code is StatusCode.UNSET


def _stream_of(*events: dict[str, Any]) -> Reply:
    chunks = [b"event: error\n" * ("error" in event) + b"data: " for event in events]
    chunks = [
        head + json.dumps(event).encode() + b"\n\n"
        for head, event in zip(chunks, events, strict=True)
    ]
    return Reply(headers={"content-type": "text/event-stream"}, chunks=tuple(chunks))


HEAD = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "One"}}]}


@pytest.mark.parametrize("error", [ERROR["error"], TEXT], ids=["object", "text"])
def test_an_error_as_an_event_of_a_stream(
    error: Any, provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    """The SDK raises; the text so far and the provider's text are recorded."""
    provider.enqueue(_stream_of(HEAD, {"error": error}))

    with pytest.raises(openai.APIError):
        list(observe(clients.openai(), "openai").chat.completions.create(**CHAT, stream=True))

    _failed(spans, "400" if error == ERROR["error"] else "openai.APIError")
    assert "One" in str((spans.get_finished_spans()[0].attributes or {})["gen_ai.output.messages"])


def test_an_error_beside_the_end_of_a_message_is_the_calls(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    """The SDK takes the event for the usual end, in which nothing else is read."""
    head = {"type": "message_start", "message": {"id": "1", "model": "m"}}
    events = [head, {"type": "message_stop", **ERROR}]
    lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    chunks = tuple(line.encode() for line in lines)
    provider.enqueue(Reply(headers={"content-type": "text/event-stream"}, chunks=chunks))

    client = observe(clients.anthropic(), "anthropic")
    assert len(list(client.messages.create(**CHAT, max_tokens=9, stream=True))) == 2

    _failed(spans, "400")


def test_an_error_before_the_first_chunk_is_the_calls(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(_stream_of({"error": TEXT}))

    with pytest.raises(openai.APIError):
        list(observe(clients.openai(), "openai").chat.completions.create(**CHAT, stream=True))

    _failed(spans, "openai.APIError")


def test_an_exception_after_an_error_of_the_stream_is_what_the_program_gets(
    provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    """The Responses API names the failure in an event; then the connection breaks."""
    response = {"id": "r", "object": "response", "status": "failed", "output": [], "model": "m"}
    failed = {**response, "error": {"code": "server_error", "message": TEXT}}
    event = {"type": "response.failed", "response": failed, "sequence_number": 1}
    provider.enqueue(dataclasses.replace(_stream_of(event), cut=True))

    with pytest.raises(Exception, match="Connection") as caught:
        list(observe(clients.openai(), "openai").responses.create(model="m", input="", stream=True))

    (span,) = spans.get_finished_spans()
    assert str((span.attributes or {})["error.type"]).endswith(type(caught.value).__name__)


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_error_in_the_events_that_a_program_reads_itself(
    sdk: str, provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(_stream_of({"type": "x"} if sdk == "anthropic" else HEAD, ERROR))
    client = observe(getattr(clients, sdk)(), sdk)
    resource = client.messages if sdk == "anthropic" else client.chat.completions
    arguments = {**CHAT, "max_tokens": 9, "stream": True}

    with resource.with_streaming_response.create(**arguments) as response:
        assert any(TEXT in line for line in response.iter_lines())

    _failed(spans, "400")
