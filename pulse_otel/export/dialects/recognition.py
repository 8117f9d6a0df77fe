"""Tells whose vocabulary a span uses, by its scope and the keys of its attributes.

Apart from the dialects, as the thread that ends a span asks this and must not import them.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from functools import lru_cache
from typing import Any, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel import semconv

# A session is put on every span that starts in it, also on those that are no GenAI operations.
_LABELS = frozenset((semconv.CONVERSATION_ID,))


class Signs(NamedTuple):
    """What shows that a span is of a dialect."""

    scopes: tuple[str, ...] = ()  # starts of the names of instrumentation scopes
    markers: Set[str] = frozenset()  # keys of attributes
    prefixes: tuple[str, ...] = ()  # of keys of attributes, as markers

    def mark(self, keys: Collection[str]) -> bool:
        """Return whether the key of an attribute is such a sign."""
        by_prefix = bool(self.prefixes) and any(
            key.startswith(self.prefixes) and key not in _LABELS for key in keys
        )
        return by_prefix or not self.markers.isdisjoint(keys)


# By the dialect's name. The first whose scope fits decides, else the first whose marker does; the
# last one takes all other spans with GenAI attributes.
SIGNS: dict[str, Signs] = {
    "pulse": Signs((semconv.SCOPE_OPENAI, semconv.SCOPE_ANTHROPIC, semconv.SCOPE_UNITS)),
    "anthropic-sdk": Signs(("com.anthropic.sdk",)),
    "openinference": Signs(("openinference.",), {"openinference.span.kind"}),
    "langfuse": Signs(("langfuse-sdk",), {"langfuse.observation.type"}),
    "openllmetry": Signs(
        (
            "opentelemetry.instrumentation.openai.v",
            "opentelemetry.instrumentation.anthropic",
            "traceloop.tracer",
        ),
        {"traceloop.span.kind", "llm.request.type", "gen_ai.prompt.0.role"},
    ),
    "openai-v2": Signs(("opentelemetry.instrumentation.openai_v2", "strands")),
    "pydantic-ai": Signs(("pydantic-ai", "pydantic_ai")),
    "litellm": Signs(("litellm",), {"litellm.call_id", "hidden_params"}),
    "openlit": Signs(("openlit.",)),
    "langsmith": Signs(("langsmith",), {"langsmith.span.kind"}),
    "vercel-ai": Signs(markers={"ai.operationId"}),  # its scope is just "ai"
    "logfire": Signs(("logfire.openai", "logfire.anthropic"), {"logfire.span_type"}),
    "semantic-kernel": Signs(markers={"sk.available_functions"}),
    "genai": Signs(
        ("opentelemetry.instrumentation.genai.", "opentelemetry.util.genai", "gen_ai"),
        prefixes=("gen_ai.",),
    ),
}
_OURS = (semconv.SCOPE_OPENAI, semconv.SCOPE_ANTHROPIC)
_SCOPES = tuple(scope for signs in SIGNS.values() for scope in signs.scopes)
_ANY = Signs(
    markers=frozenset(marker for signs in SIGNS.values() for marker in signs.markers),
    prefixes=tuple(prefix for signs in SIGNS.values() for prefix in signs.prefixes),
)


def is_genai_span(span: ReadableSpan) -> bool:
    """Return whether a dialect may read `span`; False for nearly all of a program's other spans.

    Neither is one that began while the program paused the recording; of ours, none did.
    Runs in the thread that ends the span, so that other spans never wait in the queue.
    """
    scope = span.instrumentation_scope
    name = "" if scope is None else scope.name
    if name in _OURS:
        return True
    attributes: Any = span.attributes
    if attributes and semconv.PULSE_PAUSED in attributes:
        return False
    if _known_scope(name):
        return True
    if not attributes:
        return False
    return _ANY.mark(attributes.copy() if hasattr(attributes, "copy") else attributes)


@lru_cache(maxsize=1024)
def _known_scope(scope: str) -> bool:
    return scope.startswith(_SCOPES)


def name_of(scope: str, keys: Collection[str]) -> str | None:
    """Return the name of a span's dialect, by its scope or else by the `keys` of its attributes."""
    for name, signs in SIGNS.items():
        if signs.scopes and scope.startswith(signs.scopes):
            return name
    return next((name for name, signs in SIGNS.items() if signs.mark(keys)), None)
