"""Names of providers in instrumentations -> ``gen_ai.provider.name``."""

from __future__ import annotations

_NAMES = {
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "az.ai.inference": "azure.ai.inference",
    "azure_ai": "azure.ai.inference",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "google_genai": "gcp.gemini",
    "xai": "x_ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "bedrock": "aws.bedrock",
    "aws": "aws.bedrock",
    "amazon": "aws.bedrock",
    "amazon-bedrock": "aws.bedrock",
    "moonshot": "moonshot_ai",
    "ibm.watson.ai": "ibm.watsonx.ai",
    "watsonx": "ibm.watsonx.ai",
    "together": "together_ai",
    "togetherai": "together_ai",
}
# The AI SDK has `openai.responses`, `google.vertex.chat`, ...: the start of the name decides.
_PREFIXES = (
    ("google.vertex", "gcp.vertex_ai"),
    ("google.", "gcp.gemini"),
    ("azure-openai.", "azure.ai.openai"),
    ("openai.", "openai"),
    ("anthropic.", "anthropic"),
    ("mistral.", "mistral_ai"),
    ("groq.", "groq"),
    ("xai.", "x_ai"),
    ("cohere.", "cohere"),
    ("deepseek.", "deepseek"),
    ("perplexity.", "perplexity"),
    ("amazon-bedrock.", "aws.bedrock"),
)
_MODELS = (
    (("gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-", "dall-e", "whisper-"), "openai"),
    (("claude-",), "anthropic"),
    (("gemini-",), "gcp.gemini"),
    (("deepseek-",), "deepseek"),
    (("grok-",), "x_ai"),
    (("mistral-", "codestral-", "ministral-"), "mistral_ai"),
    (("command-",), "cohere"),
)

FRAMEWORKS = frozenset(("strands-agents", "autogen", "ag2", "microsoft.agent_framework"))
"""Names that frameworks give as a provider's: their own."""


def provider_name(value: str) -> str:
    """Return the conventions' name of a provider; a name they do not have is kept in lower case."""
    name = value.strip().lower()
    if name in _NAMES:
        return _NAMES[name]
    if "." not in name:
        return name
    return next((to for prefix, to in _PREFIXES if name.startswith(prefix)), name)


def provider_of_model(model: str) -> str | None:
    """Return the provider of a model, for vocabularies without provider names."""
    return next((to for prefixes, to in _MODELS if model.lower().startswith(prefixes)), None)
