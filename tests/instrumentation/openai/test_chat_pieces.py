"""Which chunks of a chat stream are kept as their text alone."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta

from pulse_otel.instrumentation.openai.chat_chunks import add_piece


class _LaterDelta(ChoiceDelta):
    """A delta of a later SDK, which declares what is a field of its own now."""

    thoughts: str | None = None


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
def test_so_is_one_of_another_choice_and_the_last(more: dict[str, Any]) -> None:
    assert not add_piece(_chunk({"content": "piece"}, **more), [])


@pytest.mark.parametrize(("thoughts", "only_text"), [("hm", False), (None, True)])
def test_a_field_that_a_later_sdk_declares_is_not_lost(
    thoughts: str | None, only_text: bool
) -> None:
    chunk = _chunk({})
    chunk.choices[0].delta = _LaterDelta.construct(content="piece", thoughts=thoughts)

    assert add_piece(chunk, []) is only_text
