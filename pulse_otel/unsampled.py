"""Records every span of a pipeline that leads to Pulse alone, whatever other tracing samples.

``OTEL_TRACES_SAMPLER`` and the flag of an incoming `traceparent` speak of the program's other
tracing. What they leave out is recorded, but not marked as sampled (OpenTelemetry's RECORD_ONLY):
the `traceparent` that the program sends on says what it would say without Pulse. OpenTelemetry's
processors pass over such spans, so they get a copy that is marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.util.types import Attributes

from pulse_otel.export.exporter import PulseSpanExporter
from pulse_otel.guard import guarded


class RecordEverything(Sampler):
    """Records what `other` leaves out, without marking it as sampled."""

    records_everything = True  # read before a span starts

    def __init__(self, other: Sampler) -> None:
        self._other = other

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide as `other` does, with RECORD_ONLY in place of DROP.

        The SDK gives a span those attributes alone that the sampler returns. They are added to the
        span's, as OpenTelemetry specifies, so that a sampler takes none away.
        """
        if self._other is DEFAULT_ON and parent_context is not None and not parent_context:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)  # of most calls
        result: Any = self._other.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        decision: Decision = result.decision
        added: Mapping[str, Any] = result.attributes or {}
        if decision is Decision.DROP:
            decision = Decision.RECORD_ONLY
        elif not attributes or attributes.keys() <= added.keys():  # those of the SDK return all
            unchanged: SamplingResult = result
            return unchanged
        return SamplingResult(decision, {**(attributes or {}), **added}, result.trace_state)

    def get_description(self) -> str:
        """Return a name that includes the other sampler's."""
        return f"RecordEverything({self._other.get_description()})"


def is_sampled(span: ReadableSpan) -> bool:
    """Return whether `span` is marked as sampled."""
    context = span.get_span_context()
    return context is not None and context.trace_flags.sampled


def as_sampled(span: ReadableSpan) -> ReadableSpan:
    """Return `span`, or a copy that is marked as sampled if `span` is not."""
    context = span.get_span_context()
    if context is None or context.trace_flags & TraceFlags.SAMPLED:
        return span
    return ReadableSpan(
        name=span.name,
        context=SpanContext(
            context.trace_id,
            context.span_id,
            context.is_remote,
            TraceFlags(context.trace_flags | TraceFlags.SAMPLED),
            context.trace_state,
        ),
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


class UnsampledSpans(SpanProcessor):
    """Takes the spans over which the batch processor before `exporter` passes, and only those."""

    def __init__(self, exporter: PulseSpanExporter) -> None:
        self._exporter = exporter
        self._batch = BatchSpanProcessor(exporter)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing is needed of a span that starts."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a marked copy of `span`, unless another exporter sends it to the same project."""
        if not is_sampled(span) and guarded(self._exporter.takes, span):
            self._batch.on_end(as_sampled(span))

    def shutdown(self) -> None:
        """Flush and stop the exporter."""
        self._batch.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Hand over what waits."""
        return self._batch.force_flush(timeout_millis)
