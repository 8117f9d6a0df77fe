"""`gen_ai.provider.name` of the SDKs' real clients, and that the price table knows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from pulse_otel import observe
from pulse_otel.instrumentation import providers
from pulse_otel.instrumentation.providers import provider_of_anthropic, provider_of_openai
from pulse_otel.instrumentation.recorder import Observed, observed_options
from tests.export.pricing.listed import listed_cents

Make = Callable[[str], Any]
AZURE: dict[str, Any] = {"api_key": "k", "api_version": "2024-10-21"}
AWS: dict[str, Any] = {"aws_region": "us-east-1", "aws_access_key": "a", "aws_secret_key": "s"}
VERTEX: dict[str, Any] = {"region": "us-east5", "project_id": "p", "access_token": "t"}


class OwnAzureClient(openai.AzureOpenAI):
    """A user's subclass, whose name says nothing."""


class OwnBedrockClient(anthropic.AnthropicBedrock):
    """The same of the other SDK."""


def runtime(name: str, **settings: Any) -> Any:
    """An openai client with one of the SDK's provider runtimes; skips where it has none."""
    factories = pytest.importorskip("openai.providers")
    return openai.OpenAI(provider=getattr(factories, name)(**settings))


def newer(sdk: Any, name: str, **settings: Any) -> Any:
    """A client of a class that not every SDK version has."""
    if not hasattr(sdk, name):
        pytest.skip(f"this {sdk.__name__} has no {name}")
    return getattr(sdk, name)(**settings)


CLASSES: dict[str, tuple[Callable[[], Any], str]] = {
    "openai": (lambda: openai.OpenAI(api_key="k"), "openai"),
    "azure": (
        lambda: openai.AzureOpenAI(azure_endpoint="https://x.openai.azure.com", **AZURE),
        "azure.ai.openai",
    ),
    "azure behind a gateway": (
        lambda: openai.AsyncAzureOpenAI(base_url="https://gateway.example", **AZURE),
        "azure.ai.openai",
    ),
    "a subclass of azure": (
        lambda: OwnAzureClient(base_url="https://gateway.example", **AZURE),
        "azure.ai.openai",
    ),
    "an azure clone": (
        lambda: openai.AzureOpenAI(base_url="https://gateway.example", **AZURE).with_options(),
        "azure.ai.openai",
    ),
    "bedrock runtime": (
        lambda: runtime("bedrock", region="us-east-1", api_key="k"),
        "aws.bedrock",
    ),
    "bedrock behind a gateway": (
        lambda: runtime("bedrock", base_url="https://gateway.example/v1", api_key="k"),
        "aws.bedrock",
    ),
    "bedrock class": (
        lambda: newer(openai, "BedrockOpenAI", aws_region="us-east-1", api_key="k"),
        "aws.bedrock",
    ),
    "vertex runtime": (
        lambda: runtime(
            "vertex", base_url="https://gateway.example/v1", token_provider=lambda: "t"
        ),
        "gcp.vertex_ai",
    ),
    "anthropic": (lambda: anthropic.AsyncAnthropic(api_key="k"), "anthropic"),
    "anthropic bedrock": (
        lambda: anthropic.AnthropicBedrock(base_url="https://gateway.example", **AWS),
        "aws.bedrock",
    ),
    "a subclass of bedrock": (lambda: OwnBedrockClient(**AWS), "aws.bedrock"),
    "anthropic mantle": (
        lambda: newer(anthropic, "AnthropicBedrockMantle", aws_region="us-east-1", api_key="k"),
        "aws.bedrock",
    ),
    "anthropic vertex": (lambda: anthropic.AsyncAnthropicVertex(**VERTEX), "gcp.vertex_ai"),
    "anthropic foundry": (
        lambda: newer(anthropic, "AnthropicFoundry", resource="r", api_key="k"),
        "anthropic",
    ),
    "claude on aws": (
        lambda: newer(
            anthropic, "AnthropicAWS", aws_region="us-east-1", api_key="k", workspace_id="w"
        ),
        "anthropic",
    ),
}


@pytest.mark.parametrize("name", CLASSES)
def test_by_class(name: str) -> None:
    make, expected = CLASSES[name]
    client = make()
    of_openai = isinstance(client, (openai.OpenAI, openai.AsyncOpenAI))

    assert (provider_of_openai if of_openai else provider_of_anthropic)(client) == expected


@pytest.mark.parametrize("name", CLASSES)
def test_observe_takes_every_client_without_being_told_its_provider(name: str) -> None:
    client = CLASSES[name][0]()

    assert observe(client) is client
    assert observed_options(client) == Observed()


@pytest.mark.parametrize("cls", [anthropic.AnthropicBedrock, anthropic.AnthropicVertex])
def test_an_anthropic_client_that_does_not_say_it_itself(
    cls: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before SDK 1.14: then the class decides."""
    client = cls(**(AWS if cls is anthropic.AnthropicBedrock else VERTEX))
    expected = provider_of_anthropic(client)

    for owner in cls.__mro__:
        if "_gen_ai_provider_name" in vars(owner):
            monkeypatch.delattr(owner, "_gen_ai_provider_name")

    assert not hasattr(client, "_gen_ai_provider_name")
    assert provider_of_anthropic(client) == expected != "anthropic"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://API.GROQ.COM/openai/v1", "groq"),
        ("https://x.openai.azure.com/openai/v1/", "azure.ai.openai"),
        ("https://vllm.openai.azure.com/openai/v1/", "azure.ai.openai"),
        ("https://x.services.ai.azure.com/openai/v1/", "azure.ai.openai"),
        ("https://x.cognitiveservices.azure.com/openai/v1/", "azure.ai.openai"),
        ("https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1", "aws.bedrock"),
        ("https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com/v1", "aws.bedrock"),
        ("https://bedrock-mantle.us-east-1.api.aws/v1", "aws.bedrock"),
        ("https://us-east5-aiplatform.googleapis.com/v1/p/openapi", "gcp.vertex_ai"),
        ("https://aiplatform.googleapis.com/v1/p/openapi", "gcp.vertex_ai"),
        ("https://aiplatform.us.rep.googleapis.com/v1", "gcp.vertex_ai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gcp.gemini"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.anthropic.com/v1/", "anthropic"),
        ("https://api.cohere.ai/compatibility/v1", "cohere"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.fireworks.ai/inference/v1", "fireworks"),
        ("https://api.mistral.ai/v1", "mistral_ai"),
        ("https://codestral.mistral.ai/v1", "mistral_ai"),
        ("https://api.moonshot.ai/v1", "moonshot_ai"),
        ("https://api.perplexity.ai", "perplexity"),
        ("https://api.together.xyz/v1", "together_ai"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://eu-west-1.api.x.ai/v1", "x_ai"),
        ("http://litellm.internal:4000", "litellm"),
        ("http://my-vllm.default.svc.cluster.local/v1", "vllm"),
        ("http://ollama:8080/v1", "ollama"),
        ("http://127.0.0.1:11434/v1", "ollama"),
        ("http://[::1]:11434/v1", "ollama"),
        # Nothing is known of these, whatever usually listens there or the name looks like.
        ("http://127.0.0.1:8000/v1", "openai"),
        ("http://127.0.0.1:4000/v1", "openai"),
        ("https://notopenrouter.ai/v1", "openai"),
        ("https://api.groq.com.example/v1", "openai"),
        ("https://api.example.com/api.groq.com/v1", "openai"),
    ],
)
def test_by_host(url: str, expected: str) -> None:
    client = openai.OpenAI(api_key="k", base_url=url)

    assert provider_of_openai(client) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.anthropic.com", "anthropic"),
        ("https://gateway.example", "anthropic"),
        ("https://openrouter.ai/api", "openrouter"),
        ("https://api.deepseek.com/anthropic", "deepseek"),
        ("https://api.moonshot.ai/anthropic", "moonshot_ai"),
        ("http://litellm:4000", "litellm"),
        ("http://127.0.0.1:11434", "ollama"),
        ("http://127.0.0.1:4000", "anthropic"),
    ],
)
def test_by_host_of_an_anthropic_client(url: str, expected: str) -> None:
    assert provider_of_anthropic(anthropic.Anthropic(api_key="k", base_url=url)) == expected


class Odd:
    """No client at all: every attribute is something else than what is looked for."""

    def __init__(self) -> None:
        self.base_url = 7
        self._provider_runtime = {"name": ["bedrock"]}
        self._gen_ai_provider_name = ["x"]


@pytest.mark.parametrize("client", [None, object(), Odd(), Odd, 3])
def test_a_client_without_the_facts_has_the_default(client: Any) -> None:
    assert provider_of_openai(client) == "openai"
    assert provider_of_anthropic(client) == "anthropic"


WITHOUT_PRICES = {"litellm", "vllm", "ollama"}  # one's own servers


def test_every_provider_has_prices_under_this_name() -> None:
    tables = (providers.RUNTIMES, providers.CLASSES, *providers.HOSTS.values())
    names = {name for table in tables for name in table.values()}
    path = Path(__file__).parents[2] / "pulse_otel" / "export" / "pricing" / "prices.json"
    priced = json.loads(path.read_text(encoding="utf-8"))["names"]

    assert names - set(priced) == WITHOUT_PRICES
    assert set(priced) - names == set()


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("azure.ai.openai", "gpt-4o-mini"),
        ("aws.bedrock", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("gcp.vertex_ai", "gemini-2.0-flash"),
        ("gcp.gemini", "gemini-2.0-flash"),
        ("openrouter", "openai/gpt-4o-mini"),
        ("groq", "llama-3.3-70b-versatile"),
        ("deepseek", "deepseek-chat"),
        ("mistral_ai", "mistral-large-latest"),
        ("perplexity", "sonar"),
        ("x_ai", "grok-3"),
        ("cohere", "command-r-plus"),
        ("moonshot_ai", "kimi-k2-0711-preview"),
        ("together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("fireworks", "accounts/fireworks/models/deepseek-v3-0324"),
        ("anthropic", "claude-haiku-4-5"),
        ("openai", "gpt-4o-mini"),
    ],
)
def test_a_model_of_each_provider_has_a_price(provider: str, model: str) -> None:
    cost = listed_cents(provider, model, input_tokens=1000, output_tokens=100)

    assert cost is not None
    assert cost > 0
