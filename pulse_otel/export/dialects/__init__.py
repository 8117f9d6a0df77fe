"""Span -> Record, one file per vocabulary of span attributes.

The scope of a span tells its dialect; if the scope is unknown, marker attributes do, in this order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.export.dialects.anthropic_sdk import ANTHROPIC_SDK
from pulse_otel.export.dialects.dialect import Dialect
from pulse_otel.export.dialects.genai import GENAI, OPENAI_V2, OURS
from pulse_otel.export.dialects.langfuse import LANGFUSE
from pulse_otel.export.dialects.langsmith import LANGSMITH
from pulse_otel.export.dialects.litellm import LITELLM
from pulse_otel.export.dialects.logfire import LOGFIRE
from pulse_otel.export.dialects.openinference import OPENINFERENCE
from pulse_otel.export.dialects.openlit import OPENLIT
from pulse_otel.export.dialects.openllmetry import OPENLLMETRY
from pulse_otel.export.dialects.pydantic_ai import PYDANTIC_AI
from pulse_otel.export.dialects.reader import record_of
from pulse_otel.export.dialects.source import Source
from pulse_otel.export.dialects.vercel import VERCEL
from pulse_otel.export.records.record import Record

__all__ = ["DIALECTS", "is_genai_span", "read"]

# The last one reads all other spans with GenAI attributes.
DIALECTS: tuple[Dialect, ...] = (
    OURS,
    ANTHROPIC_SDK,
    OPENINFERENCE,
    LANGFUSE,
    OPENLLMETRY,
    OPENAI_V2,
    PYDANTIC_AI,
    LITELLM,
    OPENLIT,
    LANGSMITH,
    VERCEL,
    LOGFIRE,
    GENAI,
)
_SCOPES = tuple(scope for dialect in DIALECTS for scope in dialect.scopes)
_ANY = Dialect(
    name="any",
    markers=frozenset(marker for dialect in DIALECTS for marker in dialect.markers),
    prefixes=tuple(prefix for dialect in DIALECTS for prefix in dialect.prefixes),
)


def is_genai_span(span: ReadableSpan) -> bool:
    """Return whether a dialect may read `span`; False for nearly all of a program's other spans.

    Runs in the thread that ends the span, so that other spans never wait in the queue.
    """
    scope = span.instrumentation_scope
    if scope is not None and _known_scope(scope.name):
        return True
    attributes: Any = span.attributes
    if not attributes:
        return False
    return _ANY.marks(attributes.copy() if hasattr(attributes, "copy") else attributes)


@lru_cache(maxsize=1024)
def _known_scope(scope: str) -> bool:
    return scope.startswith(_SCOPES)


def read(span: ReadableSpan) -> Record | None:
    """Return the record of `span`; None for a span that is not a GenAI operation."""
    source = Source(span)
    dialect = _dialect_of(source)
    return record_of(source, dialect) if dialect else None


def _dialect_of(source: Source) -> Dialect | None:
    """Return the dialect of a span, by its scope or else by its attributes."""
    for dialect in DIALECTS:
        if dialect.scopes and source.scope.startswith(dialect.scopes):
            return dialect
    return next((dialect for dialect in DIALECTS if dialect.marks(source.attributes)), None)
