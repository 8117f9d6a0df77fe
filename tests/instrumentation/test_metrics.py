"""The client metrics of the GenAI conventions, at a real MeterProvider."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import openai
import pytest

from pulse_otel.local.provider.replies import openai_error
from tests.instrumentation.billing import completion, message, whole
from tests.instrumentation.metering import (
    CLAUDE,
    DURATION,
    FIRST_CHUNK,
    GPT,
    NEXT_CHUNK,
    USAGE,
    Metrics,
    Recording,
)

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (
    *(1, 4, 16, 64, 256, 1024, 4096, 16384),
    *(65536, 262144, 1048576, 4194304, 16777216, 67108864),
)


def common(client: Any, **more: Any) -> dict[str, Any]:
    url = client.base_url
    return {"server.address": url.host, "server.port": url.port, **more}


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_names_units_and_buckets_are_those_of_the_conventions(
    sdk: str, metrics: Metrics, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(f"{sdk}_client")
    create = client.chat.completions.create if sdk == "openai" else client.messages.create
    list(create(**(GPT if sdk == "openai" else CLAUDE), stream=True))

    read = metrics.read()

    described = {
        name: (metric.unit, tuple(metric.data.data_points[0].explicit_bounds))
        for name, metric in read.items()
    }
    expected = {DURATION: ("s", SECONDS), FIRST_CHUNK: ("s", SECONDS), NEXT_CHUNK: ("s", SECONDS)}
    usage = {} if sdk == "openai" else {USAGE: ("{token}", TOKENS)}  # OpenAI's is to be asked for
    assert described == expected | usage


@pytest.mark.usefixtures("recorded")
def test_a_chat_completion_has_its_duration_and_its_tokens(
    metrics: Metrics, openai_client: Any, provider: Any
) -> None:
    provider.enqueue(whole(completion({"prompt_tokens": 30, "completion_tokens": 5})))
    openai_client.chat.completions.create(**GPT)

    points = metrics.points()

    told = common(
        openai_client,
        **{
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5",
            "gen_ai.response.model": "served",
        },
    )
    (duration,) = points.pop(DURATION)
    assert (duration.count, dict(duration.attributes)) == (1, told)
    assert duration.sum > 0
    tokens = {point.attributes["gen_ai.token.type"]: point for point in points.pop(USAGE)}
    assert {kind: (point.count, point.sum) for kind, point in tokens.items()} == {
        "input": (1, 30),
        "output": (1, 5),
    }
    assert dict(tokens["input"].attributes) == {**told, "gen_ai.token.type": "input"}
    assert points == {}


@pytest.mark.usefixtures("recorded")
def test_the_billed_input_of_a_message_has_its_cached_tokens(
    metrics: Metrics, anthropic_client: Any, provider: Any
) -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 90}
    provider.enqueue(whole(message(usage)))
    anthropic_client.messages.create(**CLAUDE)

    points = metrics.points()

    assert points[DURATION][0].attributes["gen_ai.provider.name"] == "anthropic"
    sums = {point.attributes["gen_ai.token.type"]: point.sum for point in points[USAGE]}
    assert sums == {"input": 100, "output": 5}


@pytest.mark.usefixtures("recorded")
def test_embeddings_have_input_tokens_alone(metrics: Metrics, openai_client: Any) -> None:
    openai_client.embeddings.create(model="e", input="Hello")

    points = metrics.points()

    assert points[DURATION][0].attributes["gen_ai.operation.name"] == "embeddings"
    assert [point.attributes["gen_ai.token.type"] for point in points[USAGE]] == ["input"]


def test_the_service_tier_of_an_answer_is_an_attribute(
    recorded: Recording, metrics: Metrics, openai_client: Any, provider: Any
) -> None:
    more = {"service_tier": "flex", "system_fingerprint": "fp_1"}
    provider.enqueue(whole(completion(None, **more)))
    openai_client.chat.completions.create(**GPT)

    attributes = metrics.points()[DURATION][0].attributes

    assert attributes["openai.response.service_tier"] == "flex"
    assert "openai.response.system_fingerprint" not in attributes
    assert recorded.spans[0].attributes["openai.response.system_fingerprint"] == "fp_1"


async def _async_chunks(client: Any, call: dict[str, Any]) -> int:
    async with client:
        methods = client.chat.completions if hasattr(client, "chat") else client.messages
        return len([chunk async for chunk in await methods.create(**call, stream=True)])


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_each_chunk_that_the_program_gets_is_timed(
    sdk: str, way: str, recording: Recording, metrics: Metrics, provider: Any, clients: Any
) -> None:
    """The chunk with the usage, which the program does not see, is not."""
    call = GPT if sdk == "openai" else CLAUDE
    with recording.to(metrics.provider, stream_usage="always"):
        if way == "sync":
            client = getattr(clients, sdk)()
            methods = client.chat.completions if sdk == "openai" else client.messages
            chunks = len(list(methods.create(**call, stream=True)))
        else:
            kind: Any = openai.AsyncOpenAI if sdk == "openai" else anthropic.AsyncAnthropic
            url = getattr(provider, f"{sdk}_url")
            chunks = asyncio.run(_async_chunks(kind(api_key="k", base_url=url), call))

    points = metrics.points()

    (duration,), (first,), (later,) = points[DURATION], points[FIRST_CHUNK], points[NEXT_CHUNK]
    assert chunks > 2
    assert (duration.count, first.count, later.count) == (1, 1, chunks - 1)
    assert first.sum + later.sum < duration.sum
    assert first.attributes == later.attributes == duration.attributes
    assert first.sum == recording.spans[0].attributes["gen_ai.response.time_to_first_chunk"]
    assert len(points[USAGE]) == 2


@pytest.mark.usefixtures("recorded")
def test_a_stream_that_is_left_early_counts_once_and_is_no_error(
    metrics: Metrics, openai_client: Any
) -> None:
    with openai_client.chat.completions.create(stream=True, **GPT) as stream:
        next(stream)

    points = metrics.points()

    assert (points[DURATION][0].count, points[FIRST_CHUNK][0].count) == (1, 1)
    assert "error.type" not in points[DURATION][0].attributes
    assert NEXT_CHUNK not in points


@pytest.mark.usefixtures("recorded")
def test_raw_responses_are_counted_as_others_are(metrics: Metrics, openai_client: Any) -> None:
    """The bytes of a stream that the program reads itself have no chunks."""
    methods = openai_client.chat.completions
    methods.with_raw_response.create(**GPT).parse()
    with methods.with_streaming_response.create(**GPT, stream=True) as response:
        list(response.iter_lines())

    points = metrics.points()

    assert sum(point.count for point in points[DURATION]) == 2
    assert {point.attributes["gen_ai.token.type"] for point in points[USAGE]} == {"input", "output"}
    assert points[FIRST_CHUNK][0].count == 1
    assert NEXT_CHUNK not in points


def test_the_duration_of_a_failed_call_has_the_error_type_of_its_span(
    recorded: Recording, metrics: Metrics, openai_client: Any, provider: Any
) -> None:
    provider.enqueue(openai_error(404, "no such model", code="model_not_found"))
    with pytest.raises(openai.NotFoundError):
        openai_client.chat.completions.create(**GPT)

    points = metrics.points()

    (duration,) = points.pop(DURATION)
    assert duration.attributes["error.type"] == "model_not_found"
    assert duration.attributes["error.type"] == recorded.spans[0].attributes["error.type"]
    assert points == {}  # its tokens are unknown


def test_tokens_that_are_unknown_are_not_reported(
    recorded: Recording, metrics: Metrics, openai_client: Any, provider: Any
) -> None:
    provider.enqueue(whole(completion(None)))
    openai_client.chat.completions.create(**GPT)

    assert set(metrics.points()) == {DURATION}
