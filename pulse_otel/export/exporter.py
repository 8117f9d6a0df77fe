"""PulseSpanExporter: from an OpenTelemetry span processor to the delivery worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from pulse_otel.config import ApiKey, Config
from pulse_otel.context import other_spans
from pulse_otel.export import dialects
from pulse_otel.export.accounts.metrics import add_exporter
from pulse_otel.export.accounts.span_ends import log_late_call, log_lost_spans
from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.export.arguments import complain_about, settings_of
from pulse_otel.export.delivery.preload import import_all
from pulse_otel.export.delivery.span_size import size_of
from pulse_otel.export.delivery.steps import Steps, as_it_is
from pulse_otel.export.delivery.worker import Delivery
from pulse_otel.export.records.duplicates.same_span import claim, destination
from pulse_otel.export.records.sampling import TraceSampling
from pulse_otel.export.span_watch import is_for_pulse, watch_during_export
from pulse_otel.export.transport.http import ATTEMPT_S, Transport
from pulse_otel.export.transport.protocol import ProtocolDetector
from pulse_otel.given import Given
from pulse_otel.guard import FAILED, guarded
from pulse_otel.process.children import stop_exporters_at_their_end
from pulse_otel.process.ends import flush_at_sigterm
from pulse_otel.process.exit_time import EXIT_S, LONGEST_S, exit_s
from pulse_otel.process.exporters import register, running
from pulse_otel.process.flush import Flushable, batch_processors_before, hand_over
from pulse_otel.process.forks import reset_in_children
from pulse_otel.process.interrupt import remember_interrupt

if TYPE_CHECKING:
    from pulse_otel.export.pricing.cost import Pricing
    from pulse_otel.export.records.record import Record
    from pulse_otel.export.records.redaction import Redaction
    from pulse_otel.export.spool.spool import Spool

_HOLD_S = 1.0  # the spans of one call end within moments of each other
_NOW_MS = 1000


class Counter(Protocol):
    """Counts the spans before they come to an exporter."""

    def counted(self, stats: DeliveryStats, /) -> DeliveryStats: ...

    def arrived(self, spans: Sequence[ReadableSpan], /) -> Sequence[ReadableSpan]: ...

    def pass_on(self, spans: Sequence[ReadableSpan], /) -> bool: ...


class PulseSpanExporter(SpanExporter):
    """Ship GenAI spans to a Pulse trace service; count other spans and ignore them.

    The arguments are settings of `PulseConfig`, and fall back to ``PULSE_<NAME>``. It never raises:
    without a key that it needs, or with a wrong value, it warns once and exports nothing; it warns
    about an unknown argument and ignores it. A span that another exporter of this process sends to
    the same project is not sent again. The thread that calls `export` does no network I/O.
    `config` is for `init_pulse`.
    """

    def __init__(
        self,
        api_key: str | None = None,
        api_url: str | None = None,
        *,
        protocol: str | None = None,
        enabled: bool | None = None,
        ca_file: str | None = None,
        spool_dir: str | None = None,
        sample_rate: float | None = None,
        keep_errors: bool | None = None,
        redact: Callable[[str], str] | None = None,
        prices: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        config: Config | None = None,
        **unknown: Any,
    ) -> None:
        given = Given(
            {
                "api_key": api_key,
                "api_url": api_url,
                "protocol": protocol,
                "enabled": enabled,
                "ca_file": ca_file,
                "spool_dir": spool_dir,
                "sample_rate": sample_rate,
                "keep_errors": keep_errors,
                "redact": redact,
                "prices": prices,
            }
        )
        left_out = list(unknown)  # names only: a value under a wrong name could be the key
        # A traceback that shows variables is no place for a key, whichever argument has it.
        del api_key, api_url, protocol, enabled, ca_file, spool_dir
        del sample_rate, keep_errors, redact, prices, unknown
        self._delivery: Delivery | None = None
        self._counter: Counter | None = None
        self._feeders: Sequence[Flushable] | None = None
        self._owner = object()
        self._reported = False
        self.project = ""  # a name for it, within this process
        complain_about(left_out)
        config = config or settings_of(given)
        if config is not None and config.enabled and not config.lacks_key:
            self._start(config)

    def _start(self, config: Config) -> None:
        key = config.api_key
        self.project = destination(config.api_url, key)
        self._transport = Transport(config.api_url, key, ca_file=config.ca_file)
        self._redaction: Redaction | None = None
        if config.redact:
            from pulse_otel.export.records.redaction import Redaction

            self._redaction = Redaction(config.redact)
        spool = _spool(config.spool_dir, config.api_url, key)
        self._delivery = Delivery(self._steps(config), spool=spool)
        if config.spool_dir is not None:
            self._delivery.start()  # earlier processes may have left something behind
        guarded(other_spans.label)
        reset_in_children(self._delivery)
        register(self)
        stop_exporters_at_their_end()
        add_exporter(self)
        if config.flush_on_sigterm:
            flush_at_sigterm()

    def _steps(self, config: Config) -> Steps:
        self.detector = detector = ProtocolDetector(self._transport, config.protocol)
        return Steps(
            size=size_of,
            read=dialects.read,
            degrade=dialects.degraded,
            form=detector.form,
            post=detector.post,
            attempt_s=ATTEMPT_S,
            sample=TraceSampling(config.sample_rate, config.keep_errors),
            price=_pricing(config.prices or {}),
            redact=self._redaction or as_it_is,
            hold_s=_HOLD_S,
            collect=self._collect_now,
            prepare=import_all,
            where=config.api_url,
        )

    @property
    def stats(self) -> DeliveryStats:
        """Return where the spans handed to this exporter are."""
        if self._delivery is None:
            return DeliveryStats()
        failures = self._redaction.failures if self._redaction else 0
        stats = replace(self._delivery.snapshot(), redaction_failures=failures)
        return self._counter.counted(stats) if self._counter else stats

    @property
    def bytes_received_and_queued(self) -> tuple[int, int]:
        """The bytes of the spans that were handed to it, and of those that wait in its queue."""
        delivery = self._delivery
        return (0, 0) if delivery is None else delivery.bytes_received_and_queued

    @property
    def at_once(self) -> bool:
        """Whether spans should come here at once: a flush waits, or it was stopped."""
        return self._delivery is None or self._delivery.stopped or self._delivery.expedite.on

    @property
    def stopped(self) -> bool:
        """Whether it was shut down and sends nothing any more."""
        return self._delivery is None or self._delivery.stopped

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand `spans` to the worker; returns at once, and never raises."""
        failed = guarded(self.take, spans, otherwise=FAILED) is FAILED
        return SpanExportResult.FAILURE if failed else SpanExportResult.SUCCESS

    def take(self, spans: Sequence[ReadableSpan]) -> None:
        """Hand `spans` over, like `export`, but may raise."""
        if self._delivery is None:
            return
        if self._counter is not None:  # which has claimed them, and left out the others
            spans = self._counter.arrived(spans)
            if not (self._delivery.stopped and self._counter.pass_on(spans)):
                self._delivery.submit(spans)
            return
        guarded(watch_during_export, trace.get_tracer_provider())
        claimed = [span for span in spans if self.takes(span)]
        if claimed:
            ours = [span for span in claimed if is_for_pulse(span)]
            self._delivery.submit(ours, others=len(claimed) - len(ours))

    def takes(self, span: ReadableSpan) -> bool:
        """Claim `span`. False if another exporter of this process sends it to the same project.

        Once stopped, it claims only calls that nobody else will send, to count them.
        """
        if self._delivery is None:
            return False
        if not self._delivery.stopped:
            return claim(span, self.project, self._owner)
        if running(self.project) or not _is_call(span):
            return False
        log_late_call(span)
        return True

    def fed_by(self, counter: Counter, feeders: Sequence[Flushable]) -> None:
        """Name what stands before it: `counter` counts the spans, `feeders` queue them."""
        self._counter, self._feeders = counter, feeders

    def collect(self) -> Callable[[], bool]:
        """Have batch processors hand over what they hold; the result says whether they have."""
        return hand_over(self._processors())

    def _collect_now(self) -> None:
        """Collect in this thread, a worker's, which no signal handler interrupts."""
        for processor in self._processors():
            guarded(processor.force_flush, _NOW_MS)

    def _processors(self) -> Iterable[Flushable]:
        return batch_processors_before(self) if self._feeders is None else self._feeders

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Wait until everything handed over is settled; True if none of it was lost."""
        return self.flush(min(timeout_millis / 1000, LONGEST_S))

    def flush(self, timeout_s: float, handed_over: Callable[[], bool] | None = None) -> bool:
        """`force_flush` in seconds. `handed_over` is the result of an earlier `collect`."""
        if self._delivery is None:
            return True
        return self._delivery.flush(timeout_s, handed_over or self.collect())

    def expedite(self) -> None:
        """Send at once what ends from now on: the process is about to end."""
        if self._delivery is not None:
            self._delivery.expedite.begin()

    def prepare(self) -> None:
        """Import what delivery needs, so that children need not after a fork."""
        import_all()

    # The SDK passes the time it has left to a parameter of this name.
    def shutdown(self, timeout_millis: float = EXIT_S * 1000) -> None:
        """Flush for at most 5 s, then stop. Idempotent."""
        self.stop(exit_s(min(timeout_millis / 1000, EXIT_S)))

    def stop(self, timeout_s: float) -> bool:
        """Shut down within `timeout_s` seconds. True if everything was accepted.

        While another thread shuts it down, this waits for that thread, no longer than `timeout_s`.
        """
        if self._delivery is None:
            return True
        done = self._delivery.shutdown(timeout_s, self.collect())
        if self.stopped and not self._reported:
            self._reported = True
            self._transport.close()
            log_lost_spans(self.stats, self._delivery.trouble, passing=self._delivery.passing)
        remember_interrupt()
        return done


def _pricing(own: Mapping[str, Any]) -> Callable[[Record], Record]:
    @cache
    def pricing() -> Pricing:
        from pulse_otel.export.pricing.cost import Pricing  # by the worker: see `preload`

        return Pricing(own)

    return lambda record: pricing()(record)


def _is_call(span: ReadableSpan) -> bool:
    try:
        return dialects.is_genai_span(span) and dialects.read(span) is not None
    except ImportError:  # at the end of the interpreter
        return True


def _spool(root: str | None, api_url: str, key: ApiKey | None) -> Spool | None:
    if root is None:
        return None
    from pulse_otel.export.spool.spool import Spool, directory_name

    return Spool(root, directory_name(api_url, key))
