"""All dialects, by their names."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id

from pulse_otel import semconv
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
from pulse_otel.export.dialects.recognition import name_of
from pulse_otel.export.dialects.semantic_kernel import SEMANTIC_KERNEL
from pulse_otel.export.dialects.source import Source
from pulse_otel.export.dialects.vercel import VERCEL
from pulse_otel.export.records.record import Record

_ALL = (
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
    SEMANTIC_KERNEL,
    GENAI,
)
DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _ALL}


def read(span: ReadableSpan) -> Record | None:
    """Return the record of `span`; None for a span that is not a GenAI operation."""
    source = Source(span)
    name = name_of(source.scope, source.attributes.keys())
    return record_of(source, DIALECTS[name]) if name else None


def degraded(span: ReadableSpan) -> Record | None:
    """Return what is known of a span that cannot be read: its time and its place in the trace."""
    context, parent = span.get_span_context(), span.parent
    if context is None:
        return None
    start_ns = int(span.start_time or span.end_time or 0)
    return Record(
        kind="llm_call",
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_span_id=format_span_id(parent.span_id) if parent else None,
        start_ns=start_ns,
        end_ns=max(start_ns, int(span.end_time or 0)),
        name=str(span.name)[:256],
        attributes={semconv.PULSE_TRUNCATED: True},
    )
