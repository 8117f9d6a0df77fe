"""Azure's first chunk, of its content filter, has empty texts: they are none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.instrumentation.billing import STREAMED, chunk, completion, events, recorded, whole

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
FILTERED = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
LATER = {**FILTERED, "choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {}}]}
STREAM = events(
    {**FILTERED, "prompt_filter_results": [{"prompt_index": 0}]},
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hello"}),
    chunk({}, "stop"),
    LATER,
    {**chunk(usage=USAGE), "choices": []},
    "[DONE]",
)


# The helper of the SDK itself cannot read the later chunk, which has no delta.
@pytest.mark.parametrize("way", [*(way for way in STREAMED if way != "helper"), "async stream"])
def test_id_and_model_are_those_of_the_first_chunk_that_has_them(
    way: str, provider: Any, spans: Any
) -> None:
    found = recorded(provider, spans, (whole(completion(USAGE)), STREAM), way)

    assert found["gen_ai.response.id"] == "chatcmpl-1"
    assert found["gen_ai.response.model"] == "served"
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert found["gen_ai.usage.output_tokens"] == 5
    assert '"content":"Hello"' in found["gen_ai.output.messages"]


@pytest.mark.parametrize("way", ["create", "raw", "async"])
def test_an_empty_model_of_a_whole_answer_is_none(way: str, provider: Any, spans: Any) -> None:
    answer = whole(completion(USAGE, id="", model="", system_fingerprint=""))

    found = recorded(provider, spans, (answer, STREAM), way)

    absent = ("gen_ai.response.id", "gen_ai.response.model", "openai.response.system_fingerprint")
    assert not set(absent) & set(found)


def test_an_id_that_comes_with_a_later_text_alone_is_recorded(provider: Any, spans: Any) -> None:
    pieces = [{**chunk({"content": f"{n} "}), "id": "", "model": ""} for n in range(3)]
    pieces[1] |= {"id": "chatcmpl-1", "model": "served"}

    found = recorded(
        provider, spans, (whole(completion(USAGE)), events(*pieces, "[DONE]")), "stream"
    )

    assert found["gen_ai.response.id"] == "chatcmpl-1"
    assert found["gen_ai.response.model"] == "served"
    assert "0 1 2 " in found["gen_ai.output.messages"]


def test_a_server_without_ids_is_recorded_all_the_same(provider: Any, spans: Any) -> None:
    pieces = [{**chunk({"content": f"{n} "}), "id": "", "model": ""} for n in range(20)]
    answer = events(*pieces, {**chunk({}, "stop"), "id": "", "model": ""}, "[DONE]")

    found = recorded(provider, spans, (whole(completion(USAGE)), answer), "stream")

    assert "".join(f"{n} " for n in range(20)) in found["gen_ai.output.messages"]
    assert "gen_ai.response.model" not in found
