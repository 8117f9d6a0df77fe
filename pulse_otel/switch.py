"""What we attach to a TracerProvider: a switch, since no processor can be taken off again."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from pulse_otel.export.processor import PulseSpanProcessor
from pulse_otel.export.records.started_spans import STARTED
from pulse_otel.guard import guarded
from pulse_otel.span_starts import SpanObservers
from pulse_otel.unsampled import as_sampled

_FLUSH_MS = 5000  # a provider's flush waits for other exporters, too


class SwitchableProcessor(SpanObservers, SpanProcessor):
    """The processor on a provider, also for those that observe it; what it leads to can change.

    It leads to a processor that was stopped until there is another: that one counts what it
    cannot send any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.target: PulseSpanProcessor | None = None
        self.started.append(STARTED.started)

    def on_end(self, span: ReadableSpan) -> None:
        if self.target is not None:
            self.target.on_end(span)
        SpanObservers.on_end(self, span)

    def shutdown(self) -> None:
        """The user's provider shuts down: everything is flushed, within 5 s."""
        if self.target is not None:
            guarded(self.target.shutdown)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        target = self.target
        if target is None:
            return True
        return guarded(target.force_flush, min(timeout_millis, _FLUSH_MS)) is True


class OwnSwitch(SwitchableProcessor):
    """The one on providers of our own, which exist for Pulse: every span counts as sampled."""

    def on_end(self, span: ReadableSpan) -> None:
        SwitchableProcessor.on_end(self, as_sampled(span))
