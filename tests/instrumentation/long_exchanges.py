"""Exchanges with n of something: a request of an SDK, and the provider's reply as bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

_TEXT = "some words of a message " * 8
_ASKED = [{"role": "user", "content": "Hello"}]
_CHAT_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o"}
_REQUESTS: dict[str, dict[str, Any]] = {
    "chat": {"model": "gpt-4o", "messages": _ASKED},
    "responses": {"model": "gpt-4o", "input": "Hello"},
    "messages": {"model": "claude-haiku-4-5", "messages": _ASKED, "max_tokens": 10},
}
Json = dict[str, Any]


@dataclass(frozen=True)
class Exchange:
    """A request, without what the API requires, and its reply."""

    api: str
    reply: bytes
    streams: bool
    more: Json

    @property
    def request(self) -> Json:
        streams = {"stream": True} if self.streams else {}
        return {**_REQUESTS[self.api], **streams, **self.more}


def chat(message: Json | None = None, *, choices: Any = None, **more: Any) -> Exchange:
    choices = choices or [_choice(0, message or {"role": "assistant", "content": "Hello"})]
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    body = {**_CHAT_HEAD, "object": "chat.completion", "choices": choices, "usage": usage}
    return Exchange("chat", json.dumps(body).encode(), False, more)


def _choice(index: int, message: Json) -> Json:
    return {"index": index, "message": message, "finish_reason": "stop"}


def chunks(deltas: Iterable[tuple[int, Json]], **more: Any) -> Exchange:
    found = [
        {
            **_CHAT_HEAD,
            "object": "chat.completion.chunk",
            "choices": [{"index": index, "delta": delta, "finish_reason": None}],
        }
        for index, delta in deltas
    ]
    reply = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in found) + "data: [DONE]\n\n"
    return Exchange("chat", reply.encode(), True, more)


def _events(api: str, events: Iterable[Json]) -> Exchange:
    reply = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    return Exchange(api, reply.encode(), True, {})


def _response(output: list[Json], status: str = "completed") -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "gpt-4o",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def response(output: list[Json] | None = None, **more: Any) -> Exchange:
    return Exchange("responses", json.dumps(_response(output or [])).encode(), False, more)


def _item(number: int, texts: list[str], annotations: int = 0) -> Json:
    cited = {"type": "url_citation", "start_index": 0, "end_index": 1, "title": "t", "url": "u"}
    content = [
        {"type": "output_text", "text": text, "annotations": [cited] * annotations}
        for text in texts
    ]
    identity = {"id": f"msg_{number}", "type": "message", "role": "assistant"}
    return {**identity, "status": "completed", "content": content}


def _added(index: int) -> Json:
    event = {"type": "response.output_item.added", "sequence_number": 1, "output_index": index}
    return {**event, "item": _item(index, [])}


def _word(index: int, block: int) -> Json:
    return {
        "type": "response.output_text.delta",
        "output_index": index,
        "content_index": block,
        "item_id": "msg_0",
        "delta": "word ",
        "logprobs": [],
        "sequence_number": 2,
    }


def _message(content: list[Json], stop_reason: str | None = "end_turn") -> Json:
    identity = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5"}
    usage = {"input_tokens": 1, "output_tokens": 1}
    ending = {"stop_reason": stop_reason, "stop_sequence": None, "usage": usage}
    return {**identity, "content": content, **ending}


def message(content: list[Json] | None = None, **more: Any) -> Exchange:
    return Exchange("messages", json.dumps(_message(content or [])).encode(), False, more)


def message_events(events: Iterable[Json]) -> Exchange:
    start = {"type": "message_start", "message": _message([], None)}
    return _events("messages", [start, *events, {"type": "message_stop"}])


def _block(index: int, block: Json, deltas: list[Json]) -> list[Json]:
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *[{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas],
        {"type": "content_block_stop", "index": index},
    ]


def _location() -> Json:
    found = {"type": "char_location", "cited_text": "a", "document_index": 0}
    return {**found, "document_title": "t", "start_char_index": 0, "end_char_index": 1}


def _turns(n: int) -> list[Json]:
    return [{"role": ("user", "assistant")[i % 2], "content": _TEXT} for i in range(n)]


def _tool(i: int) -> Json:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    function = {"name": f"tool_{i}", "description": f"{i} {_TEXT}", "parameters": schema}
    return {"type": "function", "function": function}


def _call(i: int) -> Json:
    function = {"name": f"tool_{i}", "arguments": json.dumps({"a": i})}
    return {"id": f"call_{i}", "type": "function", "function": function}


def tool_calls(n: int) -> Exchange:
    answer = {"role": "assistant", "content": None, "tool_calls": [_call(i) for i in range(n)]}
    return chat(answer, tools=[_tool(0)])


def results(n: int) -> Exchange:
    asking = {"role": "assistant", "content": None, "tool_calls": [_call(i) for i in range(n)]}
    brought = [
        {"role": "tool", "tool_call_id": f"call_{i}", "content": f"{i} {_TEXT}"} for i in range(n)
    ]
    return chat(messages=[*_ASKED, asking, *brought], tools=[_tool(0)])


def _parts(n: int) -> list[Json]:
    return [{"role": "user", "content": [{"type": "text", "text": _TEXT}] * n}]


def _deep(depth: int) -> Any:
    value: Any = "the end"
    for _ in range(depth):
        value = {"text": _TEXT, "child": value}
    return value


def _citations(n: int) -> Json:
    url = {"start_index": 0, "end_index": 1, "title": "t", "url": "u"}
    cited = [{"type": "url_citation", "url_citation": url}] * n
    return {"role": "assistant", "content": "Hello", "annotations": cited}


def _named(n: int) -> Json:
    return {f"key{i}": f"{i} {_TEXT}" for i in range(n)}


def _pieces(n: int) -> list[tuple[int, Json]]:
    rest = {"tool_calls": [{"index": 0, "function": {"arguments": "[1, "}}]}
    return [(0, {"tool_calls": [{**_call(0), "index": 0}]}), *[(0, rest)] * n]


def _uses(n: int) -> list[Json]:
    return [{"type": "tool_use", "id": f"t{i}", "name": "t", "input": {"a": i}} for i in range(n)]


def _anthropic_results(n: int) -> list[Json]:
    brought = [{"type": "tool_result", "tool_use_id": f"t{i}", "content": _TEXT} for i in range(n)]
    asking = {"role": "assistant", "content": _uses(n)}
    return [*_ASKED, asking, {"role": "user", "content": brought}]


def _function_calls(n: int) -> list[Json]:
    identity = {"type": "function_call", "name": "t", "arguments": "{}", "status": "completed"}
    return [{**identity, "id": f"f{i}", "call_id": f"c{i}"} for i in range(n)]


_SAID: Json = {"type": "text", "text": ""}
_WORD: Json = {"type": "text_delta", "text": "word "}
_HEADERS: Callable[[int], Json] = lambda n: {f"x-{i}": "v" for i in range(n)}  # noqa: E731
_DELTA: Json = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}

# Name -> the exchange with n of it, and the smaller n
EXCHANGES: dict[str, tuple[Callable[[int], Exchange], int]] = {
    "messages": (lambda n: chat(messages=_turns(n)), 150),
    "tools": (lambda n: chat(tools=[_tool(i) for i in range(n)]), 150),
    "tool calls": (tool_calls, 200),
    "results": (results, 100),
    "content parts": (lambda n: chat(messages=_parts(n)), 150),
    "text": (lambda n: chat({"role": "assistant", "content": _TEXT * n}, user=_TEXT * n), 1000),
    "choices": (lambda n: chat(choices=[_choice(i, {"content": _TEXT}) for i in range(n)]), 150),
    "citations": (lambda n: chat(_citations(n)), 200),
    "extra body": (lambda n: chat(extra_body={"more": [{"k": _TEXT}] * n, **_named(n)}), 200),
    "depth": (lambda n: chat(extra_body={"more": [_deep(n)] * 40}), 9),
    "metadata": (lambda n: chat(pulse_metadata=_named(n)), 400),
    "headers": (lambda n: chat(extra_headers=_HEADERS(n), pulse_session_id="s"), 400),
    "chunks": (lambda n: chunks([(0, {"content": "word "})] * n), 200),
    "chunks of reasoning": (lambda n: chunks([(0, {"reasoning_content": "word "})] * n), 100),
    "choices streamed": (lambda n: chunks((i, {"content": "word "}) for i in range(n)), 100),
    "tool calls streamed": (
        lambda n: chunks((0, {"tool_calls": [{**_call(i), "index": i}]}) for i in range(n)),
        100,
    ),
    "tool calls, all numbered 0": (
        lambda n: chunks((0, {"tool_calls": [{**_call(i), "index": 0}]}) for i in range(n)),
        100,
    ),
    "pieces of a tool call": (lambda n: chunks(_pieces(n)), 100),
    "Responses input": (lambda n: response(input=_turns(n)), 100),
    "Responses items": (lambda n: response([_item(i, [_TEXT]) for i in range(n)]), 150),
    "Responses blocks": (lambda n: response([_item(0, [_TEXT] * n)]), 200),
    "Responses citations": (lambda n: response([_item(0, [_TEXT], n)]), 200),
    "Responses tool calls": (lambda n: response(_function_calls(n)), 150),
    "Responses events": (
        lambda n: _events("responses", [_added(0), *[_word(0, 0)] * n]),
        150,
    ),
    "Responses blocks streamed": (
        lambda n: _events("responses", [_added(0), *[_word(0, i) for i in range(n)]]),
        150,
    ),
    "Responses items streamed": (
        lambda n: _events("responses", [e for i in range(n) for e in (_added(i), _word(i, 0))]),
        80,
    ),
    "Anthropic messages": (lambda n: message(messages=_turns(n)), 200),
    "Anthropic system": (lambda n: message(system=[{"type": "text", "text": _TEXT}] * n), 300),
    "Anthropic blocks": (lambda n: message([{"type": "text", "text": _TEXT}] * n), 300),
    "Anthropic tool uses": (lambda n: message(_uses(n), tools=[{"name": "t"}]), 200),
    "Anthropic results": (lambda n: message(messages=_anthropic_results(n)), 200),
    "Anthropic citations": (
        lambda n: message([{"type": "text", "text": "a", "citations": [_location()] * n}]),
        200,
    ),
    "Anthropic events": (lambda n: message_events(_block(0, _SAID, [_WORD] * n)), 300),
    "Anthropic blocks streamed": (
        lambda n: message_events(e for i in range(n) for e in _block(i, _SAID, [_WORD])),
        100,
    ),
    "Anthropic citations streamed": (
        lambda n: message_events(
            _block(0, _SAID, [{"type": "citations_delta", "citation": _location()}] * n)
        ),
        150,
    ),
    "Anthropic message deltas": (
        lambda n: message_events([{**_DELTA, "usage": {"output_tokens": 3}}] * n),
        150,
    ),
}
