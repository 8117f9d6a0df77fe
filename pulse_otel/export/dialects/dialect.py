"""A dialect: how its attributes become those of the conventions.

A dialect is data: a crosswalk of attribute keys, and one function for what a table cannot express.
All dialects share the reader that makes the record. `recognition` tells which spans are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from pulse_otel import semconv
from pulse_otel.export.dialects.source import Attributes, Source, first, present

Crosswalk = Mapping[str, tuple[str, ...]]
"""Canonical key <- the dialect's own keys; the first that is present decides."""

# Older names of the conventions, and names that most producers share.
COMMON: Crosswalk = {
    semconv.PROVIDER_NAME: (semconv.SYSTEM,),
    semconv.INPUT_TOKENS: ("gen_ai.usage.prompt_tokens",),
    semconv.OUTPUT_TOKENS: ("gen_ai.usage.completion_tokens",),
    semconv.CACHE_READ_TOKENS: (
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
    ),
    semconv.CACHE_WRITE_TOKENS: (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
    ),
    semconv.REASONING_TOKENS: (
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.thinking_tokens",  # ag2
    ),
    semconv.FINISH_REASONS: ("gen_ai.response.finish_reason",),
    semconv.REQUEST_SEED: ("gen_ai.openai.request.seed",),
    semconv.REQUEST_REASONING_LEVEL: ("gen_ai.request.reasoning_effort",),
    semconv.OPENAI_REQUEST_SERVICE_TIER: ("gen_ai.openai.request.service_tier",),
    semconv.OPENAI_RESPONSE_SERVICE_TIER: ("gen_ai.openai.response.service_tier",),
    semconv.OPENAI_SYSTEM_FINGERPRINT: ("gen_ai.openai.response.system_fingerprint",),
    semconv.CONVERSATION_ID: (semconv.SESSION_ID,),
    semconv.USER_ID: ("enduser.id", "gen_ai.user", "gen_ai.request.user", "llm.user"),
    semconv.TOOL_CALL_ARGUMENTS: (
        "gen_ai.tool.input",
        "gen_ai.tool.args",
        "gen_ai.retrieval.query.text",
        "gen_ai.memory.query.text",
    ),
    semconv.TOOL_CALL_RESULT: (
        "gen_ai.tool.output",
        "gen_ai.retrieval.documents",
        "gen_ai.memory.records",
    ),
    semconv.AGENT_NAME: (semconv.WORKFLOW_NAME,),
}
# Canonical keys of values for which the conventions have no attribute
DOLLARS = "cost in dollars"
ESTIMATED = "usage may be an estimate"
START_NS = "start"  # of the call, if the span starts at another time
UNSAID: Final = object()
"""The value with which `Dialect.read` removes an attribute that the span should not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """One vocabulary of span attributes. Values that `read` finds precede the tables."""

    name: str
    crosswalk: Crosswalk = field(default_factory=dict[str, tuple[str, ...]])
    read: Callable[[Source], Attributes] | None = None
    ignores: Callable[[Source], bool] | None = None  # spans that add nothing to other spans
    used_up: tuple[str, ...] = ()  # prefixes of keys that are not kept as they are
    excludes_cache: bool = False  # its input tokens leave out Anthropic's cached ones

    def canonical(self, source: Source) -> Attributes:
        """Return the span's attributes under the keys of the conventions."""
        merged = dict(source.attributes)
        if not foreign_keys(self).isdisjoint(merged):  # our own spans never have such a key
            merged = _translated(COMMON, source) | merged | _translated(self.crosswalk, source)
        if self.read is None:
            return merged
        merged |= present(**self.read(source))
        return {key: value for key, value in merged.items() if value is not UNSAID}


def _translated(table: Crosswalk, source: Source) -> Attributes:
    return present(**{key: first(source.attributes, *theirs) for key, theirs in table.items()})


@cache
def foreign_keys(dialect: Dialect) -> frozenset[str]:
    """Return the keys on the right side of the tables."""
    tables = (dialect.crosswalk, COMMON)
    return frozenset(k for table in tables for theirs in table.values() for k in theirs)
