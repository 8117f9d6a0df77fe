"""Bodies above 64 KiB: valid JSON, the ends of the conversation kept, each cut marked."""

from __future__ import annotations

import json
import random
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_otel.export import bodies
from pulse_otel.export.bodies import trim
from pulse_otel.export.payloads import otlp
from pulse_otel.values import to_json
from tests.growth import ratio

LIMIT = otlp.FORM.max_body_bytes


def size(value: Any) -> int:
    return len(to_json(value).encode())


def turns(count: int, length: int) -> list[dict[str, Any]]:
    return [
        {"role": ("user", "assistant")[n % 2], "content": f"turn {n} " + "x" * length}
        for n in range(count)
    ]


@pytest.mark.parametrize("name", ["messages", "input"])
def test_first_system_text_and_last_turns_survive(name: str) -> None:
    system = {"role": "system", "content": "Be brief."}
    body = {"model": "m", name: [system, *turns(400, 1000)], "temperature": 0.5}

    kept = trim.request(body, LIMIT)

    messages = kept[name]
    assert LIMIT * 0.9 < size(kept) <= LIMIT
    assert messages[0] == system
    assert messages[-1] == body[name][-1]
    assert messages[-30:] == body[name][-30:]
    assert kept["temperature"] == 0.5
    left_out = 401 - (len(messages) - 1)
    assert messages[1]["pulse.cut"].startswith(f"{left_out} messages, ")
    assert str(left_out) in messages[1]["content"]


def test_what_is_small_is_not_touched() -> None:
    body = {"model": "m", "messages": turns(30, 1000)}

    assert trim.request(body, LIMIT) is body
    assert trim.fit(body, LIMIT) is body


def test_a_last_turn_that_is_too_long_by_itself() -> None:
    messages = [*turns(3, 100), {"role": "user", "content": "begin " + "y" * 500_000 + " end"}]

    kept = trim.request({"messages": messages}, LIMIT)["messages"]

    assert kept[:-1] == messages[:-1]
    assert kept[-1]["content"].startswith("begin yyy")
    assert kept[-1]["content"].endswith("yyy end")
    assert "[pulse.cut: " in kept[-1]["content"]


def test_a_long_system_text_leaves_room_for_the_turns() -> None:
    body = {"messages": [{"role": "system", "content": "s" * 500_000}, *turns(3, 5000)]}

    kept = trim.request(body, LIMIT)

    assert kept["messages"][0]["content"].startswith("sss")
    assert kept["messages"][1:] == body["messages"][1:]
    assert size(kept) <= LIMIT


def test_of_two_conversations_the_one_that_pages_read_keeps_the_room() -> None:
    """A Responses request says the same twice, as `input` and as `messages`."""
    said = turns(60, 1000)
    body = {"model": "m", "input": said, "messages": [*said]}

    kept = trim.request(body, LIMIT)

    assert size(body) > 1.8 * LIMIT
    assert size(kept) <= LIMIT
    assert kept["messages"][-55:] == said[-55:]
    assert kept["input"][-1] == said[-1]
    assert "pulse.cut" in kept["input"][0]


@pytest.mark.parametrize("field", ["system", "instructions"])
def test_a_system_text_beside_the_messages(field: str) -> None:
    body = {field: "Be brief. " + "s" * 300_000, "messages": turns(3, 5000)}

    kept = trim.request(body, LIMIT)

    assert kept[field].startswith("Be brief. sss")
    assert "[pulse.cut: " in kept[field]
    assert kept["messages"] == body["messages"]


def test_large_tool_definitions_give_way_to_their_names() -> None:
    tools = [
        {"type": "function", "function": {"name": f"tool_{n}", "parameters": {"d": "p" * 5000}}}
        for n in range(40)
    ]
    body = {"model": "m", "tools": tools, "messages": turns(3, 1000)}

    kept = trim.request(body, LIMIT)

    (note,) = kept["tools"]
    assert note["pulse.cut"].startswith("the definitions of 40 tools, ")
    assert note["names"][0] == "tool_0"
    assert kept["messages"] == body["messages"]


def test_the_answer_survives() -> None:
    body = {
        "id": "r",
        "content": [
            {"type": "thinking", "thinking": "t" * 900_000},
            {"type": "text", "text": "a" * 20_000},
        ],
        "stop_reason": "end_turn",
    }

    kept = trim.fit(body, LIMIT)

    assert kept["content"][1] == body["content"][1]
    assert "[pulse.cut: " in kept["content"][0]["thinking"]
    assert kept["stop_reason"] == "end_turn"
    assert size(kept) <= LIMIT


@pytest.mark.parametrize("character", ["é", "語", "😀", '"', "\n", "\\"])
def test_bytes_are_counted_not_characters(character: str) -> None:
    body = {"messages": [{"role": "user", "content": character * 200_000}]}

    kept = trim.request(body, LIMIT)

    assert LIMIT * 0.5 < size(kept) <= LIMIT


def test_many_small_things() -> None:
    for value in (
        {"input": list(range(200_000))},
        {"embedding": {"a": [[0.5] * 50_000]}},
        {"args": {f"key {n}": n for n in range(50_000)}},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}] * 20_000}]},
    ):
        kept = trim.request(value, LIMIT)

        assert size(kept) <= LIMIT
        assert "pulse.cut" in to_json(kept)


@pytest.mark.row("E6")
def test_a_prompt_of_five_megabytes_takes_no_more_than_a_few_encodings() -> None:
    words = random.Random(1).choices(["alpha", "beta", "gamma", "Ünïcode", '"quoted"\n'], k=8000)
    text = " ".join(words)
    messages = [{"role": "user", "content": text} for _ in range(90)]
    for body in ({"messages": messages}, {"messages": [{"role": "user", "content": text * 90}]}):
        assert size(body) > 4_500_000
        media_free = bodies.without_media(body)

        kept = trim.request(media_free, LIMIT)

        assert size(kept) <= LIMIT
        assert ratio(partial(trim.request, media_free, LIMIT), partial(json.dumps, body), 3) < 3


trees = st.recursive(
    st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text(max_size=300)),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=30), inner, max_size=8)
    ),
    max_leaves=60,
)


@settings(max_examples=100, deadline=None)
@given(trees, st.integers(min_value=200, max_value=2000))
def test_anything_fits(value: Any, limit: int) -> None:
    kept = trim.fit(value, limit)

    assert size(kept) <= limit
    json.loads(to_json(kept))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(trees, max_size=10),
    st.sampled_from([("messages",), ("input",), ("other",), ("input", "messages")]),
)
def test_any_request_fits(messages: list[Any], names: tuple[str, ...]) -> None:
    body = {**dict.fromkeys(names, messages), "tools": messages, "system": messages}

    kept = trim.request(body, 3000)

    assert size(kept) <= 3000
