"""init_pulse, flush_buffer, shutdown: the only module that knows both halves.

What we attach to a TracerProvider is one switchable processor, since a processor cannot be
taken off again; behind the switch is our exporter. It queues and batches by itself: a batch
processor in between would hide what it drops, and hold a lock that a signal handler may need.
"""

from __future__ import annotations

import threading
from numbers import Real
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.trace import Tracer

from pulse_otel import ends
from pulse_otel.config import Config, ConfigError, PulseConfig, load_config
from pulse_otel.export.exporter import PulseSpanExporter
from pulse_otel.export.stats import DeliveryStats
from pulse_otel.ids import SystemIdGenerator
from pulse_otel.instrumentation.options import content_wanted
from pulse_otel.instrumentation.recorder import Recorder, recorders
from pulse_otel.log import complaints, logger

if TYPE_CHECKING:
    from typing_extensions import Unpack

EXIT_S = 5.0
_FLUSH_MS = 5000  # a provider's flush waits for other exporters, too
_LONGEST_S = 1e6  # so that "for ever" is a time that all clocks know
_HOLD_S = 1.0  # the spans of one call end within moments of each other


class _Switch(SpanProcessor):
    """The processor on a provider; what it leads to can change, and be nothing."""

    def __init__(self) -> None:
        self.target: PulseSpanExporter | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        return None

    def on_end(self, span: ReadableSpan) -> None:
        target = self.target
        context = span.get_span_context()
        if target is not None and context is not None and context.trace_flags.sampled:
            target.export((span,))

    def shutdown(self) -> None:
        """The user's provider shuts down: everything is flushed, within 5 s."""
        pipeline = _state.pipeline
        if self.target is not None and pipeline is not None:
            pipeline.close(EXIT_S)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        target = self.target
        return True if target is None else target.force_flush(min(timeout_millis, _FLUSH_MS))


class _Pipeline:
    """One configuration at work: the exporter, and the provider that feeds it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.exporter = PulseSpanExporter(config=config, collects=True, hold_s=_HOLD_S)
        self._lock = threading.Lock()
        self._closed = False
        self._chosen: Any = config.tracer_provider
        self._own: TracerProvider | None = None
        self._tracers: dict[tuple[int, str], Tracer] = {}
        self.provider()

    def provider(self) -> Any:
        """The TracerProvider that makes our spans: the configured, else the global, else ours.

        A global one that appears later is taken up at the next call (design: the order of
        `init_pulse` and the user's own set-up does not matter).
        """
        if self._chosen is None:
            found = trace.get_tracer_provider()
            if hasattr(found, "add_span_processor"):
                self._chosen = found
        provider = self._chosen or self._own
        if provider is None or id(provider) not in _state.switches:
            provider = self._prepare()
        return provider

    def _prepare(self) -> Any:
        with self._lock:
            if self._chosen is None and self._own is None:
                name = self._config.service_name
                resource = Resource.create({"service.name": name} if name else {})
                self._own = TracerProvider(
                    resource=resource, id_generator=SystemIdGenerator(), shutdown_on_exit=False
                )
            provider: Any = self._chosen or self._own
            switch, _ = _state.switches.get(id(provider), (None, None))
            if switch is None:
                switch = _Switch()
                provider.add_span_processor(switch)
                _state.switches[id(provider)] = (switch, provider)
                if provider is self._chosen and self._content():
                    logger.info(
                        "pulse-otel: attached to your TracerProvider; its other exporters see"
                        " prompts and answers too (capture_content=False turns that off)"
                    )
            if not self._closed:
                switch.target = self.exporter
            return provider

    def activate(self) -> None:
        """Lead the provider's spans here, and record observed clients."""
        self._prepare()
        recorders.observed = Recorder(
            tracer=self.tracer,
            provider=self.provider,
            capture_content=self._content(),
            max_content_bytes=self._config.max_content_bytes,
            stream_usage=self._config.stream_usage,
        )

    def _content(self) -> bool:
        return content_wanted(self._config.capture_content, True)

    def tracer(self, scope: str) -> Tracer:
        """The tracer for `scope` of the provider of this moment."""
        provider = self.provider()
        key = (id(provider), scope)
        tracer = self._tracers.get(key)
        if tracer is None:
            tracer = self._tracers[key] = provider.get_tracer(scope)
        return tracer

    def flush(self, timeout_s: float) -> bool:
        """Wait until what has ended was accepted by the service."""
        return self.exporter.force_flush(int(timeout_s * 1000))

    def close(self, timeout_s: float) -> bool:
        """Flush and stop; the providers live on, leading nowhere."""
        if self._closed:
            return True
        self._closed = True
        for switch, _ in list(_state.switches.values()):
            if switch.target is self.exporter:
                switch.target = None
        return self.exporter.stop(timeout_s)


class _State:
    """The one piece of mutable module state."""

    def __init__(self) -> None:
        self.pipeline: _Pipeline | None = None
        self.exporter: PulseSpanExporter | None = None  # the latest, also after its end
        self.lock = threading.RLock()
        self.hooked = False
        self.switches: dict[int, tuple[_Switch, Any]] = {}  # by id(provider), which is kept alive


_state = _State()


def init_pulse(config: PulseConfig | None = None, **overrides: Unpack[PulseConfig]) -> None:
    """Start recording: `config`, overridden by keywords, each falling back to ``PULSE_<KEY>``.

    Calling it again flushes and replaces what was configured before. Raises ConfigError, which
    names the setting, what was expected, and never the key.
    """
    settings = load_config(config, overrides)
    if settings.enabled and settings.api_key is None:
        raise ConfigError(
            "api_key: required; pass api_key or set PULSE_API_KEY"
            " (or turn recording off with enabled=False)"
        )
    with _state.lock:
        previous, _state.pipeline = _state.pipeline, None
        recorders.observed, recorders.initialised = None, True
    if previous is not None:
        previous.close(EXIT_S)  # outside the lock: it may take its time
    if not settings.enabled:
        return
    with _state.lock:
        _state.pipeline = _Pipeline(settings)
        _state.pipeline.activate()
        _state.exporter = _state.pipeline.exporter
        if not _state.hooked:
            _state.hooked = True
            ends.hook(shutdown, _after_fork)
    if settings.flush_on_sigterm:
        ends.flush_at_sigterm(lambda: flush_buffer(EXIT_S))


def _after_fork() -> None:
    """In a child: locks that other threads of the parent held would stay locked for ever."""
    complaints.reset_after_fork()
    _state.lock = threading.RLock()


def flush_buffer(timeout_s: float = 30) -> bool:
    """Wait until everything ended so far has been accepted by the service, at most `timeout_s`.

    False if time ran out or something was lost. True when nothing is recorded. Raises TypeError
    for a time that is no number.
    """
    timeout_s = _seconds(timeout_s)
    pipeline = _state.pipeline
    return True if pipeline is None else pipeline.flush(timeout_s)


def shutdown(timeout_s: float = EXIT_S) -> bool:
    """Flush, and stop the worker; at most `timeout_s`. Idempotent; runs by itself at exit.

    Raises TypeError for a time that is no number.
    """
    timeout_s = _seconds(timeout_s)
    with _state.lock:
        pipeline, _state.pipeline = _state.pipeline, None
        recorders.observed = None
    return True if pipeline is None else pipeline.close(timeout_s)


def _seconds(value: object) -> float:
    if not isinstance(value, Real) or value != value:
        raise TypeError(f"timeout_s: expected a number of seconds, got {value!r:.40}")
    return min(float(value), _LONGEST_S)


def stats() -> DeliveryStats:
    """Where the spans have come to since the last `init_pulse`, in this process.

    Every span that ended is in exactly one of the counts; they also go to OpenTelemetry's metrics.
    """
    exporter = _state.exporter
    return DeliveryStats() if exporter is None else exporter.stats
