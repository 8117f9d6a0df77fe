"""Where answers state what is billed, and under which names: data, each with a public source.

`pulse_otel.instrumentation.openai.bill` and `pulse_otel.instrumentation.anthropic.bill` read
answers by these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pulse_otel import semconv


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the usage in an answer of OpenAI's dialect; the first that is set counts.

    Of the chunks of a stream, the last that has a usage counts: usages are never added up.
    """

    path: tuple[str, ...]
    hosts: str
    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class Count:
    """A field of a usage. Of several fields for an attribute, the first that is set counts.

    `positive`: 0 is as good as absent, as the count may stand under another name.
    """

    path: tuple[str, ...]
    attribute: str
    hosts: str
    source: str
    positive: bool = False


@dataclass(frozen=True, slots=True)
class StatedCost:
    """A cost that a provider states: a number at `path` of the usage, or in a
    header of that name, with `cents` US cents for each unit of it.
    """

    provider: str
    path: tuple[str, ...]
    cents: float
    unit: str
    source: str


_CHAT = "https://platform.openai.com/docs/api-reference/chat/object"
_RESPONSES = "https://platform.openai.com/docs/api-reference/responses/object"
_GROQ = "https://github.com/groq/groq-python/blob/main/src/groq/types/chat/chat_completion_chunk.py"
_KIMI_CHOICE = "https://github.com/northes/go-moonshot/issues/17"
_KIMI_CACHED = "https://github.com/Bike4Mind/bike4mind/pull/1089"
_DEEPSEEK = "https://api-docs.deepseek.com/api/create-chat-completion"
_LITELLM_CACHED = "https://docs.litellm.ai/docs/completion/prompt_caching"
_LITELLM_HEADERS = "https://docs.litellm.ai/docs/proxy/response_headers"
_OPENROUTER = "https://openrouter.ai/docs/use-cases/usage-accounting"
_PERPLEXITY = "https://github.com/api-evangelist/perplexity"
_SONAR = "https://gist.github.com/simonw/ad00a97d2e70918cfbbc94d429af46ca"
_MISTRAL = "https://github.com/mistralai/client-python"
_XAI = "https://docs.x.ai/developers/cost-tracking"
_XAI_USAGE = "https://docs.x.ai/docs/key-information/consumption-and-rate-limits"
_XAI_TOOLS = "https://docs.x.ai/developers/tools/overview"
_XAI_SEARCH = "https://docs.x.ai/docs/guides/live-search"
_GEMINI = "https://discuss.ai.google.dev/t/question-with-usage-in-openai-compatibility/98760"
_OPENAI_CACHING = "https://platform.openai.com/docs/guides/prompt-caching"
_CLAUDE = "https://platform.claude.com/docs/en/about-claude/pricing"
_COMPACTION = "https://platform.claude.com/docs/en/build-with-claude/compaction"
_EVERY = "all"

PLACES: Final = (
    Place(("usage",), _EVERY, "of the call; in a stream cumulative where repeated", _CHAT),
    Place(("x_groq", "usage"), "groq", "the same, in the last chunk of a stream", _GROQ),
    Place(
        ("choices", "usage"), "moonshot_ai", "of the call, where one choice has it", _KIMI_CHOICE
    ),
)

COUNTS: Final = (
    Count(("prompt_tokens",), semconv.INPUT_TOKENS, _EVERY, _CHAT),
    Count(("completion_tokens",), semconv.OUTPUT_TOKENS, _EVERY, _CHAT),
    Count(("input_tokens",), semconv.INPUT_TOKENS, _EVERY, _RESPONSES),
    Count(("output_tokens",), semconv.OUTPUT_TOKENS, _EVERY, _RESPONSES),
    Count(("cached_tokens",), semconv.CACHE_READ_TOKENS, "moonshot_ai", _KIMI_CACHED, True),
    Count(("prompt_cache_hit_tokens",), semconv.CACHE_READ_TOKENS, "deepseek", _DEEPSEEK, True),
    Count(
        ("cache_read_input_tokens",), semconv.CACHE_READ_TOKENS, "litellm", _LITELLM_CACHED, True
    ),
    Count(
        ("cache_creation_input_tokens",),
        semconv.CACHE_WRITE_TOKENS,
        "litellm",
        _LITELLM_CACHED,
        True,
    ),
    Count(("reasoning_tokens",), semconv.REASONING_TOKENS, "perplexity", _SONAR, True),
    Count(("citation_tokens",), semconv.PULSE_CITATION_TOKENS, "perplexity", _SONAR, True),
    Count(("prompt_audio_seconds",), semconv.PULSE_AUDIO_SECONDS, "mistral_ai", _MISTRAL, True),
    Count(("prompt_tokens_details", "cached_tokens"), semconv.CACHE_READ_TOKENS, _EVERY, _CHAT),
    Count(
        ("prompt_tokens_details", "cache_write_tokens"), semconv.CACHE_WRITE_TOKENS, _EVERY, _CHAT
    ),
    Count(
        ("prompt_tokens_details", "audio_tokens"), semconv.INPUT_AUDIO_TOKENS, _EVERY, _CHAT, True
    ),
    Count(
        ("prompt_tokens_details", "image_tokens"), semconv.INPUT_IMAGE_TOKENS, _EVERY, _CHAT, True
    ),
    Count(
        ("completion_tokens_details", "reasoning_tokens"), semconv.REASONING_TOKENS, _EVERY, _CHAT
    ),
    Count(
        ("completion_tokens_details", "audio_tokens"),
        semconv.OUTPUT_AUDIO_TOKENS,
        _EVERY,
        _CHAT,
        True,
    ),
    Count(("input_tokens_details", "cached_tokens"), semconv.CACHE_READ_TOKENS, _EVERY, _RESPONSES),
    Count(
        ("input_tokens_details", "cache_read_input_tokens"),
        semconv.CACHE_READ_TOKENS,
        "perplexity",
        _PERPLEXITY,
    ),
    Count(
        ("input_tokens_details", "cache_write_tokens"),
        semconv.CACHE_WRITE_TOKENS,
        _EVERY,
        _RESPONSES,
    ),
    Count(
        ("input_tokens_details", "cache_creation_input_tokens"),
        semconv.CACHE_WRITE_TOKENS,
        "perplexity",
        _PERPLEXITY,
    ),
    Count(
        ("output_tokens_details", "reasoning_tokens"), semconv.REASONING_TOKENS, _EVERY, _RESPONSES
    ),
)

TOTAL: Final = "total_tokens"
# Hosts that generate tokens which the total has and the completion has not -> source: xAI counts
# reasoning beside the completion, and Gemini states it in the total alone. Elsewhere, the rest of
# a total is output if it is what the usage states as reasoning.
GENERATES_REST: Final = {"x_ai": _XAI_USAGE, "gcp.gemini": _GEMINI, "gcp.vertex_ai": _GEMINI}
# Hosts whose reasoning and citations are outside of the total, and have prices of their own.
WITHOUT_SUM_TEST: Final = {"perplexity": _SONAR}
REST_IS_REASONING_SOURCE: Final = "https://github.com/router-for-me/CLIProxyAPI/issues/5733"
# What else explains the rest of a total: an attribute, and its source.
REST_IS_AUDIO: Final = (semconv.PULSE_AUDIO_SECONDS, _MISTRAL)  # billed by the second
REST_IS_CACHE: Final = (
    (semconv.CACHE_READ_TOKENS, semconv.CACHE_WRITE_TOKENS),  # then the prompt leaves them out
    "https://github.com/Portkey-AI/gateway/issues/1564",
)

# Fields of a usage that count uses of the host's own tools -> the tool, source.
USES: Final = {
    "num_sources_used": ("live_search", _XAI_SEARCH),
    "num_server_side_tools_used": ("server_side_tools", _XAI_TOOLS),
}

# Hosts that execute tools themselves in chat completions, and bill them apart -> source.
EXECUTES_TOOLS: Final = {"groq": "https://console.groq.com/docs/tool-use/built-in-tools"}

# Cache writes for which no price is published; with some, the tokens have no price.
UNPRICED_WRITES_SOURCE: Final = _OPENAI_CACHING
UNPRICED_WRITES: Final = ("input_tokens_details", "cache_write_tokens_details", "ttl_12h_tokens")

# Of gateways with host names of their own, the SDK names the provider after its dialect. Neither
# OpenAI nor Anthropic states a cost; OpenRouter and LiteLLM, which gateways follow, mean dollars.
STATED_COSTS: Final = (
    StatedCost("openrouter", ("cost",), 100, "credits: US dollars", _OPENROUTER),
    StatedCost("litellm", ("cost",), 100, "US dollars", _LITELLM_HEADERS),
    StatedCost("openai", ("cost",), 100, "US dollars, of a gateway", _OPENROUTER),
    StatedCost("anthropic", ("cost",), 100, "US dollars, of a gateway", _OPENROUTER),
    StatedCost("x_ai", ("cost_in_usd_ticks",), 1e-8, "10^-10 US dollars", _XAI),
    StatedCost("perplexity", ("cost", "total_cost"), 100, "US dollars", _PERPLEXITY),
)

# A header of whole answers; before a stream, its cost is not known yet.
STATED_COST_HEADERS: Final = tuple(
    StatedCost(provider, ("x-litellm-response-cost",), 100, unit, _LITELLM_HEADERS)
    for provider, unit in (
        ("litellm", "US dollars, decimal text"),
        ("openai", "US dollars, decimal text, of a gateway"),
        ("anthropic", "US dollars, decimal text, of a gateway"),
    )
)

# Hosts of the services themselves, whose answers have no such header -> source.
WITHOUT_COST_HEADER: Final = {"api.openai.com": _CHAT, "api.anthropic.com": _CLAUDE}

# With the user's own key at the upstream, the stated cost is OpenRouter's fee alone.
OWN_KEY_SOURCE: Final = _OPENROUTER
OWN_KEY: Final = "is_byok"
UPSTREAM_COST: Final = ("cost_details", "upstream_inference_cost")

# Anthropic's API: `input_tokens` leaves out the cache. A field of the usage, its attribute, source.
MESSAGE_COUNTS: Final = (
    Count(("output_tokens",), semconv.OUTPUT_TOKENS, "anthropic", _CLAUDE),
    Count(("cache_read_input_tokens",), semconv.CACHE_READ_TOKENS, "anthropic", _CLAUDE),
    Count(("cache_creation_input_tokens",), semconv.CACHE_WRITE_TOKENS, "anthropic", _CLAUDE),
    Count(
        ("cache_creation", "ephemeral_1h_input_tokens"),
        semconv.PULSE_CACHE_WRITE_1H_TOKENS,
        "anthropic",
        _CLAUDE,
        True,
    ),
)
ITERATIONS_SOURCE: Final = _COMPACTION
