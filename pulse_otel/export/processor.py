"""The processor of `init_pulse`: what it counts and bounds is queued by the SDK's batch processor.

The SDK's processor drops what it has no room for without a count, queues every library's spans,
and may hang where a signal handler interrupts it. So this one stands before it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.version import __version__ as sdk_version
from opentelemetry.trace import TraceFlags

from pulse_otel.export.accounts.span_ends import DropReason
from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.export.delivery.queue import MAX_QUEUED_BYTES
from pulse_otel.export.delivery.span_size import SPAN_BYTES, UNKNOWN_BYTES, size_of
from pulse_otel.export.due_spans import DueSpans
from pulse_otel.export.exporter import PulseSpanExporter
from pulse_otel.export.records.duplicates.same_span import release
from pulse_otel.export.span_watch import is_for_pulse
from pulse_otel.guard import guarded
from pulse_otel.process.exit_time import exit_s
from pulse_otel.process.flush import in_a_thread, in_delivery_thread
from pulse_otel.process.forks import reset_in_children

MAX_BYTES = 16 << 20
"""So many bytes may always wait in the batch processor: more, while all that waits has room."""

QUEUE_SIZE = 2 * MAX_QUEUED_BYTES // SPAN_BYTES
"""For the batch processor, which drops uncounted what is more: never reached, as bytes decide."""

_JOIN_S = 0.25
# Before 1.45, the SDK's batch processor prints a TypeError at each fork after it was collected.
_kept: list[BatchSpanProcessor] = []
_KEEP = tuple(map(int, sdk_version.split(".")[:2])) < (1, 45)


class PulseSpanProcessor(SpanProcessor):
    """Hands sampled GenAI spans to `batch`, which feeds `exporter`; counts every span that ends.

    `batch` is None where its thread could not be started: then spans go to the exporter at once.
    """

    def __init__(self, exporter: PulseSpanExporter, batch: BatchSpanProcessor | None) -> None:
        self._exporter = exporter
        self._batch = batch
        self._successor: PulseSpanProcessor | None = None
        if batch is not None and _KEEP:
            _kept.append(batch)
        self._due = DueSpans(exporter)
        self.reset_after_fork()
        exporter.fed_by(self, (self._due,) if batch is None else (batch, self._due))
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """In a child: its counts begin at the fork, as those of the batch processor do."""
        self._lock = threading.RLock()  # a signal handler or a finalizer may end spans meanwhile
        self._handed_on = self._handed_on_bytes = 0
        self._received_bytes = 0  # by the exporter, when that was last asked
        self._not_genai = self._overflow = self._not_sampled = 0
        self._closed = False  # nothing waits in the batch processor any more
        self._inside: set[int] = set()  # threads that are inside the batch processor

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing is needed of a span that starts."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue `span` if it is for Pulse. No I/O; raises only what a signal handler raises."""
        queue: Callable[[ReadableSpan], None] | None = None
        try:
            queue = guarded(self._counted_for, span)
        except BaseException:  # a signal handler's: the span is counted and queued all the same
            queue = guarded(self._counted_again, span)
            raise
        finally:
            if queue is not None:
                try:
                    guarded(queue, span)
                except BaseException:  # `force_flush` of `due` sees whether it is queued
                    self._due.interrupted(span)
                    raise

    def _counted_for(self, span: ReadableSpan) -> Callable[[ReadableSpan], None] | None:
        """Count `span`; return what queues it, or None if nothing is to."""
        if self._successor is not None:
            self._successor.on_end(span)
            return None
        context = span.get_span_context()
        if context is None or not self._exporter.takes(span):
            return None
        if not is_for_pulse(span):
            with self._lock:
                self._not_genai += 1
            return None
        if not context.trace_flags & TraceFlags.SAMPLED:
            self.not_sampled()
            return None
        return self._queue() if self._has_room(span) else None

    def _counted_again(self, span: ReadableSpan) -> Callable[[ReadableSpan], None] | None:
        """Count `span` unless it was; return what queues it."""
        return self._queue() if self._due.has(span) else self._counted_for(span)

    def not_sampled(self) -> None:
        """Count a call that the sampler of the program's provider leaves out."""
        if self._successor is not None:
            self._successor.not_sampled()
            return
        with self._lock:
            self._not_sampled += 1

    def _has_room(self, span: ReadableSpan) -> bool:
        """Count `span`; False if there is no room for it."""
        size = guarded(size_of, span, otherwise=UNKNOWN_BYTES)
        received, queued = self._received_bytes, 0
        if self._handed_on_bytes - received > MAX_BYTES:  # as far as is known: it may be more
            received, queued = self._exporter.bytes_received_and_queued
            self._received_bytes = received
        marks, key = span.__dict__, self._due.key
        with self._lock:
            waiting = self._handed_on_bytes - received
            if waiting > MAX_BYTES and waiting + queued > MAX_QUEUED_BYTES:
                self._overflow += 1
                return False
            # No function is called from here on, so that no signal handler runs in between.
            marks[key] = True
            self._handed_on += 1
            self._handed_on_bytes += size
            return True

    def _queue(self) -> Callable[[ReadableSpan], None]:
        """Choose what queues a span.

        Past the batch processor if somebody waits for the span, or if it must not be entered.

        The SDK's `emit` sets an event, whose lock cannot be taken twice. A signal handler that
        ends a span while its own thread is in there would wait for itself; so would the garbage
        collector that ends one in the SDK's own thread, while that waits for the event.
        """
        past = (
            self._batch is None
            or self._exporter.at_once
            or threading.get_ident() in self._inside
            or in_delivery_thread()
        )
        return self._past_batch if past else self._into_batch

    def _past_batch(self, span: ReadableSpan) -> None:
        self._exporter.export((span,))

    def _into_batch(self, span: ReadableSpan) -> None:
        thread = threading.get_ident()
        try:
            self._inside.add(thread)
            if self._batch is not None:
                self._batch.on_end(span)
        finally:
            self._inside.discard(thread)

    def replaced_by(self, successor: PulseSpanProcessor) -> None:
        """Pass on what ends from now on: threads and other providers may still lead here."""
        self._successor = successor

    def pass_on(self, spans: Sequence[ReadableSpan]) -> bool:
        """Pass on `spans`, which were counted here but came too late; False if nobody is next."""
        if self._successor is None:
            return False
        with self._lock:
            self._handed_on -= len(spans)
        for span in spans:
            release(span, self._exporter.project)
            self._successor.on_end(span)
        return True

    def arrived(self, spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
        """Return those of `spans` that the exporter gets for the first time."""
        return [span for span in spans if self._due.arrived(span)]

    def counted(self, stats: DeliveryStats) -> DeliveryStats:
        """Complete the exporter's `stats` by what did not reach it, or not yet.

        `stats` is of an earlier moment: what waits in between can only have become more.
        """
        # Read at once: a finalizer that ends a span between two of these would be half counted.
        handed_on, not_genai, overflow = self._handed_on, self._not_genai, self._overflow
        not_sampled = self._not_sampled
        waiting = handed_on - stats.ended
        dropped = dict(stats.dropped)
        if self._closed and waiting:
            # It ended in the moment in which the batch processor closed, and was not taken.
            late = DropReason.AFTER_SHUTDOWN.value
            dropped[late] = dropped.get(late, 0) + waiting
            waiting = 0
        return replace(
            stats,
            ended=handed_on + not_genai + overflow + not_sampled,
            in_queue=stats.in_queue + waiting,
            queue_overflow=stats.queue_overflow + overflow,
            ignored=stats.ignored + not_genai,
            not_sampled=stats.not_sampled + not_sampled,
            dropped=dropped,
        )

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until everything that ended is accepted, for `timeout_millis` at most."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Flush for at most 5 s, then stop. Idempotent."""
        self.stop(exit_s())

    def stop(self, timeout_s: float) -> bool:
        """Flush for at most `timeout_s` seconds, then stop. True if everything was accepted."""
        done = self._exporter.stop(timeout_s)
        if self._batch is not None and self._exporter.stopped and not self._closed:
            in_a_thread(self._close, _JOIN_S)
        return done

    def _close(self) -> None:
        if self._batch is not None:
            self._batch.shutdown()  # type: ignore[no-untyped-call]
        self._closed = True
