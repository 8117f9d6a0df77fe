"""Whose vocabulary a span speaks.

Apart from the dialects: the thread that ends a span asks this, and must not import all of them.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel import semconv


class Signs(NamedTuple):
    """How the spans of one dialect are known."""

    scopes: tuple[str, ...] = ()  # a scope name that starts so is spoken for
    markers: tuple[str, ...] = ()  # else: an attribute of this key; or of this prefix, if "a.b."


# By the dialect's name. The first that fits decides: the last one takes whatever else carries
# GenAI attributes.
SIGNS: dict[str, Signs] = {
    "pulse": Signs(scopes=(semconv.SCOPE_OPENAI, semconv.SCOPE_ANTHROPIC)),
    "anthropic-sdk": Signs(scopes=("com.anthropic.sdk",)),
    "openinference": Signs(("openinference.",), ("openinference.span.kind",)),
    "langfuse": Signs(("langfuse-sdk",), ("langfuse.observation.type",)),
    "openllmetry": Signs(
        (
            "opentelemetry.instrumentation.openai.v",
            "opentelemetry.instrumentation.anthropic",
            "traceloop.tracer",
        ),
        ("traceloop.span.kind", "llm.request.type", "gen_ai.prompt.0.role"),
    ),
    "openai-v2": Signs(scopes=("opentelemetry.instrumentation.openai_v2", "strands")),
    "pydantic-ai": Signs(scopes=("pydantic-ai", "pydantic_ai")),
    "litellm": Signs(("litellm",), ("litellm.call_id", "hidden_params")),
    "openlit": Signs(scopes=("openlit.",)),
    "langsmith": Signs(("langsmith",), ("langsmith.span.kind",)),
    "vercel-ai": Signs(markers=("ai.operationId",)),  # its scope is just "ai"
    "logfire": Signs(("logfire.openai", "logfire.anthropic"), ("logfire.span_type",)),
    "genai": Signs(
        ("opentelemetry.instrumentation.genai.", "opentelemetry.util.genai", "gen_ai"),
        ("gen_ai.",),
    ),
}
_SCOPES = tuple(scope for signs in SIGNS.values() for scope in signs.scopes)
_MARKERS = frozenset(marker for signs in SIGNS.values() for marker in signs.markers)
_PREFIXES = tuple(marker for marker in _MARKERS if marker.endswith("."))


def is_genai_span(span: ReadableSpan) -> bool:
    """Whether some dialect may read `span`; False for nearly all of a program's other spans.

    Runs in the thread that ends the span, so that those others never wait in our queue.
    """
    scope = span.instrumentation_scope
    if scope is not None and _spoken_for(scope.name):
        return True
    attributes: Any = span.attributes
    if not attributes:
        return False
    keys = attributes.copy() if hasattr(attributes, "copy") else attributes
    return not _MARKERS.isdisjoint(keys) or any(key.startswith(_PREFIXES) for key in keys)


@lru_cache(maxsize=1024)
def _spoken_for(scope: str) -> bool:
    return scope.startswith(_SCOPES)


def name_of(scope: str, keys: Collection[str]) -> str | None:
    """The name of the dialect of a span, by its scope, else by the `keys` of its attributes."""
    for name, signs in SIGNS.items():
        if signs.scopes and scope.startswith(signs.scopes):
            return name
    return next((name for name, signs in SIGNS.items() if _marked(signs.markers, keys)), None)


def _marked(markers: tuple[str, ...], keys: Collection[str]) -> bool:
    for marker in markers:
        if marker in keys:
            return True
        if marker.endswith(".") and any(key.startswith(marker) for key in keys):
            return True
    return False
