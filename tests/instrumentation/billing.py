"""Answers as hosts send them, and the record of a call that gets one, in every way to call."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anthropic
import openai

from pulse_otel import observe
from pulse_otel.local.provider.reply import Reply, streamed, to_json
from tests.conftest import MESSAGES

GPT: dict[str, Any] = {"model": "asked", "messages": MESSAGES}
CLAUDE: dict[str, Any] = {"model": "asked", "max_tokens": 9, "messages": MESSAGES}


def events(*chunks: Mapping[str, Any] | str, named: bool = False) -> Reply:
    """A stream of server-sent events; Anthropic's and those of Responses are named."""
    pieces = [
        (f"event: {chunk['type']}\n".encode() if named and not isinstance(chunk, str) else b"")
        + b"data: "
        + (chunk.encode() if isinstance(chunk, str) else to_json(chunk))
        + b"\n\n"
        for chunk in chunks
    ]
    return streamed(pieces, 0.0)


def whole(body: Mapping[str, Any], **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body=to_json(body), headers=named)


def chunk(
    delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any
) -> dict[str, Any]:
    """A chunk of a chat stream."""
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "served"}
    return {**head, "choices": choices, **more}


def completion(usage: Any, *, text: str = "Hello", finish: str = "stop", **more: Any) -> Any:
    """A whole chat completion."""
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "served"}
    return {**head, "choices": choices, "usage": usage, **more}


def chat_answers(usage: Mapping[str, Any], **more: Any) -> tuple[Reply, Reply]:
    """The same answer, whole and streamed."""
    chunks = [
        chunk({"role": "assistant", "content": "Hello"}),
        chunk({}, "stop"),
        {**chunk(usage=usage, **more), "choices": []},
    ]
    return whole(completion(usage, **more)), events(*chunks, "[DONE]")


def message(usage: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A message of Anthropic's API."""
    content = [{"type": "text", "text": "Hello"}]
    base = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    return {**base, "content": content, **ending, "usage": usage, **more}


def message_answers(
    usage: Mapping[str, Any], at_end: Sequence[str] = (), **more: Any
) -> tuple[Reply, Reply]:
    """The same message, whole and streamed; the fields `at_end` of its usage come in the end."""
    last = {"output_tokens": usage["output_tokens"], **{name: usage[name] for name in at_end}}
    first = {name: value for name, value in usage.items() if name not in at_end}
    start = message({**first, "output_tokens": 1}, **more) | {"content": [], "stop_reason": None}
    block = {"type": "text", "text": ""}
    sent = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Hello"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": last,
        },
        {"type": "message_stop"},
    ]
    return whole(message(usage, **more)), events(*sent, named=True)


Way = Callable[[Any, dict[str, Any]], None]


def _create(client: Any, call: dict[str, Any]) -> None:
    _methods(client).create(**call)


def _stream(client: Any, call: dict[str, Any]) -> None:
    list(_methods(client).create(**call, stream=True))


def _raw(client: Any, call: dict[str, Any]) -> None:
    _methods(client).with_raw_response.create(**call).parse()


def _raw_stream(client: Any, call: dict[str, Any]) -> None:
    list(_methods(client).with_raw_response.create(**call, stream=True).parse())


def _raw_bytes(client: Any, call: dict[str, Any]) -> None:
    with _methods(client).with_streaming_response.create(**call, stream=True) as response:
        list(response.iter_lines())


def _helper(client: Any, call: dict[str, Any]) -> None:
    methods = _methods(client)
    methods = methods if hasattr(methods, "stream") else client.beta.chat.completions
    with methods.stream(**call) as stream:
        list(stream)


def _methods(client: Any) -> Any:
    return client.chat.completions if hasattr(client, "chat") else client.messages


WHOLE: Mapping[str, Way] = {"create": _create, "raw": _raw}
STREAMED: Mapping[str, Way] = {
    "stream": _stream,
    "raw stream": _raw_stream,
    "bytes": _raw_bytes,
    "helper": _helper,
}
WAYS = (*WHOLE, *STREAMED, "async", "async stream")


def recorded(
    provider: Any, spans: Any, answers: tuple[Reply, Reply], way: str, host: str | None = None
) -> dict[str, Any]:
    """The attributes of a call that gets the whole or the streamed one of `answers`.

    `host` is where the client believes to be; its requests go to the provider of this process.
    """
    spans.clear()
    is_claude = b'"msg_1"' in answers[0].body
    sdk: Any = anthropic if is_claude else openai
    call, named = (CLAUDE, "anthropic") if is_claude else (GPT, "openai")
    provider.enqueue(answers[way in STREAMED or way == "async stream"])
    settings: dict[str, Any] = {"api_key": "k", "max_retries": 0}
    settings["base_url"] = provider.anthropic_url if is_claude else provider.openai_url
    if host is not None:
        settings["http_client"] = client_to(sdk, settings["base_url"], way)
        settings["base_url"] = f"http://{host}/v1"
    if way.startswith("async"):
        client = (sdk.AsyncAnthropic if is_claude else sdk.AsyncOpenAI)(**settings)
        asyncio.run(_async(observe(client, named), call, "stream" in way))
    else:
        with (sdk.Anthropic if is_claude else sdk.OpenAI)(**settings) as client:
            {**WHOLE, **STREAMED}[way](observe(client, named), call)
    (span,) = spans.get_finished_spans()
    return dict(span.attributes)


def client_to(sdk: Any, url: str, way: str) -> Any:
    """An HTTP client whose requests all go to `url`."""

    def redirect(request: Any) -> None:
        request.url = request.url.copy_with(**_place(type(request.url)(url)))
        request.headers["host"] = request.url.netloc.decode()

    async def redirect_async(request: Any) -> None:
        redirect(request)

    if way.startswith("async"):
        return sdk.DefaultAsyncHttpxClient(event_hooks={"request": [redirect_async]})
    return sdk.DefaultHttpxClient(event_hooks={"request": [redirect]})


def _place(url: Any) -> dict[str, Any]:
    return {"scheme": url.scheme, "host": url.host, "port": url.port}


async def _async(client: Any, call: dict[str, Any], streams: bool) -> None:
    async with client:
        if not streams:
            await _methods(client).create(**call)
            return
        async for _ in await _methods(client).create(**call, stream=True):
            pass


def loaded(attributes: Mapping[str, Any], name: str) -> Any:
    """A structured attribute."""
    return json.loads(attributes[name])


def with_header(answers: tuple[Reply, Reply], **headers: str) -> tuple[Reply, Reply]:
    """`answers` with more headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    first, second = answers
    return (
        dataclasses.replace(first, headers={**first.headers, **named}),
        dataclasses.replace(second, headers={**second.headers, **named}),
    )
