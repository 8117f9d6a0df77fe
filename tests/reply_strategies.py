"""Generated answers of a server: right, bent out of shape, cut off, or none at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.strategies import JSON

_CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
_USAGE: dict[str, Any] = {
    "openai": {
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0},
    },
    "anthropic": {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 2},
}
WHOLE: dict[str, Any] = {
    "openai": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini-2024",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": "Hi",
                    "refusal": None,
                    "tool_calls": [_CALL],
                },
            }
        ],
        "usage": _USAGE["openai"],
    },
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "Hi", "citations": None},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": _USAGE["anthropic"],
    },
}
ERROR: dict[str, Any] = {
    "openai": {"error": {"message": "No", "type": "bad", "param": None, "code": "no_such"}},
    "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": "No"}},
}


def _chunk(delta: Any, **rest: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt"}
    return {**head, "choices": [{**choice, **rest}]}


EVENTS: dict[str, Any] = {
    "openai": [
        _chunk({"role": "assistant", "content": ""}),
        _chunk({"content": "Hel"}),
        _chunk({"content": "lo"}),
        _chunk({"tool_calls": [{"index": 0, **_CALL}]}),
        _chunk({}, finish_reason="stop"),
    ],
    "anthropic": [
        {
            "type": "message_start",
            "message": {**WHOLE["anthropic"], "content": [], "stop_reason": None},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Hello"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"a": 1}'},
        },
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 7},
        },
        {"type": "message_stop"},
    ],
}


@dataclass(frozen=True)
class Reply:
    """What the server answers: bytes in pieces, and where the network fails."""

    status: int
    headers: dict[str, str]
    pieces: list[bytes]
    fails: str = ""  # "": it does not; "connect": at once; "read": after the pieces
    # The last piece of a stream; the first one is for those who asked for usage.
    end_with_usage: bytes = field(default=b"", repr=False)
    end: bytes = field(default=b"", repr=False)


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(item, (*at, key))


@st.composite
def bent(draw: Any, straight: Any) -> Any:
    """`straight`, with up to three places of it replaced by something else, or left out."""
    made = copy.deepcopy(straight)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        paths = list(_paths(made))
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        place = made
        for key in way:
            place = place[key]
        if draw(st.integers(0, 3)) == 3:
            del place[last]
        else:
            place[last] = copy.deepcopy(draw(JSON))
    return made


_STATUS = st.sampled_from([200] * 12 + [201, 204, 400, 401, 404, 409, 413, 422, 429, 500, 529])
_EVENT_STREAM = "text/event-stream; charset=utf-8"
_IDS = {"openai": "x-request-id", "anthropic": "request-id"}
_GARBAGE = st.sampled_from(
    [b"", b"null", b"[]", b'"text"', b"{", b"<html>", b"\xff\xfe", b"[" * 3000, b"1e999", b"NaN"]
)
_SSE_GARBAGE = st.sampled_from(
    [
        b"data: {nonsense\n\n",
        b": comment\n\n",
        b"data: null\n\n",
        b"data: []\n\n",
        b"event: error\ndata: {}\n\n",
        b'event: error\ndata: {"type": "error", "error": {"type": "e", "message": "m"}}\n\n',
        b'data: {"error": {"message": "m", "code": 5}}\n\n',
        b"data: [DONE]\n\n",
        b"\xff\n\n",
        b"\n\n\n",
    ]
)


def encoded(event: Any) -> bytes:
    """One server-sent event."""
    kind = event.get("type") if isinstance(event, dict) else None
    head = f"event: {kind}\n" if isinstance(kind, str) and kind.isidentifier() else ""
    return f"{head}data: {json.dumps(event)}\n\n".encode()


def _split(draw: Any, body: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(body)), max_size=4)))
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def _asked_for_nothing(event: Any) -> Any:
    """A chunk with usage and no choices comes to those who asked for it only."""
    if isinstance(event, dict) and not event.get("choices"):
        return {key: value for key, value in event.items() if key != "usage"}
    return event


def stream_of(sdk: str, pieces: list[bytes], kind: str = _EVENT_STREAM) -> Reply:
    """A stream that is complete; with a chunk of usage for those who ask."""
    done = b"data: [DONE]\n\n" if sdk == "openai" else b""
    usage = encoded({**_chunk({}), "choices": [], "usage": _USAGE["openai"]}) if done else b""
    return Reply(200, {"content-type": kind, _IDS[sdk]: "req_1"}, pieces, "", usage + done, done)


@st.composite
def streams(draw: Any, sdk: str) -> Reply:
    """A stream of events, maybe bent, mixed with garbage, cut off anywhere."""
    events = draw(bent(EVENTS[sdk]))
    parts = [encoded(_asked_for_nothing(event)) for event in events]
    for garbage in draw(st.lists(_SSE_GARBAGE, max_size=1)):
        parts.insert(draw(st.integers(0, len(parts))), garbage)
    body = b"".join(parts)
    fails = draw(st.sampled_from(["", "", "", "", "read", "cut"]))
    if fails:
        body = body[: draw(st.integers(0, len(body)))]
    kind = draw(st.sampled_from([_EVENT_STREAM] * 7 + ["application/json"]))
    reply = stream_of(sdk, _split(draw, body), kind)
    if not fails:
        return reply
    return Reply(200, reply.headers, reply.pieces, "read" if fails == "read" else "")


@st.composite
def wholes(draw: Any, sdk: str) -> Reply:
    """One answer, of any status."""
    status = draw(_STATUS)
    straight = WHOLE[sdk] if status < 300 else ERROR[sdk]
    body = draw(_GARBAGE) if draw(st.integers(0, 7)) == 7 else None
    if body is None:
        body = json.dumps(draw(bent(straight))).encode()
    kind = draw(st.sampled_from(["application/json"] * 7 + ["text/html", "text/event-stream"]))
    headers = {"content-type": kind, _IDS[sdk]: "req_1", "retry-after-ms": "1"}
    fails = draw(st.sampled_from([""] * 14 + ["connect", "read"]))
    return Reply(status, headers, _split(draw, body), fails)


def replies(sdk: str, streamed: bool) -> st.SearchStrategy[list[Reply]]:
    """One answer for each attempt, mostly of the kind that was asked for."""
    usual, odd = (streams, wholes) if streamed else (wholes, streams)
    one = st.integers(0, 5).flatmap(lambda n: (usual if n < 5 else odd)(sdk))
    return st.lists(one, min_size=1, max_size=2)
