"""Which provider an anthropic client talks to.

Values are those of ``gen_ai.provider.name`` (GenAI semantic conventions, November 2026) where
it has one, else a plain lower-case name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pulse_otel.instrumentation.hosts import endpoint_of, first_match, named
from pulse_otel.instrumentation.reading import text

# Evidence -> provider: the client's class (subclasses too), else its host, where the first match
# counts. SDK 1.14 and later say it themselves, which wins. `AnthropicFoundry`, `AnthropicAWS` and
# `AnthropicGoogleCloud` have no row: the SDK calls these `anthropic`, and so do we.
_CLASSES = {
    "AnthropicBedrock": "aws.bedrock",
    "AsyncAnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AsyncAnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AsyncAnthropicVertex": "gcp.vertex_ai",
}
_HOSTS = {
    # Other providers that take requests of the Messages API.
    "openrouter.ai": "openrouter",
    "*.openrouter.ai": "openrouter",
    "api.deepseek.com": "deepseek",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    # Servers of one's own: what they are called, or the one port that means one of them.
    "*litellm*": "litellm",
    "*vllm*": "vllm",
    "*ollama*": "ollama",
    "*:11434": "ollama",
}
_DEFAULT = "anthropic"


def provider_of(client: Any) -> str:
    """``gen_ai.provider.name`` by what the SDK says, the client's class, then its host.

    A host that is not in the table is ``anthropic``, whose dialect it speaks. vLLM and the LiteLLM
    proxy run on anybody's host and on common ports, so they are known only where the host's name
    says so; Ollama also by its port, 11434.
    """
    said = text(getattr(client, "_gen_ai_provider_name", None))
    if said and said != _DEFAULT:
        return said
    return named(_CLASSES, client) or _of_host(*endpoint_of(client))


@lru_cache(maxsize=256)
def _of_host(host: str, port: int | None) -> str:
    return first_match(_HOSTS, host, port) or _DEFAULT
