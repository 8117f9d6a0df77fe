"""`stream_usage`: what a program reads of a stream is what it reads without us.

The server writes a usage only if asked, and then also `"usage": null` into every other chunk, as
OpenAI documents: a program that compares, stores or forwards its stream would see that.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from pulse_otel import observe
from pulse_otel.instrumentation.hidden_event import EventFilter
from pulse_otel.instrumentation.openai.usage import hide_usage
from pulse_otel.local.serving import serving
from tests.conftest import MESSAGES
from tests.instrumentation.billing import chunk, client_to

GPT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES, "stream": True}
USAGE = {"prompt_tokens": 120, "completion_tokens": 45, "total_tokens": 165}
# Texts that look like what is left out, and a nested member that is none of the chunk's own.
CHUNKS: list[dict[str, Any]] = [
    chunk({"role": "assistant", "content": "Hel"}, usage=None),
    chunk({"content": 'lo, "usage": null} {'}, usage=None, obfuscation="ab"),
    {"usage": None, **chunk({"content": "\\", "own": {"usage": None}})},
    chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}, usage=None),
    chunk({}, "stop", usage=None),
    {**chunk(usage=USAGE), "choices": []},
]


def _body(asked: bool, pretty: bool) -> bytes:
    sent = [dict(event) for event in CHUNKS if asked or event.get("usage") is None]
    for event in sent:
        if not asked:
            del event["usage"]
    form: dict[str, Any] = {} if pretty else {"separators": (",", ":")}
    events = [json.dumps(event, **form) for event in sent]
    return "".join(f"data: {event}\r\n\r\n" for event in [*events, "[DONE]"]).encode()


async def _serve(scope: Any, receive: Any, send: Any) -> None:
    asked = "stream_options" in json.loads((await receive())["body"])
    wanted = {name.decode(): value.decode() for name, value in scope["headers"]}
    body = _body(asked, "x-pretty" in wanted)
    headers = [(b"content-type", b"text/event-stream")]
    if "x-gzip" in wanted:
        body = gzip.compress(body)
        headers.append((b"content-encoding", b"gzip"))
    size = int(wanted["x-size"])
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(_serve) as url:
        yield f"{url}/v1"


def _shown(item: Any) -> Any:
    return item.to_json(), sorted(item.model_fields_set), repr(item)


def _raw(client: Any) -> Any:
    return client.chat.completions.with_raw_response.create(**GPT)


def _text(client: Any) -> Any:
    response = _raw(client).http_response
    response.read()
    return response.text


SYNC: dict[str, Callable[[Any], Any]] = {
    "chunks": lambda client: [_shown(item) for item in client.chat.completions.create(**GPT)],
    "raw chunks": lambda client: [_shown(item) for item in _raw(client).parse()],
    "content": lambda client: _raw(client).http_response.read(),
    "bytes": lambda client: b"".join(_raw(client).http_response.iter_bytes()),
    "text": _text,
    "lines": lambda client: list(_raw(client).http_response.iter_lines()),
}


async def _async_chunks(client: Any) -> Any:
    return [_shown(item) async for item in await client.chat.completions.create(**GPT)]


async def _async_raw_chunks(client: Any) -> Any:
    return [_shown(item) async for item in (await _raw(client)).parse()]


async def _async_content(client: Any) -> Any:
    return await (await _raw(client)).http_response.aread()


async def _async_lines(client: Any) -> Any:
    return [line async for line in (await _raw(client)).http_response.aiter_lines()]


ASYNC: dict[str, Callable[[Any], Any]] = {
    "async chunks": _async_chunks,
    "async raw chunks": _async_raw_chunks,
    "async content": _async_content,
    "async lines": _async_lines,
}


def _seen(way: str, server: str, headers: dict[str, str], observed: bool) -> Any:
    settings: dict[str, Any] = {"api_key": "k", "base_url": "http://api.openai.com/v1"}
    settings |= {"default_headers": headers, "http_client": client_to(openai, server, way)}

    async def run() -> Any:
        async with openai.AsyncOpenAI(**settings) as client:
            return await ASYNC[way](observe(client, "openai") if observed else client)

    if way in ASYNC:
        return asyncio.run(run())
    with openai.OpenAI(**settings) as client:
        return SYNC[way](observe(client, "openai") if observed else client)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-size": "100000"},
        {"x-size": "1"},
        {"x-size": "61", "x-pretty": "1"},
        {"x-size": "13", "x-gzip": "1"},
    ],
    ids=["whole", "byte by byte", "pretty", "gzip"],
)
@pytest.mark.parametrize("way", [*SYNC, *ASYNC])
def test_what_the_program_reads(way: str, headers: dict[str, str], server: str, spans: Any) -> None:
    bare, observed = (_seen(way, server, headers, observed) for observed in (False, True))

    assert observed == bare
    (span,) = spans.get_finished_spans()
    assert span.attributes["gen_ai.usage.input_tokens"] == 120  # it was asked for
    assert "Hello" in span.attributes["gen_ai.output.messages"]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ('{"id":"1","usage":null}', '{"id":"1"}'),
        ('{"usage" : null , "id":"1"}', '{"id":"1"}'),
        ('{ "usage": null }', "{  }"),
        ('{"a":1 ,\t"usage":null,"b":2}', '{"a":1 ,"b":2}'),
        ('{"a":"\\\\","usage":null}', '{"a":"\\\\"}'),
        ('{"a":["usage",null],"b":"usage"}', None),
        ('{"a":{"usage":null}}', None),
        ('[{"usage":null}]', None),
        ('"usage"', None),
        ('{"usage":null', None),
    ],
)
def test_the_member_that_is_left_out(sent: str, shown: str | None) -> None:
    events = EventFilter(hide_usage)
    before, after = b"event: x\ndata: ", b"\nid: 1\n\n"

    passed = events.passed(before + sent.encode() + after)

    assert passed == before + (shown or sent).encode() + after
