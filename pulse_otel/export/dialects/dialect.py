"""What a dialect is: how its words are turned into the conventions'.

A dialect is data: a crosswalk of attribute keys, and, for what a table cannot say, one function.
All dialects share the reader that makes the record. `recognition` says which spans are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pulse_otel import semconv
from pulse_otel.export.dialects.source import Attributes, Source

Crosswalk = Mapping[str, tuple[str, ...]]
"""Canonical key <- the dialect's own keys, the first present wins."""

# Older names of the conventions, and what most producers have taken over from each other.
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
        semconv.PULSE_COUNTED_TOKENS,
    ),
    semconv.AGENT_NAME: (semconv.WORKFLOW_NAME,),
}
# Canonical keys of what the conventions have no attribute for
DOLLARS = "cost in dollars"
START_NS = "start"  # where the span does not start when the call did
UNSAID: Final = object()
"""The value with which `Dialect.read` takes an attribute back that the span should not have."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One vocabulary of span attributes."""

    name: str
    crosswalk: Crosswalk = field(default_factory=dict[str, tuple[str, ...]])
    read: Callable[[Source], Attributes] | None = None  # what it finds goes before the tables
    ignores: Callable[[Source], bool] | None = None  # spans that say nothing of their own
    used_up: tuple[str, ...] = ()  # prefixes of keys that are not worth keeping as they are
    excludes_cache: bool = False  # its input tokens leave Anthropic's cached ones out

    def canonical(self, source: Source) -> Attributes:
        """The span in the conventions' words."""
        merged: Attributes = dict(source.attributes)
        read = self.read(source) if self.read else {}
        found = {key: value for key, value in read.items() if value is not None}
        for key, theirs in self.crosswalk.items():
            if key not in found:
                _take(source, key, theirs, found)
        for key, theirs in COMMON.items():
            if key not in found and key not in merged:
                _take(source, key, theirs, found)
        merged.update(found)
        return {key: value for key, value in merged.items() if value is not UNSAID}

    def takes(self, key: str) -> bool:
        """Whether the tables read the attribute, so that it is not kept as it is."""
        return key in _sources(self) or (bool(self.used_up) and key.startswith(self.used_up))


def _take(source: Source, key: str, theirs: tuple[str, ...], found: Attributes) -> None:
    for name in theirs:
        value = source.attributes.get(name)
        if value is not None:
            found[key] = value
            return


_FOREIGN: dict[str, frozenset[str]] = {}


def _sources(dialect: Dialect) -> frozenset[str]:
    """The keys on the right side of the tables, made once for each dialect."""
    known = _FOREIGN.get(dialect.name)
    if known is None:
        tables = (dialect.crosswalk, COMMON)
        known = frozenset(k for table in tables for theirs in table.values() for k in theirs)
        _FOREIGN[dialect.name] = known
    return known
