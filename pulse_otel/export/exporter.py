"""PulseSpanExporter: glue between an OpenTelemetry span processor and the delivery worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import format_span_id, format_trace_id

from pulse_otel import semconv
from pulse_otel.config import KEY_PREFIX, ApiKey, Config, ConfigError, load_config
from pulse_otel.ends import flush_at_sigterm
from pulse_otel.export import dialects, losses, spool
from pulse_otel.export.children import flush_at_their_end
from pulse_otel.export.claims import claim, destination
from pulse_otel.export.delivery import Delivery
from pulse_otel.export.exit_time import EXIT_S, LONGEST_S, exit_s
from pulse_otel.export.forks import begin_anew_in_children
from pulse_otel.export.guarded import FAILED, guarded
from pulse_otel.export.metrics import exporters, show, working
from pulse_otel.export.protocol import Negotiator
from pulse_otel.export.record import Record
from pulse_otel.export.redaction import Redaction
from pulse_otel.export.stats import DeliveryStats
from pulse_otel.export.steps import Steps
from pulse_otel.export.transport import ATTEMPT_S, Transport
from pulse_otel.export.upstream import flush_all
from pulse_otel.log import complaints
from pulse_otel.values import to_json

_SPAN_BYTES = 500  # what a span costs beside its text
_NEEDED = (
    "encodings.idna",
    "urllib3.exceptions",
    "pydantic_core",
    "pulse_otel.export.connection",
    "pulse_otel.export.failures",
    "pulse_otel.export.pricing",
)
_HOLD_S = 6.0  # until the spans of one call have left the batch processor that is before us


class PulseSpanExporter(SpanExporter):
    """Ships GenAI spans to a Pulse trace service; other spans are counted and left out.

    The arguments are settings of `PulseConfig`; what is not given is read from ``PULSE_<KEY>``.
    Without a key, or with a wrong value, it warns once and exports nothing; an unknown argument
    is warned about and left out. It never raises. What another exporter of this process has
    taken for the same project is not sent again.
    `export` only hands over to a worker thread: no network in the thread that calls it.
    `config`, `collects` and `hold_s` are for `init_pulse`, which has no batch processor before it.
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
        redact: Callable[[str], str] | None = None,
        config: Config | None = None,
        collects: bool = False,
        hold_s: float = _HOLD_S,
        **unknown: Any,
    ) -> None:
        self._delivery: Delivery[ReadableSpan] | None = None
        self._owner = object()
        self._reported = False
        self.project = ""  # a name for it, within this process
        _complain_about(unknown)
        config = config or _load(
            {
                "api_key": api_key,
                "api_url": api_url,
                "protocol": protocol,
                "enabled": enabled,
                "ca_file": ca_file,
                "spool_dir": spool_dir,
                "redact": redact,
            }
        )
        if config is None or config.api_key is None or not config.enabled:
            return
        del api_key  # a traceback that shows variables is no place for it
        self.project = destination(config.api_url, config.api_key)
        self._transport = Transport(config.api_url, config.api_key, ca_file=config.ca_file)
        self._redaction = Redaction(config.redact) if config.redact else None
        # Handed over one by one, spans wait for others here; in batches, they did elsewhere.
        timing = (config.batch_size, config.flush_interval / 1000) if collects else (1, 0.0)
        self._delivery = Delivery(
            self._steps(config, hold_s),
            spool=_spool(config.spool_dir, config.api_url, config.api_key),
            batch_size=timing[0],
            delay_s=timing[1],
        )
        if config.spool_dir is not None:
            self._delivery.start()  # earlier processes may have left something behind
        begin_anew_in_children(self._delivery)
        if not collects:  # there, the pipeline sees to it
            flush_at_their_end(self)
        show(self)
        if config.flush_on_sigterm:
            flush_at_sigterm(_at_sigterm)

    def _steps(self, config: Config, hold_s: float) -> Steps[ReadableSpan]:
        negotiator = Negotiator(self._transport, config.protocol)
        return Steps(
            size=_size,
            read=dialects.read,
            degrade=_degraded,
            form=negotiator.form,
            post=negotiator.post,
            attempt_s=ATTEMPT_S,
            redact=self._redaction or _as_it_is,
            hold_s=hold_s,
            prepare=_import_all,
            where=config.api_url,
        )

    @property
    def stats(self) -> DeliveryStats:
        """Where the spans handed to this exporter have come to."""
        if self._delivery is None:
            return DeliveryStats()
        failures = self._redaction.failures if self._redaction else 0
        return replace(self._delivery.snapshot(), redaction_failures=failures)

    @property
    def stopped(self) -> bool:
        """Whether it was shut down; nothing is sent any more."""
        return self._delivery is None or self._delivery.stopped

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand `spans` to the worker; returns at once, and never raises."""
        failed = guarded(self.take, spans, what="while spans were taken") is FAILED
        return SpanExportResult.FAILURE if failed else SpanExportResult.SUCCESS

    def take(self, spans: Sequence[ReadableSpan]) -> None:
        """`export` for who guards the program itself."""
        claimed = [span for span in spans if self.takes(span)]
        if self._delivery is not None and claimed:
            # One that cannot be looked at goes on, to be read as far as can be.
            ours = [span for span in claimed if guarded(dialects.concerns, span)]
            self._delivery.submit(ours, others=len(claimed) - len(ours))

    def takes(self, span: ReadableSpan) -> bool:
        """Claim `span`: True if no other exporter of this process sends it to the same project.

        Once stopped, it claims nothing, and only counts calls that nobody else will send.
        """
        if self._delivery is None:
            return False
        if not self._delivery.stopped:
            return claim(span, self.project, self._owner)
        if working(self.project) or dialects.read(span) is None:
            return False
        complaints.warn(
            "after shutdown", "pulse-otel: a call that ended after shutdown() is not sent"
        )
        return True

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Wait until everything handed over is settled; True if none of it was lost."""
        return self.flush(min(timeout_millis / 1000, LONGEST_S))

    def flush(self, timeout_s: float) -> bool:
        """`force_flush`, in s."""
        return self._delivery is None or self._delivery.flush(timeout_s)

    def hurry(self) -> None:
        """The process is about to end: send what ends from now on at once."""
        if self._delivery is not None:
            self._delivery.hurry.begin()

    # The SDK passes the time it has left to a parameter of this name.
    def shutdown(self, timeout_millis: float = EXIT_S * 1000) -> None:
        """Flush for at most 5 s, then stop. Idempotent."""
        self.stop(exit_s(min(timeout_millis / 1000, EXIT_S)))

    def stop(self, timeout_s: float) -> bool:
        """`shutdown`, for as long as it is given. True if everything was accepted.

        Who comes while another thread is at it waits for that, no longer than it is given either.
        """
        if self._delivery is None:
            return True
        done = self._delivery.shutdown(timeout_s)
        if self.stopped and not self._reported:
            self._reported = True
            self._transport.close()
            losses.report(self.stats, self._delivery.trouble, passing=self._delivery.passing)
        return done


def _at_sigterm() -> None:
    # All of them before the first is waited for; and for what ends until the process does, as a
    # handler of the program's may let calls end in peace.
    for exporter in exporters():
        exporter.hurry()
    flush_all(EXIT_S)


def _complain_about(unknown: Mapping[str, Any]) -> None:
    if unknown:
        # Names only: a value given under a wrong name could be the key.
        complaints.warn(
            "arguments",
            "pulse-otel: arguments of the exporter are left out: %s; it takes api_key, api_url,"
            " protocol, enabled, ca_file, spool_dir and redact",
            ", ".join(sorted(name for name in unknown if KEY_PREFIX not in name)),
        )


def _load(given: Mapping[str, Any]) -> Config | None:
    try:
        config = load_config(given)
    except ConfigError as error:
        complaints.warn("config", "pulse-otel: nothing is exported: %s", error)
        return None
    if config.api_key is None and config.enabled:
        complaints.warn(
            "config", "pulse-otel: nothing is exported: set PULSE_API_KEY, or pass api_key"
        )
    return config


def _size(span: ReadableSpan) -> int:
    """Runs in the thread that ends the span."""
    size = _SPAN_BYTES + _text_size(span.attributes)
    for event in span.events or ():
        size += _text_size(event.attributes)
    return size


def _text_size(attributes: Any) -> int:
    """About the bytes of the texts: `copy` spares the slow way of a Mapping's values."""
    if not attributes:
        return 0
    values: Any = attributes.copy().values() if hasattr(attributes, "copy") else attributes.values()
    size = sum([len(value) for value in values if type(value) is str])
    for value in values:
        if type(value) is tuple:
            size += sum([len(each) for each in cast("Any", value) if type(each) is str])
    return size


def _as_it_is(record: Record) -> Record:
    return record


def _degraded(span: ReadableSpan) -> Record | None:
    """What is left of a span that could not be read: when it was, and in which trace."""
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


def _spool(root: str | None, api_url: str, key: ApiKey) -> spool.Spool | None:
    return None if root is None else spool.Spool(root, spool.directory_name(api_url, key.reveal()))


def _import_all() -> None:
    """What the workers import when they need it, before anybody forks: see forks."""
    for name in _NEEDED:
        with suppress(ImportError, Warning):  # where it is missed, it is reported
            import_module(name)
    to_json({})  # its encoder makes itself ready at the first use, under a lock of its own
