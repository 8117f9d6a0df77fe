"""Which provider an openai client talks to.

Values are those of ``gen_ai.provider.name`` (GenAI semantic conventions, November 2026) where
it has one, else a plain lower-case name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pulse_otel.instrumentation.hosts import endpoint_of, first_match, named
from pulse_otel.instrumentation.reading import read, text

# Evidence -> provider. The strongest comes first: the SDK's own word (the name of the client's
# provider runtime), its class (subclasses too), its host. Of the hosts the first match counts.
_RUNTIMES = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}
_CLASSES = {
    "AzureOpenAI": "azure.ai.openai",
    "AsyncAzureOpenAI": "azure.ai.openai",
    "BedrockOpenAI": "aws.bedrock",
    "AsyncBedrockOpenAI": "aws.bedrock",
}
_HOSTS = {
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
    # Servers of one's own: what they are called, or the one port that means one of them.
    "*litellm*": "litellm",
    "*vllm*": "vllm",
    "*ollama*": "ollama",
    "*:11434": "ollama",
}
_DEFAULT = "openai"


def provider_of(client: Any) -> str:
    """``gen_ai.provider.name`` by the client's provider runtime, its class, then its host.

    A host that is not in the table is ``openai``, whose dialect it speaks. vLLM and the LiteLLM
    proxy run on anybody's host and on common ports, so they are known only where the host's name
    says so; Ollama also by its port, 11434. `Provider.OPENROUTER` wins over all of this.
    """
    runtime = text(read(client, "_provider_runtime", "name"))
    return _RUNTIMES.get(runtime or "") or named(_CLASSES, client) or _of_host(*endpoint_of(client))


@lru_cache(maxsize=256)
def _of_host(host: str, port: int | None) -> str:
    return first_match(_HOSTS, host, port) or _DEFAULT
