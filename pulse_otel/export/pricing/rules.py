"""How providers bill beyond a price per token: data that `cost.py` uses.

`scripts/cost_table.py` writes docs/costs.md from them. Each names its public source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Tier:
    """What a service tier does to token prices, where the model has no row for it in the table.

    `factor` None: without such a row there is no cost.
    """

    host: str
    name: str
    factor: float | None
    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class Tool:
    """What a provider's own tool costs per use: a unit of the price table.

    `unit` None: its price cannot be derived from the answer, and the call has no cost.
    """

    host: str
    name: str
    unit: str | None
    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class Place:
    """What the place of inference does to token prices."""

    host: str
    name: str
    factor: float
    source: str


@dataclass(frozen=True, slots=True)
class Publisher:
    """Prefixes that may stand before a model's name where `host` means its own models."""

    host: str
    prefixes: tuple[str, ...]
    source: str


FREE: Final = "free"

# Tiers that mean the listed price everywhere; `auto` and `standard_only` are what was asked for.
STANDARD: Final = frozenset(("", "auto", "default", "standard", "standard_only"))

_GROQ_FLEX = "https://console.groq.com/docs/flex-processing"
_GROQ_TOOLS = "https://console.groq.com/docs/tool-use/built-in-tools"
_XAI_TOOLS = "https://docs.x.ai/developers/tools/overview"
_AZURE = "https://learn.microsoft.com/azure/foundry/openai/"
_BEDROCK = "https://aws.amazon.com/bedrock/service-tiers"
_GEMINI = "https://ai.google.dev/gemini-api/docs/optimization"
_ANTHROPIC_TIERS = "https://platform.claude.com/docs/en/api/service-tiers"
_OPENAI_PRICES = "https://developers.openai.com/api/docs/pricing"
_CLAUDE_PRICES = "https://platform.claude.com/docs/en/about-claude/pricing"

TIERS: Final = (
    Tier(
        "openai",
        "flex",
        None,
        "priced like a batch, for the models that have it",
        "https://developers.openai.com/api/docs/guides/flex-processing",
    ),
    Tier("openai", "batch", None, "half, for most models", _OPENAI_PRICES),
    Tier(
        "openai",
        "priority",
        None,
        "a price of its own per model",
        "https://openai.com/api-priority-processing",
    ),
    Tier("openai", "fast", None, "another name of priority", _OPENAI_PRICES),
    Tier(
        "azure.ai.openai",
        "flex",
        0.5,
        "half of standard",
        _AZURE + "how-to/flex-processing",
    ),
    Tier(
        "azure.ai.openai",
        "priority",
        None,
        "a premium that is not published",
        _AZURE + "concepts/priority-processing",
    ),
    Tier("aws.bedrock", "flex", None, "a discount that is not published", _BEDROCK),
    Tier("aws.bedrock", "priority", None, "a premium that is not published", _BEDROCK),
    Tier("aws.bedrock", "reserved", None, "paid by the month", _BEDROCK),
    Tier("gcp.gemini", "flex", 0.5, "half of standard", _GEMINI),
    Tier("gcp.gemini", "batch", 0.5, "half of standard", _GEMINI),
    Tier("gcp.gemini", "priority", None, "75 to 100 % more, by model", _GEMINI),
    Tier(
        "groq",
        "on_demand",
        1.0,
        "the ordinary tier",
        "https://console.groq.com/docs/service-tiers",
    ),
    Tier("groq", "flex", 1.0, "other limits, the same price", _GROQ_FLEX),
    Tier(
        "groq",
        "performance",
        None,
        "provisioned, not paid by the token",
        "https://console.groq.com/docs/performance-tier",
    ),
    Tier(
        "x_ai",
        "priority",
        None,
        "a premium, which the stated cost includes",
        "https://docs.x.ai/developers/advanced-api-usage/priority-processing",
    ),
    Tier("anthropic", "batch", 0.5, "half of all token prices", _ANTHROPIC_TIERS),
    Tier("anthropic", "priority", None, "a commitment paid in advance", _ANTHROPIC_TIERS),
    Tier(
        "fireworks",
        "priority",
        None,
        "a premium on some models",
        "https://docs.fireworks.ai/serverless/serverless-modes",
    ),
)

# Tiers whose prices do not hold beyond the first step of the standard ones -> source.
WITHOUT_LONG_PROMPTS: Final = dict.fromkeys(
    ("priority", "fast"), "https://openai.com/api-priority-processing"
)

TOOLS: Final = (
    Tool(
        "anthropic",
        "web_search",
        "web_searches",
        "per search; one that fails is not billed",
        _CLAUDE_PRICES,
    ),
    Tool("anthropic", "web_fetch", FREE, "its tokens only", _CLAUDE_PRICES),
    Tool("anthropic", "code_execution", None, "by the time of its container", _CLAUDE_PRICES),
    Tool("openai", "web_search", "web_searches", "per search", _OPENAI_PRICES),
    Tool(
        "openai",
        "web_search_preview",
        None,
        "a price that depends on whether the model reasons",
        _OPENAI_PRICES,
    ),
    Tool("openai", "file_search", "storage_searches", "per search", _OPENAI_PRICES),
    Tool(
        "openai",
        "code_interpreter",
        None,
        "by container, which several calls share",
        _OPENAI_PRICES,
    ),
    Tool("openai", "shell", None, "by container, where OpenAI hosts it", _OPENAI_PRICES),
    Tool(
        "x_ai",
        "live_search",
        None,
        "by sources; the stated cost includes them",
        "https://docs.x.ai/docs/guides/live-search",
    ),
    Tool("x_ai", "server_side_tools", None, "the stated cost includes them", _XAI_TOOLS),
    Tool("groq", "browser_search", None, "by prices that are not listed", _GROQ_TOOLS),
    Tool("groq", "code_interpreter", None, "by prices that are not listed", _GROQ_TOOLS),
)

PLACES: Final = (
    Place("anthropic", "global", 1.0, _ANTHROPIC_TIERS),
    Place("anthropic", "not_available", 1.0, _ANTHROPIC_TIERS),  # older models have no choice
    Place("anthropic", "us", 1.1, _ANTHROPIC_TIERS),
)


# Groq, OpenRouter, Together and Fireworks are not here: their own names of models have a publisher.
_VERTEX = "https://cloud.google.com/vertex-ai/generative-ai/docs/start/openai"
_GATEWAYS = "https://docs.litellm.ai/docs/providers"
PUBLISHERS: Final = (
    Publisher("gcp.gemini", ("models/", "google/"), "https://ai.google.dev/gemini-api/docs/openai"),
    Publisher(
        "gcp.vertex_ai",
        (
            "publishers/google/models/",
            "publishers/anthropic/models/",
            "google/",
            "anthropic/",
            "models/",
        ),
        _VERTEX,
    ),
    Publisher("anthropic", ("anthropic/",), _GATEWAYS),
    Publisher("cohere", ("cohere/",), _GATEWAYS),
    Publisher("deepseek", ("deepseek/", "deepseek-ai/"), _GATEWAYS),
    Publisher("mistral_ai", ("mistral/", "mistralai/"), _GATEWAYS),
    Publisher("moonshot_ai", ("moonshot/", "moonshotai/"), _GATEWAYS),
    Publisher("openai", ("openai/",), _GATEWAYS),
    Publisher("perplexity", ("perplexity/",), _GATEWAYS),
    Publisher("x_ai", ("xai/", "x-ai/"), _GATEWAYS),
)

# Host -> what the table has at the end of its models' names, and the host's newer endpoint not:
# `openai.gpt-oss-120b` (mantle) is `openai.gpt-oss-120b-1:0` (runtime).
ENDINGS: Final[Mapping[str, str]] = {"aws.bedrock": "-1:0"}
ENDINGS_SOURCE: Final = (
    "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html"
)

# Hosts where the model asked for is the name of a deployment, whatever model it runs -> source.
DEPLOYMENTS: Final = {"azure.ai.openai": _AZURE + "how-to/switching-endpoints"}

# Hosts where each request has a fee that varies with what was asked -> source.
FEE_IN_STATED_COST_ONLY: Final = {"perplexity": "https://docs.perplexity.ai/guides/pricing"}

# Hosts whose prices of audio tokens are never those of text -> source.
AUDIO_APART: Final = dict.fromkeys(("openai", "azure.ai.openai"), _OPENAI_PRICES)

# What is in the names of models that search in every call, for a fee that the table lacks.
SEARCH_MODELS: Final = ("-search-preview", "-search-api")
SEARCH_MODELS_SOURCE: Final = (
    "https://community.openai.com/t/help-me-understand-the-web-tool-cost/1369991"
)

# Counts that do not tell text from a kind of tokens with a price of its own: host, field, source.
UNSPLIT: Final = (
    (
        "gcp.gemini",
        "a prompt with `input_audio`, no `audio_tokens`",
        "https://ai.google.dev/gemini-api/docs/pricing",
    ),
    (
        "openai",
        "`usage.output_tokens` of images, no `output_tokens_details`",
        _OPENAI_PRICES,
    ),
)

# Host -> seconds of audio that a request costs at least.
MINIMUM_SECONDS: Final[Mapping[str, float]] = {"groq": 10}
MINIMUM_SECONDS_SOURCE: Final = "https://console.groq.com/docs/speech-to-text"

# Hosts with peak hours on weekdays, which the table has -> source.
PEAK_HOURS: Final = {"deepseek": "https://api-docs.deepseek.com/quick_start/pricing"}
