"""What models say beside the content of a chat message: recorded from answers and streams alike."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import openai
import pytest

from pulse_otel.local.provider.replies import Reply
from tests.conftest import MESSAGES, Clients
from tests.instrumentation.openai.conftest import Spans
from tests.provider.response_replies import response, response_stream

CHAT: dict[str, Any] = {"model": "m", "messages": MESSAGES}
SOUND = base64.b64encode(b"x" * 300).decode()
PICTURE = "data:image/webp;base64," + SOUND
CITATION = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}
SQL = {"name": "sql", "input": '{"looks": "like JSON"}'}


def _text(content: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "content": content, **more}


# what it is -> (the message of an answer, the deltas of a stream, the parts that are recorded)
CASES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = {
    "audio": (
        {"content": None, "audio": {"id": "a", "data": SOUND, "transcript": "Hello you"}},
        [
            {"audio": {"id": "a", "transcript": "Hello"}},
            {"audio": {"transcript": " you"}},
            {"audio": {"data": SOUND[:200]}},
            {"audio": {"data": SOUND[200:]}},
        ],
        [_text("Hello you"), {"type": "audio", "bytes": 300}],
    ),
    "audio beside an empty content": (
        {"content": "", "audio": {"id": "a", "data": SOUND, "transcript": "Hello you"}},
        [
            {"content": "", "audio": {"id": "a", "transcript": "Hello"}},
            {"content": "", "audio": {"transcript": " you", "data": SOUND}},
        ],
        [_text("Hello you"), {"type": "audio", "bytes": 300}],
    ),
    "images": (
        {"content": "Here", "images": [{"type": "image_url", "image_url": {"url": PICTURE}}]},
        [
            {"content": "He"},
            {"content": "re"},
            {"content": "", "images": [{"type": "image_url", "image_url": {"url": PICTURE}}]},
        ],
        [_text("Here"), {"type": "image", "mime_type": "image/webp", "bytes": 300}],
    ),
    "an image's address": (
        {"content": "", "images": [{"image_url": {"url": "https://b.example/1.png"}}]},
        [{"images": [{"image_url": {"url": "https://b.example/1.png"}}]}],
        [{"type": "uri", "modality": "image", "uri": "https://b.example/1.png"}],
    ),
    "citations": (
        {"content": "It says", "annotations": [CITATION]},
        [{"content": "It"}, {"content": " says"}, {"content": "", "annotations": [CITATION]}],
        [_text("It says", citations=[CITATION])],
    ),
    "Azure, from the user's own data": (
        {"content": "It", "context": {"citations": [{"title": "D"}], "intent": '["it"]'}},
        [
            {"role": "assistant", "context": {"citations": [{"title": "D"}], "intent": '["it"]'}},
            {"content": "It"},
        ],
        [_text("It", citations=[{"title": "D"}, {"intent": '["it"]'}])],
    ),
    "reasoning details": (
        {
            "content": "So",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "Hm, "},
                {"type": "reasoning.summary", "summary": "well"},
                {"type": "reasoning.encrypted", "data": "gAAAA"},
            ],
        },
        [
            {"content": "", "reasoning_details": [{"type": "reasoning.text", "text": "Hm, "}]},
            {"content": "", "reasoning_details": [{"type": "reasoning.text", "text": "well"}]},
            {"content": "So"},
        ],
        [_text("So"), {"type": "reasoning", "content": "Hm, well"}],
    ),
    "reasoning in two fields": (
        {
            "content": "So",
            "reasoning": "Hm",
            "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}],
        },
        [
            {"content": "", "reasoning": "Hm", "reasoning_details": [{"text": "Hm"}]},
            {"content": "So"},
        ],
        [_text("So"), {"type": "reasoning", "content": "Hm"}],
    ),
    "a custom tool": (
        {"content": None, "tool_calls": [{"id": "c1", "type": "custom", "custom": SQL}]},
        [
            {
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "c1",
                        "type": "custom",
                        "custom": {"name": "sql", "input": ""},
                    }
                ]
            },
            {"tool_calls": [{"index": 0, "custom": {"input": SQL["input"][:9]}}]},
            {"tool_calls": [{"index": 0, "custom": {"input": SQL["input"][9:]}}]},
        ],
        [{"type": "tool_call", "id": "c1", "name": "sql", "arguments": SQL["input"]}],
    ),
    "a list as content": (
        {"content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]},
        [{"content": [{"type": "text", "text": "Hel"}]}, {"content": "lo"}],
        [_text("Hello")],
    ),
    "blocks of other kinds": (
        {"content": ["Hello", {"type": "reference", "reference_ids": [1]}]},
        [
            {"content": "Hel"},
            {"content": [{"type": "text", "text": "lo"}]},
            {"content": [{"type": "reference", "reference_ids": [1]}]},
        ],
        [_text("Hello"), {"type": "reference", "reference_ids": [1]}],
    ),
}


def _answer(message: dict[str, Any]) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return Reply(body=json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode())


def _stream(deltas: list[dict[str, Any]]) -> Reply:
    ended = [*({"delta": delta} for delta in deltas), {"delta": {}, "finish_reason": "stop"}]
    chunks = [{"id": "1", "model": "m", "choices": [{"index": 0, **choice}]} for choice in ended]
    events = tuple(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    end = b"data: [DONE]\n\n"
    return Reply(headers={"content-type": "text/event-stream"}, chunks=(*events, end))


def _joined(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts, neighbouring texts as one."""
    found: list[dict[str, Any]] = []
    for part in parts:
        if found and part["type"] == found[-1]["type"] == "text":
            found[-1] = {**found[-1], "content": found[-1]["content"] + part["content"]}
        else:
            found.append(part)
    return found


@pytest.mark.parametrize("mode", ["", "with_raw_response"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_it_is_recorded(
    case: str, stream: bool, mode: str, provider: Any, clients: Clients, spans: Spans
) -> None:
    message, deltas, parts = CASES[case]
    provider.enqueue(_stream(deltas) if stream else _answer(message))
    completions = clients.openai().chat.completions
    result = (getattr(completions, mode) if mode else completions).create(**CHAT, stream=stream)

    if stream:
        list(result.parse() if mode else result)

    assert _joined(spans.parts) == parts


@pytest.mark.parametrize("case", CASES)
def test_it_is_recorded_from_async_streams(case: str, provider: Any, spans: Spans) -> None:
    _, deltas, parts = CASES[case]
    provider.enqueue(_stream(deltas))

    async def run() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url) as client:
            async for _ in await client.chat.completions.create(**CHAT, stream=True):
                pass

    asyncio.run(run())

    assert _joined(spans.parts) == parts


def test_the_reasoning_blocks_of_a_list(provider: Any, clients: Clients, spans: Spans) -> None:
    """Mistral's models send their thoughts as blocks of the content."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    said = {"type": "text", "text": "So"}
    provider.enqueue(
        _answer({"content": [thought, said]}),
        _stream([{"content": [thought]}, {"content": [said]}, {"content": "!"}]),
    )
    create = clients.openai().chat.completions.create

    create(**CHAT)
    list(create(**CHAT, stream=True))

    whole, streamed = (
        json.loads(str((span.attributes or {})["gen_ai.output.messages"]))[0]["parts"]
        for span in spans.memory.get_finished_spans()
    )
    assert whole == [{"type": "reasoning", "content": "Hm"}, _text("So")]
    assert streamed == [_text("So!"), {"type": "reasoning", "content": "Hm"}]


SOURCE = {"title": "A", "url": "https://a.example", "date": "2026-11-01"}


@pytest.mark.parametrize(
    ("beside", "sources"),
    [
        ({"citations": [SOURCE["url"]], "search_results": [SOURCE]}, [SOURCE]),
        ({"citations": [SOURCE["url"]]}, [SOURCE["url"]]),
    ],
    ids=["search results", "addresses"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_sources_beside_the_choices_of_perplexity(
    stream: bool,
    beside: dict[str, Any],
    sources: Any,
    provider: Any,
    clients: Clients,
    spans: Spans,
) -> None:
    """A stream has them in its last chunk, or in all of them."""
    whole = {"id": "1", "model": "m", **beside}
    choice = {"index": 0, "finish_reason": "stop"}
    message = {"role": "assistant", "content": "It"}
    if stream:
        chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": message}]}
        last = {**whole, "choices": [{**choice, "delta": {}}]}
        pieces = tuple(b"data: " + json.dumps(sent).encode() + b"\n\n" for sent in (chunk, last))
        provider.enqueue(Reply(headers={"content-type": "text/event-stream"}, chunks=pieces))
    else:
        answer = {**whole, "choices": [{**choice, "message": message}]}
        provider.enqueue(Reply(body=json.dumps(answer).encode()))

    result = clients.openai().chat.completions.create(**CHAT, stream=stream)
    if stream:
        list(result)

    assert spans.parts == [_text("It", citations=sources)]


@pytest.mark.parametrize("stream", [False, True])
def test_the_sources_of_a_response(
    stream: bool, provider: Any, clients: Clients, spans: Spans
) -> None:
    source = {
        "type": "url_citation",
        "url": "https://a.example",
        "title": "A",
        "start_index": 0,
        "end_index": 2,
    }
    block = {"type": "output_text", "text": "It", "annotations": [source]}
    item = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [block],
    }
    provider.enqueue(response_stream(output=[item]) if stream else response(output=[item]))

    result = clients.openai().responses.create(model="m", input="Hello", stream=stream)
    if stream:
        list(result)

    assert spans.parts == [_text("It", citations=[source])]
