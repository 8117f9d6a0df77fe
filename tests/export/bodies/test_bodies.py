"""Bodies have the shape of the provider's own API, whatever the span called things."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from pulse_otel.export.bodies import without_media
from pulse_otel.export.dialects import read
from pulse_otel.export.records.record import Record
from tests.export.spans import one
from tests.growth import growth

PNG = base64.b64encode(b"\x89PNG" + bytes(range(256)) * 8).decode()
HASH = hashlib.sha256(base64.b64decode(PNG)).hexdigest()[:16]
PNG_NOTE = f"[image/png, 2052 bytes, sha256:{HASH}]"


def text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def record(scope: str = "pulse_otel.openai", provider: str = "openai", **attributes: Any) -> Record:
    keys = {
        "input": "gen_ai.input.messages",
        "output": "gen_ai.output.messages",
        "system": "gen_ai.system_instructions",
        "tools": "gen_ai.tool.definitions",
        "parameters": "pulse.request.parameters",
        "raw": "pulse.response.raw_finish_reasons",
        "api": "openai.api.type",
        "effort": "gen_ai.request.reasoning.level",
        "max_tokens": "gen_ai.request.max_tokens",
        "finish": "gen_ai.response.finish_reasons",
        "operation": "gen_ai.operation.name",
    }
    span = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": provider}
    for name, value in attributes.items():
        structured = isinstance(value, (list, dict)) and name not in ("raw", "finish")
        span[keys[name]] = json.dumps(value) if structured else value
    found = read(one(scope, "chat", span))
    assert found is not None
    return found


TOOL = {"type": "function", "name": "w", "parameters": {"type": "object"}, "strict": True}
TOOL_LOOP = [
    {"role": "user", "parts": [text("Weather?")]},
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "hmm"},
            {"type": "tool_call", "id": "c1", "name": "w", "arguments": {"city": "Paris"}},
        ],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "21"}]},
]


def test_chat_completions() -> None:
    found = record(
        input=[{"role": "system", "parts": [text("Be"), text("brief.")]}, *TOOL_LOOP],
        output=[
            {"role": "assistant", "parts": [text("Sunny.")]},
            {"role": "assistant", "parts": []},
        ],
        tools=[TOOL],
        parameters={"tool_choice": "auto", "max_completion_tokens": 9},
        max_tokens=9,
        effort="low",
        raw=["stop", "length"],
    )

    assert found.request == {
        "max_completion_tokens": 9,
        "reasoning_effort": "low",
        "tool_choice": "auto",
        "messages": [
            {"role": "system", "content": "Be\nbrief."},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "hmm",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "w", "arguments": '{"city":"Paris"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "21"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "w", "parameters": {"type": "object"}, "strict": True},
            }
        ],
    }
    assert found.response == {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Sunny."},
                "finish_reason": "stop",
            },
            {
                "index": 1,
                "message": {"role": "assistant", "content": None},
                "finish_reason": "length",
            },
        ]
    }


def test_responses() -> None:
    found = record(
        api="responses",
        system=[text("Be brief.")],
        input=TOOL_LOOP,
        output=[{"role": "assistant", "parts": [{"type": "reasoning", "content": "r"}, text("a")]}],
        tools=[TOOL],
        parameters={"tool_choice": "auto"},
        max_tokens=9,
        effort="low",
        finish=["length"],
    )

    assert found.request == {
        "max_output_tokens": 9,
        "tool_choice": "auto",
        "reasoning": {"effort": "low"},
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Weather?"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hmm"}]},
            {
                "type": "function_call",
                "call_id": "c1",
                "name": "w",
                "arguments": '{"city":"Paris"}',
            },
            {"type": "function_call_output", "call_id": "c1", "output": "21"},
        ],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "hmm",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "w", "arguments": '{"city":"Paris"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "21"},
        ],
        "tools": [TOOL],
    }
    assert found.response == {
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "r"}]},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "a"}],
            },
        ],
    }
    assert found.output_text == "a"


@pytest.mark.parametrize(
    ("scope", "provider"),
    [("pulse_otel.anthropic", "aws.bedrock"), ("anything", "anthropic")],
)
def test_anthropic_messages(scope: str, provider: str) -> None:
    found = record(
        scope,
        provider,
        system=[text("Be brief.")],
        input=TOOL_LOOP,
        output=[{"role": "assistant", "parts": [{"type": "reasoning", "content": "r"}, text("a")]}],
        tools=[TOOL],
        parameters={"thinking": {"type": "enabled"}},
        max_tokens=9,
        effort="low",
        raw=["end_turn"],
    )

    assert found.request == {
        "max_tokens": 9,
        "thinking": {"type": "enabled"},
        "output_config": {"effort": "low"},
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hmm"},
                    {"type": "tool_use", "id": "c1", "name": "w", "input": {"city": "Paris"}},
                ],
            },
            {"role": "user", "content": "21"},
        ],
        "tools": [{"name": "w", "strict": True, "input_schema": {"type": "object"}}],
    }
    assert found.response == {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "r"}, {"type": "text", "text": "a"}],
        "stop_reason": "end_turn",
    }


def test_what_a_page_cannot_show_is_joined_only_where_it_is_shown() -> None:
    """The last user message and system messages; what stands between keeps its blocks."""
    two = {"role": "user", "parts": [text("a"), text("b")]}

    messages = (record(input=[two, two]).request or {})["messages"]

    assert messages[0]["content"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert messages[1]["content"] == "a\nb"


BLOB = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PNG}
QUESTION = [
    {"role": "user", "parts": [text("What is it?"), BLOB]},
    {"role": "user", "parts": [text("Well?")]},
]


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"input": QUESTION}, ("messages", 0, "content", 1, "image_url", "url")),
        ({"input": QUESTION, "api": "responses"}, ("input", 0, "content", 1, "image_url")),
        (
            {"input": QUESTION, "provider": "anthropic"},
            ("messages", 0, "content", 1, "source", "data"),
        ),
    ],
    ids=["chat", "responses", "anthropic"],
)
def test_an_image_is_its_type_size_and_hash(
    attributes: dict[str, Any], path: tuple[Any, ...]
) -> None:
    value: Any = record(**attributes).request
    for step in path:
        value = value[step]

    assert value == PNG_NOTE


def test_other_media() -> None:
    audio = {**BLOB, "modality": "audio", "mime_type": "audio/wav"}
    generic = {"type": "input_video", "data": PNG, "media_type": "video/mp4"}
    cut = {**BLOB, "content": PNG[:1000] + "… [3000 bytes cut]"}
    link = {"type": "uri", "modality": "image", "uri": "https://e.org/i.png"}
    parts = [audio, generic, cut, link, text(PNG)]
    turns = [{"role": "user", "parts": parts}, {"role": "user", "parts": [text("Well?")]}]

    blocks = (record(input=turns).request or {})["messages"][0]["content"]

    assert blocks[0]["input_audio"]["data"].startswith("[audio/wav, 2052 bytes, sha256:")
    assert blocks[1]["data"].startswith("[video/mp4, 2052 bytes, sha256:")
    assert blocks[2]["image_url"]["url"].startswith("[image/png as recorded, ")
    assert blocks[3] == {"type": "image_url", "image_url": {"url": "https://e.org/i.png"}}
    assert blocks[4]["text"] == PNG  # text that looks like base64 is text


def a_result(response: Any) -> dict[str, Any]:
    return {"type": "tool_call_response", "id": "c1", "response": response}


def block(source: Any, kind: str = "image") -> dict[str, Any]:
    return {"type": kind, "source": source}


PNG_SOURCE = {"type": "base64", "media_type": "image/png", "data": PNG}


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (BLOB, PNG_NOTE),
        ({**BLOB, "content": PNG[:1000] + "… [3000 bytes cut]"}, "[image/png as recorded, "),
        ({"type": "uri", "modality": "image", "uri": "https://e.org/i.png"},
         "[image: https://e.org/i.png]"),
        ({"type": "uri", "modality": "image", "uri": f"data:image/png;base64,{PNG}"}, PNG_NOTE),
        ({"type": "file", "modality": "document", "file_id": "file-1"}, "[document: file-1]"),
        ({"type": "image", "mime_type": "image/png", "bytes": 900}, "[image/png, 900 bytes]"),
        (block({"type": "text", "media_type": "text/plain", "data": "All of it."}, "document"),
         "All of it."),
        (a_result("sunny, 21 C"), "sunny, 21 C"),
        (a_result({"celsius": 21}), '{"celsius":21}'),
        (a_result([1, 2]), "[1,2]"),
        (a_result([]), ""),
        (a_result([{"type": "text", "text": "This:"}, block(PNG_SOURCE)]), f"This:\n{PNG_NOTE}"),
        (a_result([block({"type": "url", "url": "https://e.org/i.png"})]),
         "[image: https://e.org/i.png]"),
        (a_result([{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}]),
         PNG_NOTE),
        ({"type": "tool_call", "id": "c1", "name": "w"},
         '{"type":"tool_call","id":"c1","name":"w"}'),
        ({"type": "input_video", "data": PNG, "media_type": "video/mp4"}, '{"type":"input_video",'),
        ({"type": "uri", "uri": None}, '{"type":"uri","uri":null}'),
        ({"type": "text", "content": ["a"]}, '{"type":"text","content":["a"]}'),
    ],
)  # fmt: skip
def test_the_last_user_message_is_one_text(part: dict[str, Any], shown: str) -> None:
    """A page of the service is blank if it has to show a list there (contract §3.7)."""
    turn = {"role": "user", "parts": [text("Look:"), part]}
    # In a chat, a tool's result is no user message.
    both = part["type"] != "tool_call_response"

    for provider in ("anthropic", "openai") if both else ("anthropic",):
        (message,) = (record(input=[turn], provider=provider).request or {})["messages"]

        assert message["role"] == "user"
        assert message["content"].startswith(f"Look:\n{shown}")
        assert PNG not in message["content"]


@pytest.mark.parametrize(
    ("start", "part", "end"),
    [
        ("", "\n", "!"),
        ("AAAA", "\n", "!"),
        ("", "AAAA\n", "!"),
        ("", "AAAA\r\n", "==\n"),
        ("data:image/png", ";a=b", "!"),
    ],
)
def test_what_nearly_is_base64_is_read_in_linear_time(start: str, part: str, end: str) -> None:
    def read_it(data: str) -> None:
        without_media({"type": "base64", "data": data})

    assert growth(read_it, part, start, end) < 6


def test_base64_may_be_broken_into_lines() -> None:
    lines = "\r\n".join(PNG[at : at + 76] for at in range(0, len(PNG), 76))

    found = without_media({"media_type": "image/png", "data": lines + " \n"})

    assert found["data"] == PNG_NOTE


def test_media_in_tool_results_and_parameters() -> None:
    result = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    span = one(
        "any",
        "execute_tool t",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "t",
            "gen_ai.tool.call.result": json.dumps([result]),
        },
    )

    found = read(span)

    assert found is not None
    assert found.tool_output[0]["source"]["data"] == PNG_NOTE
