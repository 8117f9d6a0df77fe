"""The pieces of streamed tool calls, numbered and named as servers do."""

from __future__ import annotations

from typing import Any

import pytest

from pulse_otel import observe
from tests.instrumentation.billing import (
    CLAUDE,
    chunk,
    events,
    loaded,
    message,
    recorded,
    whole,
)

PARIS, ROME = '{"city": "Paris"}', '{"city": {"name": "Rome"}}'
Piece = dict[str, Any]


def piece(
    said: str | None = None, name: str | None = None, call_id: str | None = None, **more: Any
) -> Piece:
    function = {"arguments": said, "name": name}
    known = {key: value for key, value in function.items() if value is not None}
    named = {} if call_id is None else {"id": call_id}
    return {"index": 0, **named, "function": known, **more}


WEATHER, TIME = ("weather", {"city": "Paris"}), ("time", {"city": {"name": "Rome"}})
SAME = ("weather", {"city": {"name": "Rome"}})
# What a server sends, one list for each chunk -> the calls: id, name, arguments.
CASES: dict[str, tuple[list[list[Piece]], list[tuple[str | None, str, Any]]]] = {
    # Poolside: the first piece has one id, all others another one
    "a second id": (
        [
            [piece("", "weather", "a")],
            [piece(PARIS[:5], call_id="b")],
            [piece(PARIS[5:], call_id="b")],
        ],
        [("a", *WEATHER)],
    ),
    # translations by LiteLLM and vLLM: each piece has an id of its own
    "an id for each piece": (
        [
            [piece("", "weather", "a")],
            [piece(PARIS[:5], call_id="b")],
            [piece(PARIS[5:], call_id="c")],
        ],
        [("a", *WEATHER)],
    ),
    # vLLM, if the request names the tool
    "an id and the name for each piece": (
        [
            [piece('{"', "weather", "a")],
            [piece('city": "', "weather", "b")],
            [piece('Paris"', "weather", "c")],
            [piece("}", "weather", "d")],
        ],
        [("a", *WEATHER)],
    ),
    "the name for each piece": (
        [[piece(ROME[:10], "time", "a")], [piece(ROME[10:-1], "time")], [piece("}", "time", "a")]],
        [("a", *TIME)],
    ),
    # Gemini, older Ollama and gateways: every call is number 0
    "one number, empty ids": (
        [[piece(PARIS, "weather", "")], [piece(ROME, "time", "")]],
        [(None, *WEATHER), (None, *TIME)],
    ),
    "one number, no ids, one chunk": (
        [[piece(PARIS, "weather"), piece(ROME, "time")]],
        [(None, *WEATHER), (None, *TIME)],
    ),
    "one number, equal ids": (
        [[piece(PARIS, "weather", "a")], [piece(ROME, "time", "a")]],
        [("a", *WEATHER), ("a", *TIME)],
    ),
    "one number, one tool twice": (
        [[piece(PARIS, "weather", "")], [piece(ROME, "weather", "")]],
        [(None, *WEATHER), (None, *SAME)],
    ),
    "one number, equal ids, in pieces": (
        [
            [piece("", "weather", "a")],
            [piece(PARIS, call_id="a")],
            [piece("", "time", "a")],
            [piece(ROME, call_id="a")],
        ],
        [("a", *WEATHER), ("a", *TIME)],
    ),
    "one number, ids": (
        [[piece("", "weather", "a")], [piece(PARIS)], [piece("", "weather", "b")], [piece(ROME)]],
        [("a", *WEATHER), ("b", *SAME)],
    ),
    "one number, ids, no arguments": (
        [[piece("", "weather", "a"), piece("", "weather", "b")]],
        [("a", "weather", ""), ("b", "weather", "")],
    ),
    "one number, pieces by id": (
        [
            [piece("", "weather", "a"), piece("", "time", "b")],
            [piece(PARIS[:5], call_id="a")],
            [piece(ROME[:5], call_id="b")],
            [piece(PARIS[5:], call_id="a")],
            [piece(ROME[5:], call_id="b")],
        ],
        [("a", *WEATHER), ("b", *TIME)],
    ),
    "numbers, pieces interleaved": (
        [
            [piece("", "weather", "a"), piece("", "time", "b", index=1)],
            [piece(PARIS[:5]), piece(ROME[:5], index=1)],
            [piece(PARIS[5:]), piece(ROME[5:], index=1)],
        ],
        [("a", *WEATHER), ("b", *TIME)],
    ),
    "a name that comes after the id": (
        [[piece(call_id="a")], [piece(name="weather")], [piece(PARIS)]],
        [("a", *WEATHER)],
    ),
}


@pytest.mark.parametrize("way", ["stream", "async stream", "raw stream", "bytes"])
@pytest.mark.parametrize("name", CASES)
def test_the_calls_are_those_of_the_model(name: str, way: str, provider: Any, spans: Any) -> None:
    pieces, calls = CASES[name]
    chunks = [chunk({"tool_calls": sent}) for sent in pieces]
    answer = events(chunk({"role": "assistant"}), *chunks, chunk({}, "tool_calls"), "[DONE]")

    found = recorded(provider, spans, (whole({}), answer), way)

    (said,) = loaded(found, "gen_ai.output.messages")
    seen = [(part.get("id"), part["name"], part["arguments"]) for part in said["parts"]]
    assert seen == calls


def test_custom_tools_with_one_number(provider: Any, spans: Any) -> None:
    calls = [
        {"index": 0, "id": name, "custom": {"name": "sql", "input": f"SELECT {name}"}}
        for name in ("a", "b")
    ]
    chunks = [chunk({"tool_calls": [call]}) for call in calls]

    found = recorded(provider, spans, (whole({}), events(*chunks, "[DONE]")), "bytes")

    (said,) = loaded(found, "gen_ai.output.messages")
    seen = [(part["id"], part["arguments"]) for part in said["parts"]]
    assert seen == [("a", "SELECT a"), ("b", "SELECT b")]


def _item(number: int) -> dict[str, Any]:
    call = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}"}
    return {**call, "name": f"tool_{number}", "arguments": ""}


@pytest.mark.parametrize("ends_late", [False, True])
def test_items_of_a_response_with_one_number(
    ends_late: bool, provider: Any, clients: Any, spans: Any
) -> None:
    """The stream is cut: the last event, with the whole answer, never comes."""
    kind = "response.output_item."
    begun = [{"type": f"{kind}added", "output_index": 0, "item": _item(n)} for n in (1, 2)]
    said = [
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": text}
        for text in (PARIS, ROME)
    ]
    ended = {"type": f"{kind}done", "output_index": 0, "item": {**_item(1), "arguments": PARIS}}
    rest = [begun[1], ended, said[1]] if ends_late else [ended, begun[1], said[1]]
    numbered = [{**event, "sequence_number": 0} for event in [begun[0], said[0], *rest]]
    provider.enqueue(events(*numbered, named=True))

    client = observe(clients.openai(), "openai")
    list(client.responses.create(model="m", input="Hello", stream=True))

    (span,) = spans.get_finished_spans()
    (said,) = loaded(span.attributes, "gen_ai.output.messages")
    seen = [(part["id"], part["arguments"]) for part in said["parts"]]
    assert seen == [("call_1", WEATHER[1]), ("call_2", TIME[1])]


def test_blocks_of_a_message_with_one_number(provider: Any, clients: Any, spans: Any) -> None:
    """Gateways in front of other models number them so; the SDK's own events are as they came."""
    tools = [{"type": "tool_use", "id": name, "name": name, "input": {}} for name in ("a", "b")]
    blocks: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"type": "text", "text": ""}, {"type": "text_delta", "text": "Hello"}),
        (tools[0], {"type": "input_json_delta", "partial_json": PARIS}),
        (tools[1], {"type": "input_json_delta", "partial_json": ROME}),
    ]
    sent = [
        event
        for block, delta in blocks
        for event in (
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
        )
    ]
    start = {**message({"input_tokens": 1, "output_tokens": 1}), "content": []}
    answer = [{"type": "message_start", "message": start}, *sent, {"type": "message_stop"}]
    provider.enqueue(events(*answer, named=True))

    client = observe(clients.anthropic(), "anthropic")
    list(client.messages.create(**CLAUDE, stream=True))

    (span,) = spans.get_finished_spans()
    (said,) = loaded(span.attributes, "gen_ai.output.messages")
    seen = [part.get("content") or (part["id"], part["arguments"]) for part in said["parts"]]
    assert seen == ["Hello", ("a", WEATHER[1]), ("b", TIME[1])]
