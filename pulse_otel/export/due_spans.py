"""Spans on their way to the exporter, so that none is lost or doubled if a signal handler raises.

A handler may run anywhere in the SDK's batch processor: nobody knows then whether the span is in
its queue. A mark on the span tells whether it arrived; a flush hands over those that did not.
"""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.export.exporter import PulseSpanExporter


class DueSpans:
    """Marks the spans that `exporter` is to get; stands behind the processor that queues them."""

    def __init__(self, exporter: PulseSpanExporter) -> None:
        self.key = f"{exporter.project}_due"
        self._exporter = exporter
        self._interrupted: list[ReadableSpan] = []

    def has(self, span: ReadableSpan) -> bool:
        """Return whether `span` is marked."""
        return self.key in vars(span)

    def arrived(self, span: ReadableSpan) -> bool:
        """Remove the mark of `span`; False if it had none any more."""
        return vars(span).pop(self.key, None) is not None

    def interrupted(self, span: ReadableSpan) -> None:
        """Note that `span` may be queued or not."""
        self._interrupted.append(span)

    def force_flush(self, timeout_millis: int = 0, /) -> bool:
        """Hand over what is not queued; called once the batch processor has handed over."""
        while self._interrupted:
            span = self._interrupted.pop()
            if self.has(span):
                self._exporter.export((span,))
        return True
