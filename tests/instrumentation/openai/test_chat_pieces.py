"""Which chunks of a chat stream are kept as their text alone."""

from __future__ import annotations

from typing import Any

import pytest
from openai import BaseModel
from openai.types.chat import ChatCompletionChunk

from pulse_otel.instrumentation.openai.chat_chunks import add_piece


class _OtherDelta(BaseModel):
    """The delta of another SDK, or of the program: it declares no tools."""

    content: str | None = None


def _chunk(delta: Any, **more: Any) -> Any:
    choice = {"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}
    return ChatCompletionChunk.construct(choices=[choice | more.pop("choice", {})], **more)


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "piece"},
        {"content": ""},
        {"role": "assistant", "content": "piece"},
        {"content": "piece", "tool_calls": None, "refusal": None, "audio": None},
        {"content": "piece", "tool_calls": []},
        {"content": "piece", "reasoning_content": None, "token_ids": [5]},
    ],
    ids=str,
)
def test_a_chunk_that_adds_only_text_is_kept_as_that(delta: dict[str, Any]) -> None:
    kept: list[Any] = []

    assert add_piece(_chunk(delta), kept)
    assert kept == [delta["content"]]


@pytest.mark.parametrize(
    "delta",
    [
        {},
        {"content": None},
        {"content": 5},
        {"content": ["piece"]},
        {"content": "piece", "tool_calls": [{"index": 0, "id": "c1"}]},
        {"content": "piece", "function_call": {"name": "f"}},
        {"content": "piece", "refusal": "no"},
        {"content": "", "audio": {"id": "a1"}},
        {"content": "", "reasoning_content": "hm"},
        {"content": "piece", "images": [{"type": "image_url"}]},
    ],
    ids=str,
)
def test_a_chunk_that_adds_more_is_kept_whole(delta: dict[str, Any]) -> None:
    kept: list[Any] = []

    assert not add_piece(_chunk(delta), kept)
    assert not kept


@pytest.mark.parametrize(
    "more",
    [
        {"choice": {"index": 1}},
        {"choice": {"finish_reason": "stop"}},
        {"usage": {"prompt_tokens": 1}},
    ],
    ids=str,
)
def test_a_chunk_of_another_choice_and_the_last_are_kept_whole(more: dict[str, Any]) -> None:
    assert not add_piece(_chunk({"content": "piece"}, **more), [])


@pytest.mark.parametrize(
    "delta",
    [
        None,
        {"content": "piece"},
        _OtherDelta.construct(content="piece"),
        _OtherDelta.construct(content="piece", tool_calls=[{"index": 0, "id": "c1"}]),
    ],
    ids=repr,
)
def test_so_is_one_whose_delta_is_no_model_of_the_sdk(delta: Any) -> None:
    chunk = _chunk({})
    chunk.choices[0].delta = delta

    assert not add_piece(chunk, [])
