"""The endpoint rows of the `openai` SDK, and which provider a client talks to."""

from __future__ import annotations

from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.call import Endpoint
from pulse_otel.instrumentation.openai import chat, usage
from pulse_otel.instrumentation.patch import patch_copies, patch_endpoints
from pulse_otel.instrumentation.reading import text

# Host suffix -> gen_ai.provider.name (semantic conventions); others talk openai's dialect.
_HOSTS = (
    (".openai.azure.com", "azure.ai.openai"),
    (".services.ai.azure.com", "azure.ai.openai"),
    (".cognitiveservices.azure.com", "azure.ai.openai"),
    ("openrouter.ai", "openrouter"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.x.ai", "x_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.together.xyz", "together_ai"),
    ("api.together.ai", "together_ai"),
    ("api.fireworks.ai", "fireworks"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
)


def provider_of(client: Any) -> str:
    """``gen_ai.provider.name`` by the client's class, then by its host; else ``openai``."""
    if "Azure" in type(client).__name__:
        return "azure.ai.openai"
    host = text(getattr(getattr(client, "base_url", None), "host", None)) or ""
    for suffix, provider in _HOSTS:
        if host.endswith(suffix):
            return provider
    return "aws.bedrock" if host.startswith("bedrock-") else "openai"


CHAT = Endpoint(
    sdk="openai",
    scope=semconv.SCOPE_OPENAI,
    module="openai.resources.chat.completions",
    owner="Completions",
    method="create",
    operation=semconv.OPERATION_CHAT,
    provider=provider_of,
    request=chat.read_request,
    response=chat.read_response,
    assemble=chat.assemble,
    ask_for_usage=usage.ask_for_usage,
    is_usage_chunk=usage.is_usage_chunk,
)

ENDPOINTS = (CHAT,)


def install() -> None:
    """Patch the SDK. Raises ImportError if `openai` is not installed."""
    import openai

    patch_endpoints(ENDPOINTS)
    for client in (openai.OpenAI, openai.AsyncOpenAI, openai.AzureOpenAI, openai.AsyncAzureOpenAI):
        patch_copies(client)
