"""The eight workloads that are counted: a client of a real SDK, its request, and the reply.

Each client talks to an in-process transport, so a call does the same work on every machine.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count, repeat
from typing import Any

import anthropic
import httpx2
import openai

QUESTION = "What is the capital of France?"
ANSWER = "The capital of France is Paris."
CHAT_MODEL, MESSAGE_MODEL = "gpt-4o-mini", "claude-haiku-4-5"
PIECE = "word "
CHAT_PIECES = 197  # 200 chunks: before them the role, after them the end and the usage
MESSAGE_PIECES = 195  # 200 events: two before them, three after them

_METHODS: dict[str, Callable[[Any], Any]] = {
    "chat": lambda client: client.chat.completions.create,
    "responses": lambda client: client.responses.create,
    "messages": lambda client: client.messages.create,
}


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The process's event loop; never one that a parent process made."""
    return asyncio.new_event_loop()


@dataclass(frozen=True)
class Workload:
    """One kind of call: what is asked, and what comes back over HTTP."""

    api: str  # a key of _METHODS
    request: dict[str, Any]
    body: bytes
    answer: str  # a text that the recorded answer must hold
    asynchronous: bool = False
    spans: int = 1  # that a call makes
    own_ids: bool = False  # whether each response of the Responses API has an id of its own

    @property
    def provider(self) -> str:
        """The name of the SDK."""
        return "anthropic" if self.api == "messages" else "openai"

    @property
    def asked(self) -> str:
        """The last text of the request."""
        messages: Any = self.request.get("messages")
        return messages[-1]["content"] if messages else self.request["input"]

    @property
    def streams(self) -> bool:
        """Whether the reply is a stream."""
        return "stream" in self.request

    def client(self) -> Any:
        """Make a client whose every request is answered at once, in this process."""
        http: Any = httpx2.AsyncClient if self.asynchronous else httpx2.Client
        made: Any = openai.AsyncOpenAI if self.asynchronous else openai.OpenAI
        if self.provider == "anthropic":
            made = anthropic.Anthropic
        headers = {
            "content-type": "text/event-stream" if self.streams else "application/json",
            "request-id" if self.provider == "anthropic" else "x-request-id": "req_1",
        }
        bodies = self._bodies()
        transport = httpx2.MockTransport(
            lambda request: httpx2.Response(200, content=next(bodies), headers=headers)
        )
        return made(api_key="k", max_retries=0, http_client=http(transport=transport))

    def _bodies(self) -> Iterator[bytes]:
        if not self.own_ids:
            return repeat(self.body)
        return (self.body.replace(b"resp_1", b"resp_%d" % number) for number in count(10))

    def send(self, client: Any) -> Any:
        """Make the call; return the reply, or the stream."""
        reply = _METHODS[self.api](client)(**self.request)
        return _loop().run_until_complete(reply) if self.asynchronous else reply

    def call(self, client: Any) -> None:
        """Make the call as a program does, and read a stream to its end."""
        reply = self.send(client)
        if self.streams:
            for _ in reply:
                pass


@dataclass(frozen=True)
class StreamsAtOnce(Workload):
    """Chat streams in one event loop, which take turns after each chunk."""

    asynchronous: bool = True
    spans: int = 1

    def call(self, client: Any) -> None:
        """Make all streams, and read each to its end."""
        self.run(lambda: self.chunks(client))

    def run(self, stream: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run `stream` as often as there are streams, at once."""
        _loop().run_until_complete(_all(stream() for _ in range(self.spans)))

    async def chunks(self, client: Any) -> list[Any]:
        """Read one stream to its end."""
        read = []
        async for chunk in await client.chat.completions.create(**self.request):
            read.append(chunk)
            await asyncio.sleep(0)
        return read


async def _all(streams: Iterable[Coroutine[Any, Any, Any]]) -> None:
    await asyncio.gather(*streams)


def _chat(message: dict[str, Any], finish_reason: str = "stop") -> bytes:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": CHAT_MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 14, "completion_tokens": 8, "total_tokens": 22},
    }
    return json.dumps(body).encode()


def _chat_stream(pieces: int) -> bytes:
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": CHAT_MODEL,
    }
    deltas = [{"role": "assistant", "content": ""}, *[{"content": PIECE}] * pieces, {}]
    chunks: list[dict[str, Any]] = [
        {
            **head,
            "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}],
            "usage": None,
        }
        for delta in deltas
    ]
    usage = {"prompt_tokens": 14, "completion_tokens": 200, "total_tokens": 214}
    chunks.append({**head, "choices": [], "usage": usage})
    return "".join(f"data: {json.dumps(c)}\n\n" for c in chunks).encode() + b"data: [DONE]\n\n"


def _response() -> bytes:
    text = {"type": "output_text", "text": ANSWER, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": "completed",
        "model": CHAT_MODEL,
        "output": [{**message, "content": [text]}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 14,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 8,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 22,
        },
    }
    return json.dumps(body).encode()


def _message(content: list[Any], stop_reason: str | None, output_tokens: int) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MESSAGE_MODEL,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 14, "output_tokens": output_tokens},
    }


def _message_stream() -> bytes:
    delta = {"type": "text_delta", "text": PIECE}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    block = {"type": "text", "text": ""}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": _message([], None, 1)},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *[{"type": "content_block_delta", "index": 0, "delta": delta}] * MESSAGE_PIECES,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 200}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()


def _history(messages: int, repeated: int) -> list[dict[str, str]]:
    text = "We talked about the rivers and the capitals of Europe at length. " * repeated
    return [
        {"role": "assistant" if number % 2 else "user", "content": f"{number}: {text}"}
        for number in range(messages)
    ]


def _tool(name: str) -> dict[str, Any]:
    properties = {
        "city": {"type": "string", "description": "The name of the city"},
        "unit": {"type": "string", "enum": ["metric", "imperial"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
    }
    function = {
        "name": name,
        "description": f"Looks up the {name} of a city.",
        "parameters": {"type": "object", "properties": properties, "required": ["city"]},
    }
    return {"type": "function", "function": function}


_ASKED = [{"role": "user", "content": QUESTION}]
_CHAT = {"model": CHAT_MODEL, "messages": _ASKED, "temperature": 0.5, "max_tokens": 100}
_USAGE = {"stream": True, "stream_options": {"include_usage": True}}
_TOOLS = [_tool(name) for name in ("weather", "population", "elevation", "airport", "mayor")]
_TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
}
_RESPONSE = {"model": CHAT_MODEL, "input": QUESTION, "temperature": 0.5, "max_output_tokens": 100}
_MESSAGE = {"model": MESSAGE_MODEL, "messages": _ASKED, "max_tokens": 100}
_ANSWERED = _chat({"role": "assistant", "content": ANSWER})
_CALLED = _chat({"role": "assistant", "content": None, "tool_calls": [_TOOL_CALL]}, "tool_calls")
_SAID = json.dumps(_message([{"type": "text", "text": ANSWER}], "end_turn", 8)).encode()


def conversation(messages: int, repeated: int) -> Workload:
    """A chat after so many messages; each repeats a sentence of 65 bytes."""
    return Workload("chat", {**_CHAT, "messages": _history(messages, repeated)}, _ANSWERED, ANSWER)


def stream_of(pieces: int) -> Workload:
    """A chat whose answer comes in so many pieces, and three more chunks."""
    return Workload("chat", {**_CHAT, **_USAGE}, _chat_stream(pieces), PIECE * pieces)


def streams_at_once(number: int, pieces: int) -> Workload:
    """So many chats at once, whose answers come in so many pieces."""
    one = stream_of(pieces)
    return StreamsAtOnce(one.api, one.request, one.body, one.answer, spans=number)


WORKLOADS = {
    "chat small": Workload("chat", _CHAT, _ANSWERED, ANSWER),
    "chat async": Workload("chat", _CHAT, _ANSWERED, ANSWER, asynchronous=True),
    "chat, 30 kB history": conversation(40, repeated=11),
    "chat stream, 200 chunks": stream_of(CHAT_PIECES),
    "chat with 5 tools": Workload("chat", {**_CHAT, "tools": _TOOLS}, _CALLED, "weather"),
    "Responses": Workload("responses", _RESPONSE, _response(), ANSWER),
    "Anthropic message": Workload("messages", _MESSAGE, _SAID, ANSWER),
    "Anthropic stream, 200 events": Workload(
        "messages", {**_MESSAGE, "stream": True}, _message_stream(), PIECE * MESSAGE_PIECES
    ),
}
