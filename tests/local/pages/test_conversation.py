"""Bodies of the providers' APIs as turns: every known shape is read, and any other survives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_otel.local.pages.conversation import Part, Turn, answer_turns, request_turns
from tests.growth import growth

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAKA" + "/" * 24
PICTURE = "image/png, 72 bytes"


def said(role: str, kind: str, text: str, title: str = "") -> list[Turn]:
    return [Turn(role, (Part(kind, text, title),))]


def block(one: Any) -> Part:
    (turn,) = request_turns({"messages": [{"role": "user", "content": [one]}]})
    return turn.parts[0]


class TestRequest:
    def test_what_is_said_twice_is_shown_once(self) -> None:
        """A Responses request has its conversation as `messages`, too."""
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
        body = {"instructions": "Be brief.", "input": messages[1:], "messages": messages}

        turns = request_turns(body)

        assert turns == [*said("system", "text", "Be brief."), *said("user", "text", "Hi")]

    @pytest.mark.parametrize(
        ("body", "turns"),
        [
            ({"messages": [{"role": "user", "content": "hi"}]}, said("user", "text", "hi")),
            ({"system": "be kind"}, said("system", "text", "be kind")),
            ({"instructions": "be kind"}, said("system", "text", "be kind")),
            ({"input": "hi"}, said("user", "text", "hi")),
            ({"prompt": "a cat"}, said("user", "text", "a cat")),
            ({"input": ["a", "b"]}, [Turn("user", (Part("text", "a"), Part("text", "b")))]),
            (
                {"messages": [{"role": "tool", "tool_call_id": "c1", "content": '{"a": 1}'}]},
                said("tool", "result", '{"a": 1}', "c1"),
            ),
            (
                {"input": [{"type": "function_call_output", "call_id": "c1", "output": "22"}]},
                said("tool", "result", "22", "c1"),
            ),
        ],
    )
    def test_of_each_api(self, body: Any, turns: list[Turn]) -> None:
        assert request_turns(body) == turns

    def test_a_chat_message_shows_its_tool_calls(self) -> None:
        call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        assert request_turns({"messages": [message]}) == said("assistant", "call", "{}", "look c1")

    @pytest.mark.parametrize(
        ("one", "part"),
        [
            ({"type": "text", "text": "hi"}, Part("text", "hi")),
            ({"type": "thinking", "thinking": "hm"}, Part("thinking", "hm")),
            ({"type": "redacted_thinking", "data": "x"}, Part("thinking", "(not readable)")),
            (
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
                Part("thinking", "hm"),
            ),
            ({"type": "refusal", "refusal": "no"}, Part("refusal", "no")),
            (
                {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}},
                Part("call", '{"a": 1}', "look t1"),
            ),
            (
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "is_error": True,
                    "content": [{"type": "text", "text": "no"}, {"type": "text", "text": "way"}],
                },
                Part("result", "no\nway", "t1, an error"),
            ),
            (
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                Part("media", PICTURE, "image_url", f"data:image/png;base64,{PIXEL}"),
            ),
            (
                {"type": "image", "source": {"type": "base64", "data": PIXEL}},
                Part("media", "72 bytes", "image", f"data:image/png;base64,{PIXEL}"),
            ),
            (
                {"type": "image", "source": {"type": "base64", "data": PIXEL + " [pulse.cut: 9"}},
                Part("media", "recorded in part", "image"),
            ),
            (
                {"type": "input_image", "image_url": "https://example.com/cat.png"},
                Part("media", "https://example.com/cat.png", "input_image"),
            ),
            ({"type": "new"}, Part("json", '{"type": "new"}')),
        ],
    )
    def test_block(self, one: Any, part: Part) -> None:
        assert block(one) == part

    @pytest.mark.parametrize(
        ("start", "part", "end"),
        [
            ("data:", "\n", ""),
            ("data:", "a", "!"),
            ("data:", ";", ""),
            ("data:image/png;base64", "\n", ""),
            ("data:,", "\n", "!"),
        ],
    )
    def test_what_nearly_is_a_data_url_is_read_in_linear_time(
        self, start: str, part: str, end: str
    ) -> None:
        def read_it(url: str) -> None:
            block({"type": "image_url", "image_url": {"url": url}})

        assert growth(read_it, part, start, end) < 6

    def test_a_data_url_may_have_parameters_or_no_type(self) -> None:
        named = f"data:image/png;name=a.png;base64,{PIXEL}"
        assert block({"type": "image", "url": named}).text == PICTURE
        assert block({"type": "image", "url": f"data:;base64,{PIXEL}"}).text == "72 bytes"

    def test_long_json_is_indented(self) -> None:
        items = [f"item {number}" for number in range(20)]
        assert block({"type": "tool_use", "input": items}).text == json.dumps(items, indent=2)

    def test_a_long_text_is_clipped_and_says_so(self) -> None:
        shown = block("x" * 30_000).text
        assert shown.endswith("x … [10,000 more characters]")
        assert len(shown) < 20_100


class TestAnswer:
    @pytest.mark.parametrize(
        "body",
        [
            {"choices": [{"message": {"role": "assistant", "content": "yes"}}]},
            {"choices": [{"text": "yes"}]},
            {"content": [{"type": "text", "text": "yes"}]},
            {
                "output": [
                    {"role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}
                ],
                "text": {"format": {"type": "text"}},
            },
            {"completion": "yes"},
            {"text": "yes"},
            {"usage": {}},
            None,
        ],
    )
    def test_of_each_api(self, body: Any) -> None:
        assert answer_turns(body, "yes") == said("assistant", "text", "yes")

    def test_none(self) -> None:
        assert answer_turns({"choices": []}, None) == []


_NAMES = """
    messages input prompt system choices message content output text type role name source data
    tool_calls function_call function arguments summary is_error image_url url
"""
_WORDS = """
    text image tool_use tool_result reasoning function_call function_call_output tool user
"""


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(_NAMES.split())
    return st.lists(values, max_size=3) | st.dictionaries(names, values, max_size=4)


_words = st.sampled_from(_WORDS.split())
_json = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | _words | st.text(max_size=5), _objects
)


@settings(max_examples=25, deadline=None)
@given(_json)
def test_any_json_is_read(body: Any) -> None:
    """Whatever another client sent: the page is there, and made of text."""
    for turn in (*request_turns(body), *answer_turns(body, body)):
        assert isinstance(turn.role, str)
        assert all(isinstance(text, str) for part in turn.parts for text in vars(part).values())


@pytest.mark.parametrize("shell", ["content", "input"])
def test_what_is_nested_too_deeply_says_so(shell: str) -> None:
    """In what is read level by level, and in what is written as JSON."""
    deep: Any = "the end"
    for _ in range(40_000):
        deep = [{"type": "tool_result" if shell == "content" else "tool_use", shell: deep}]
    assert "nested too deeply" in block(deep[0]).text


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/cat.png",
        "javascript:alert(1)",
        f"data:image/svg+xml;base64,{PIXEL}",
        f"data:text/html;base64,{PIXEL}",
        f"data:image/png;base64,{PIXEL}[pulse.cut: 9 bytes]",
    ],
)
def test_only_the_whole_bytes_of_an_image_are_shown(url: str) -> None:
    assert block({"type": "image_url", "image_url": {"url": url}}).image == ""


@pytest.mark.parametrize(
    ("text", "lead"), [("x" * 3000, ""), ("x" * 3001, "x" * 600), ("a\n" * 61, "a\n" * 11 + "a")]
)
def test_a_long_text_has_a_lead(text: str, lead: str) -> None:
    assert block({"type": "text", "text": text}).lead == lead
