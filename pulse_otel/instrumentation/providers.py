"""Name the provider and the server of a client.

The names are those of ``gen_ai.provider.name`` (GenAI semantic conventions, November 2026) where
it has one, else a plain lower-case name.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import read, text

# The name of the provider runtime of an openai client -> provider.
RUNTIMES = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}
# The client's class, or the nearest base class that has a row. `AnthropicFoundry`, `AnthropicAWS`
# and `AnthropicGoogleCloud` have none: the SDK names these `anthropic`, and so do we.
CLASSES = {
    "AzureOpenAI": "azure.ai.openai",
    "AsyncAzureOpenAI": "azure.ai.openai",
    "BedrockOpenAI": "aws.bedrock",
    "AsyncBedrockOpenAI": "aws.bedrock",
    "AnthropicBedrock": "aws.bedrock",
    "AsyncAnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AsyncAnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AsyncAnthropicVertex": "gcp.vertex_ai",
}
# Self-hosted servers: known by a host name that names them, or by the one port that only one uses.
_SELF_HOSTED = {
    "*litellm*": "litellm",
    "*vllm*": "vllm",
    "*ollama*": "ollama",
    "*:11434": "ollama",
}
# SDK, which names the provider of other hosts -> patterns of ``host``, or of ``host:port`` where
# there is a colon. ``*`` stands for any text; the first match counts.
HOSTS = {
    "openai": {
        "api.openai.com": "openai",
        "*.api.openai.com": "openai",
        "*.openai.azure.com": "azure.ai.openai",
        "*.openai.azure.us": "azure.ai.openai",
        "*.services.ai.azure.com": "azure.ai.openai",
        "*.cognitiveservices.azure.com": "azure.ai.openai",
        "bedrock-*.amazonaws.com": "aws.bedrock",
        "*.bedrock-*.amazonaws.com": "aws.bedrock",  # an interface endpoint in a VPC
        "bedrock-*.amazonaws.com.cn": "aws.bedrock",
        "bedrock-*.api.aws": "aws.bedrock",
        "aiplatform.googleapis.com": "gcp.vertex_ai",
        "*-aiplatform.googleapis.com": "gcp.vertex_ai",
        "aiplatform.*.rep.googleapis.com": "gcp.vertex_ai",
        "generativelanguage.googleapis.com": "gcp.gemini",
        "openrouter.ai": "openrouter",
        "*.openrouter.ai": "openrouter",
        "api.anthropic.com": "anthropic",
        "api.cohere.ai": "cohere",
        "api.cohere.com": "cohere",
        "api.deepseek.com": "deepseek",
        "api.fireworks.ai": "fireworks",
        "api.groq.com": "groq",
        "*.mistral.ai": "mistral_ai",
        "api.moonshot.ai": "moonshot_ai",
        "api.moonshot.cn": "moonshot_ai",
        "api.perplexity.ai": "perplexity",
        "api.together.ai": "together_ai",
        "api.together.xyz": "together_ai",
        "api.x.ai": "x_ai",
        "*.api.x.ai": "x_ai",
        **_SELF_HOSTED,
    },
    "anthropic": {  # providers that take requests of the Messages API
        "openrouter.ai": "openrouter",
        "*.openrouter.ai": "openrouter",
        "api.deepseek.com": "deepseek",
        "api.moonshot.ai": "moonshot_ai",
        "api.moonshot.cn": "moonshot_ai",
        **_SELF_HOSTED,
    },
}


def provider_of_openai(client: Any) -> str:
    """Name the provider of an openai client by its provider runtime, its class, then its host.

    A host without a row is ``openai``, whose API it speaks. `Provider.OPENROUTER` wins over this.
    """
    runtime = text(read(client, "_provider_runtime", "name"))
    return RUNTIMES.get(runtime or "") or _of_client(client, "openai")


def provider_of_anthropic(client: Any) -> str:
    """Name the provider of an anthropic client by the SDK's own name, its class, then its host.

    The SDK names the provider since 1.14. A host without a row is ``anthropic``.
    """
    named = text(getattr(client, "_gen_ai_provider_name", None))
    return named if named and named != "anthropic" else _of_client(client, "anthropic")


def _of_client(client: Any, sdk: str) -> str:
    names = (owner.__name__ for owner in type(client).__mro__)
    of_class = next((CLASSES[name] for name in names if name in CLASSES), None)
    return of_class or _of_host(sdk, *address_of(getattr(client, "base_url", None))[:2])


@lru_cache(maxsize=256)
def _of_host(sdk: str, host: str, port: int | None) -> str:
    name = host.rstrip(".")
    for pattern, provider in HOSTS[sdk].items():
        if fnmatchcase(f"{name}:{port}" if ":" in pattern else name, pattern):
            return provider
    return sdk


def address_of(url: object) -> tuple[str, int | None, int]:
    """Return the host of a URL ("" without one), its explicit port, and the port in use."""
    parts = urlsplit(str(url or ""))
    default = 80 if parts.scheme in ("http", "ws") else 443
    return parts.hostname or "", parts.port, parts.port or default


def server_attributes(url: object) -> dict[str, Any]:
    """Return the attributes of the server at `url`; none without a host."""
    host, _, port = address_of(url)
    return {semconv.SERVER_ADDRESS: host, semconv.SERVER_PORT: port} if host else {}
