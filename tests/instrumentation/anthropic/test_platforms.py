"""The clients of cloud platforms: they rewrite the request, and it is recorded as it was asked.

Bedrock's and Vertex AI's beta classes hold copies of the SDK's functions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from pulse_otel.local.provider.replies import DEFAULT_TEXT, Reply, message, message_stream
from tests.conftest import MESSAGES
from tests.provider.bedrock import bedrock_stream

ASK: dict[str, Any] = {"model": "claude-x", "max_tokens": 50, "messages": MESSAGES}
PULSE: dict[str, Any] = {"pulse_session_id": "s", "pulse_metadata": {"a": 1}}
_AWS = {"aws_access_key": "AKIAFAKE", "aws_secret_key": "fake", "aws_region": "us-east-1"}

# class -> settings, provider, what its paths contain, for a stream
PLATFORMS: dict[str, tuple[dict[str, Any], str, tuple[str, str]]] = {
    "AnthropicBedrock": (
        _AWS,
        "aws.bedrock",
        ("/model/claude-x/invoke", "/model/claude-x/invoke-with-response-stream"),
    ),
    "AnthropicBedrockMantle": (
        {"api_key": "k", "aws_region": "us-east-1"},
        "aws.bedrock",
        ("/v1/messages", "/v1/messages"),
    ),
    "AnthropicVertex": (
        {"region": "us-east5", "project_id": "p", "access_token": "fake"},
        "gcp.vertex_ai",
        ("/claude-x:rawPredict", "/claude-x:streamRawPredict"),
    ),
    "AnthropicFoundry": ({"api_key": "k"}, "anthropic", ("/v1/messages", "/v1/messages")),
    "AnthropicAWS": (
        {"api_key": "k", "workspace_id": "w", "aws_region": "us-east-1"},
        "anthropic",
        ("/v1/messages", "/v1/messages"),
    ),
}


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    if not hasattr(anthropic, request.param):
        pytest.skip(f"anthropic {anthropic.__version__} has no {request.param}")
    if request.param == "AnthropicBedrock":
        pytest.importorskip("boto3")
    name: str = request.param
    return name


@pytest.fixture
def client(platform: str, provider: Any, spans: Any) -> Iterator[Any]:
    with _client(platform, provider) as client:
        yield observe(client, "anthropic")


def _client(platform: str, provider: Any, prefix: str = "") -> Any:
    make = getattr(anthropic, prefix + platform)
    return make(**PLATFORMS[platform][0], base_url=provider.anthropic_url, max_retries=0)


def _stream(platform: str) -> Reply:
    return bedrock_stream(message_stream()) if platform == "AnthropicBedrock" else message_stream()


def _check(
    platform: str, path: str, provider: Any, spans: InMemorySpanExporter, model: str = "claude-x"
) -> None:
    (span,) = spans.get_finished_spans()
    assert span.name == f"chat {model}"
    assert span.attributes["gen_ai.provider.name"] == PLATFORMS[platform][1]
    assert span.attributes["gen_ai.request.model"] == model
    assert span.attributes["session.id"] == "s"
    assert "Hello Pulse" in span.attributes["gen_ai.input.messages"]
    assert DEFAULT_TEXT in span.attributes["gen_ai.output.messages"]
    assert span.attributes["gen_ai.usage.input_tokens"] == 120
    (received,) = provider.requests
    assert received.path.endswith(path)
    assert not [header for header in received.headers if "pulse" in header]


NAMESPACES: dict[str, Callable[[Any], Any]] = {
    "messages": lambda client: client.messages,
    "beta.messages": lambda client: client.beta.messages,
    "messages of a copy": lambda client: client.copy().messages,
    "beta.messages with_options": lambda client: client.with_options(timeout=5).beta.messages,
}


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("name", ["create", "parse", "create streamed", "stream"])
def test_platform(
    name: str,
    namespace: str,
    platform: str,
    client: Any,
    provider: Any,
    spans: InMemorySpanExporter,
) -> None:
    try:
        resource = NAMESPACES[namespace](client)
    except TypeError as error:  # of 0.79: its own `copy` gives the constructor what it refuses
        pytest.skip(f"{platform} of anthropic {anthropic.__version__} has no copies: {error}")
    create = getattr(resource, name.partition(" ")[0], None)
    if create is None:
        pytest.skip(f"{platform} of anthropic {anthropic.__version__} has no {namespace}.{name}")
    streamed = "stream" in name
    provider.enqueue(_stream(platform) if streamed else message())

    if name == "stream":
        with create(**ASK, **PULSE) as stream:
            assert stream.get_final_message().content[0].text == DEFAULT_TEXT
    elif streamed:
        list(create(**ASK, **PULSE, stream=True))
    else:
        create(**ASK, **PULSE)
    resource._client.close()  # a copy may have connections of its own

    _check(platform, PLATFORMS[platform][2][streamed], provider, spans)


@pytest.mark.parametrize("streamed", [False, True])
def test_async_platform(
    streamed: bool, platform: str, provider: Any, spans: InMemorySpanExporter
) -> None:
    provider.enqueue(_stream(platform) if streamed else message())

    async def main() -> None:
        async with _client(platform, provider, "Async") as client:
            observe(client, "anthropic")
            answer = await client.beta.messages.create(**ASK, **PULSE, stream=streamed)
            if streamed:
                assert [event async for event in answer]

    asyncio.run(main())
    _check(platform, PLATFORMS[platform][2][streamed], provider, spans)


def test_a_count_that_the_platform_refuses_before_it_is_sent(
    provider: Any, spans: InMemorySpanExporter
) -> None:
    pytest.importorskip("boto3")
    with _client("AnthropicBedrock", provider) as client:
        observe(client, "anthropic")
        with pytest.raises(anthropic.AnthropicError):
            client.messages.count_tokens(model="claude-x", messages=MESSAGES)

    (span,) = spans.get_finished_spans()
    assert span.attributes["error.type"] == "anthropic.AnthropicError"
    assert provider.requests == []
