"""What the host that was asked does to token prices: regional hosts of some providers cost more.

Data that `cost.py` uses; `scripts/cost_table.py` writes docs/costs.md from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from pulse_otel.export.pricing.names import spellings


@dataclass(frozen=True, slots=True)
class Region:
    """What servers of a provider do to the token prices of some models; the first match counts.

    `servers` and `models` are patterns, in which `*` stands for any text. `factor` None: not
    known, there is no cost.
    """

    host: str
    servers: tuple[str, ...]
    models: tuple[str, ...]
    factor: float | None
    meaning: str
    source: str


_OPENAI = "https://developers.openai.com/api/docs/guides/data-residency"
_CLAUDE = "https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai"
_VERTEX = "https://cloud.google.com/vertex-ai/generative-ai/pricing"
_XAI = "https://docs.x.ai/developers/advanced-api-usage/regions"
_RESIDENT: Final = ("*.api.openai.com",)
_VERTEX_GLOBAL: Final = ("aiplatform.googleapis.com",)
_VERTEX_REGIONAL: Final = ("*-aiplatform.googleapis.com", "aiplatform.*.rep.googleapis.com")
_ANY: Final = ("*",)
_CLAUDE_BEFORE: Final = (
    *("claude-2*", "claude-3*", "claude-4-sonnet*", "claude-4-opus*", "claude-sonnet-4-0"),
    *("claude-sonnet-4", "claude-sonnet-4-2025*", "claude-sonnet-4@*", "claude-opus-4-0"),
    *("claude-opus-4", "claude-opus-4-2025*", "claude-opus-4@*", "claude-opus-4-1*"),
)
_OPENAI_SINCE: Final = (
    *("gpt-5.[4-9]*", "gpt-5-[4-9]", "gpt-5-[4-9]-*", "gpt-[6-9]*", "gpt-image-2*"),
    *("gpt-realtime-2", "gpt-realtime-2.*"),
)
_OPENAI_BEFORE: Final = (
    *("gpt-3*", "gpt-4*", "chatgpt-4o*", "gpt-5", "gpt-5-*", "gpt-5.[1-3]*", "o[134]", "o[134]-*"),
    *("codex-mini*", "computer-use*", "gpt-audio", "gpt-audio-mini*", "gpt-audio-1.5"),
    *("gpt-realtime", "gpt-realtime-2025*", "gpt-realtime-mini*", "gpt-realtime-1.5"),
    *("gpt-image-1*", "text-embedding-*", "*moderation*", "tts-1*", "whisper-1"),
)
_SINCE = "models released since 5 March 2026, where the project's data reside"

REGIONS: Final = (
    Region("openai", ("api.openai.com",), _ANY, 1.0, "global", _OPENAI),
    Region("openai", _RESIDENT, _OPENAI_SINCE, 1.1, _SINCE, _OPENAI),
    Region("openai", _RESIDENT, _OPENAI_BEFORE, 1.0, "earlier models", _OPENAI),
    Region("openai", _RESIDENT, _ANY, None, "models of unknown date", _OPENAI),
    Region("gcp.vertex_ai", _VERTEX_GLOBAL, _ANY, 1.0, "global", _CLAUDE),
    Region("gcp.vertex_ai", _ANY, _CLAUDE_BEFORE, 1.0, "Claude before Sonnet 4.5", _CLAUDE),
    Region("gcp.vertex_ai", _VERTEX_REGIONAL, ("claude-*",), 1.1, "Claude since 4.5", _CLAUDE),
    Region("gcp.vertex_ai", _ANY, _ANY, None, "not published for this model or host", _VERTEX),
    Region("x_ai", ("api.x.ai",), _ANY, 1.0, "global", _XAI),
    Region("x_ai", ("us.api.x.ai",), _ANY, 1.1, "in the United States", _XAI),
    Region("x_ai", ("*.api.x.ai",), _ANY, None, "not published", _XAI),
)


@lru_cache(maxsize=1024)
def factor_of(provider: str, server: str, model: str) -> float | None:
    """What `server` does to the token prices of `model`; None where that is not known.

    Servers without a row, such as those of gateways, change nothing.
    """
    names = [name.removeprefix("ft:") for name in spellings(provider, model)]
    for region in REGIONS:
        if (
            region.host == provider
            and _any_matches([server], region.servers)
            and _any_matches(names, region.models)
        ):
            return region.factor
    return 1.0


def _any_matches(names: list[str], patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
