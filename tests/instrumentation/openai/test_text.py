"""Text completions, embeddings, moderations and decisions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Clients
from tests.instrumentation.openai.conftest import Instrument, Spans
from tests.provider.text_replies import completion_stream, decision, moderation


def test_a_completion(clients: Clients, spans: Spans) -> None:
    clients.openai().completions.create(
        model="davinci-002",
        prompt=["Once", "Twice"],
        n=2,
        max_tokens=9,
        stop=["."],
        seed=7,
        presence_penalty=0.5,
        suffix="end",
    )

    attributes = spans.attributes
    assert attributes["gen_ai.request.max_tokens"] == 9
    assert attributes["gen_ai.request.choice.count"] == 2
    assert attributes["gen_ai.request.stop_sequences"] == (".",)
    assert attributes["gen_ai.request.seed"] == 7
    assert attributes["gen_ai.request.presence_penalty"] == 0.5
    assert spans.json("pulse.request.parameters") == {"suffix": "end"}
    assert [m["parts"][0]["content"] for m in spans.json("gen_ai.input.messages")] == [
        "Once",
        "Twice",
    ]
    assert attributes["gen_ai.response.finish_reasons"] == ("stop", "stop")
    assert attributes["gen_ai.usage.input_tokens"] == 12
    assert attributes["gen_ai.usage.output_tokens"] == 6
    assert len(spans.json("gen_ai.output.messages")) == 2


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [([1, 2, 3], ["[3 tokens]"]), ([[1, 2], [3]], ["[2 tokens]", "[1 tokens]"])],
)
def test_prompts_of_tokens_are_counted(
    prompt: Any, shown: list[str], clients: Clients, spans: Spans
) -> None:
    clients.openai().completions.create(model="davinci-002", prompt=prompt)

    messages = spans.json("gen_ai.input.messages")
    assert [message["parts"][0]["content"] for message in messages] == shown


def test_a_streamed_completion(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(completion_stream("One two three", include_usage=True))

    list(clients.openai().completions.create(model="davinci-002", prompt="Once", stream=True))

    assert spans.parts == [{"type": "text", "content": "One two three"}]
    assert spans.attributes["gen_ai.usage.output_tokens"] == 6
    assert spans.attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_a_completion_cut_short(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(completion_stream("One two three"))

    stream = clients.openai().completions.create(model="davinci-002", prompt="Once", stream=True)
    with stream:
        next(stream)

    assert spans.parts == [{"type": "text", "content": "One"}]
    assert spans.attributes["gen_ai.response.finish_reasons"] == ("error",)


@pytest.mark.parametrize("settings", [{}, {"encoding_format": "float", "dimensions": 4}])
def test_embeddings(settings: dict[str, Any], clients: Clients, spans: Spans) -> None:
    answer = clients.openai().embeddings.create(
        model="text-embedding-3-small", input=["one", "two"], **settings
    )

    attributes = spans.attributes
    size = len(answer.data[0].embedding)
    assert attributes["gen_ai.embeddings.dimension.count"] == size == settings.get("dimensions", 8)
    # The SDK asks for base64 by itself.
    assert attributes["gen_ai.request.encoding_formats"] == (
        settings.get("encoding_format", "base64"),
    )
    assert attributes["gen_ai.usage.input_tokens"] == 7
    assert attributes["gen_ai.response.model"] == "text-embedding-3-small"
    assert spans.json("pulse.request.parameters") == {"input": ["one", "two"]}
    assert not [name for name in attributes if "messages" in name]


def test_embeddings_read_as_bytes(clients: Clients, spans: Spans) -> None:
    raw = clients.openai().embeddings.with_raw_response.create(model="m", input="one")

    assert raw.http_response.json()["data"][0]["embedding"]
    assert spans.attributes["gen_ai.embeddings.dimension.count"] == 8
    assert spans.json("pulse.request.parameters") == {"input": "one"}


def test_embeddings_of_tokens(clients: Clients, spans: Spans) -> None:
    clients.openai().embeddings.create(model="m", input=[[1, 2], [3, 4, 5]])

    shown = ["[2 tokens]", "[3 tokens]"]
    assert spans.json("pulse.request.parameters") == {"input": shown}


def test_a_moderation(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(moderation(flagged=("violence", "self-harm")))
    blocks: list[Any] = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
    ]
    clients.openai().moderations.create(model="omni-moderation-latest", input=blocks)

    assert spans.json("gen_ai.input.messages")[0]["parts"] == [
        {"type": "text", "content": "Look"},
        {"type": "uri", "modality": "image", "uri": "https://a.example/b.png"},
    ]
    (part,) = spans.parts
    assert part["flagged"] is True
    assert part["categories"] == ["self_harm", "violence"]
    assert part["scores"]["violence"] == 0.9
    assert spans.attributes["gen_ai.response.model"] == "omni-moderation-latest"


def test_moderations_say_the_same_in_raw_mode(clients: Clients, spans: Spans) -> None:
    client = clients.openai()

    client.moderations.create(input=["a", "b"])
    client.moderations.with_raw_response.create(input=["a", "b"])

    plain, raw = (
        json.loads((span.attributes or {})["gen_ai.output.messages"])  # type: ignore[arg-type]
        for span in spans.memory.get_finished_spans()
    )
    assert len(plain[0]["parts"]) == 2
    assert plain == raw


def test_a_decision(provider: Any, clients: Clients, spans: Spans) -> None:
    client = clients.openai()
    if not hasattr(client, "decisions"):
        pytest.skip("this openai has no decisions")
    question: dict[str, Any] = {"type": "predicate", "name": "kind", "question": "Is it kind?"}
    provider.enqueue(decision([question]))

    client.decisions.create(
        model="gpt-6-luna",
        input=[{"role": "user", "content": "Hello"}],
        questions=[question],
    )

    attributes = spans.attributes
    assert attributes["gen_ai.usage.input_tokens"] == 30
    assert attributes["gen_ai.output.type"] == "json"
    assert spans.json("pulse.request.parameters") == {"questions": [question]}
    assert spans.json("gen_ai.input.messages")[0]["parts"][0]["content"] == "Hello"
    assert spans.parts == [{"type": "predicate", "name": "kind", "probability": 0.93}]


def test_without_content(instrument: Instrument, clients: Clients) -> None:
    spans = instrument(False)
    client = clients.openai()

    client.completions.create(model="m", prompt="secret", suffix="secret")
    client.embeddings.create(model="m", input="secret", user="secret")
    client.moderations.create(input="secret")

    found = [dict(span.attributes or {}) for span in spans.memory.get_finished_spans()]
    assert len(found) == 3
    for attributes in found:
        assert "secret" not in json.dumps(list(attributes.values()), default=str)
        assert not [name for name in attributes if "messages" in name]
