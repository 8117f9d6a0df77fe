"""init_pulse, flush_buffer, shutdown: the only module that knows both halves.

On a TracerProvider is a switch (`switch.py`); behind it a `BatchSpanProcessor`, and behind that our
exporter.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from pulse_otel.config import Config, checked
from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.export.exporter import PulseSpanExporter
from pulse_otel.export.processor import QUEUE_SIZE, PulseSpanProcessor
from pulse_otel.given import Given
from pulse_otel.guard import guarded
from pulse_otel.ids import SystemIdGenerator
from pulse_otel.instrumentation.options import content_wanted
from pulse_otel.instrumentation.recorder import Recorder, recorders
from pulse_otel.instrumentation.sdks import install_when_imported
from pulse_otel.log import logger, rate_limited
from pulse_otel.process.exit_time import EXIT_S, exit_s, seconds
from pulse_otel.process.flush import flush_all
from pulse_otel.process.forks import reset_in_children
from pulse_otel.semconv import SCOPE_ANTHROPIC, SCOPE_OPENAI, SCOPE_UNITS
from pulse_otel.settings import ConfigError
from pulse_otel.span_starts import add
from pulse_otel.switch import OwnSwitch, SwitchableProcessor
from pulse_otel.unsampled import RecordEverything

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pulse_otel.pulse_config import PulseConfig

_EXPORT_MS = 30_000  # the SDK does not use it; given, no variable of the environment is read


def _batch_processor(exporter: PulseSpanExporter, config: Config) -> BatchSpanProcessor | None:
    """The SDK's processor, with every argument: no ``OTEL_BSP_*`` variable is meant for us.

    None if there can be no other thread, as at the end of the interpreter.
    """
    try:
        return BatchSpanProcessor(
            exporter,
            max_queue_size=QUEUE_SIZE,
            schedule_delay_millis=config.flush_interval,
            max_export_batch_size=config.batch_size,
            export_timeout_millis=_EXPORT_MS,
        )
    except RuntimeError:
        return None


def _resource(attributes: dict[str, str]) -> Resource:
    try:
        return Resource.create(attributes)
    except RuntimeError:  # its detectors need threads, which cannot start as the interpreter ends
        return Resource(attributes)


class _Pipeline:
    """One configuration at work: the exporter, and the provider that feeds it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.exporter = PulseSpanExporter(config=config)
        self.processor = PulseSpanProcessor(self.exporter, _batch_processor(self.exporter, config))
        self._chosen: Any = config.tracer_provider
        self._own: TracerProvider | None = None
        self.provider()  # what can fail has failed before anything is replaced

    def provider(self) -> Any:
        """Return the TracerProvider of our spans: the configured one, else the global, else ours.

        A global one that is set later is used from the next call on: the order of `init_pulse` and
        the user's own set-up does not matter.
        """
        if self._own is not None and getattr(trace, "_TRACER_PROVIDER", trace) is None:
            return self._own  # `get_tracer_provider` looks into the environment to say so
        if self._chosen is None:
            found = trace.get_tracer_provider()
            if hasattr(found, "add_span_processor"):
                self._chosen = found
        if self._chosen is None:
            return self._own or self._make_own()
        if id(self._chosen) not in _state.switches:
            self._attach(self._chosen)
        return self._chosen

    def _make_own(self) -> TracerProvider:
        with _state.lock:
            if self._own is None:
                name = self.config.service_name
                own = TracerProvider(
                    resource=_resource({"service.name": name} if name else {}),
                    id_generator=SystemIdGenerator(),
                    shutdown_on_exit=False,
                )
                own.sampler = RecordEverything(own.sampler)
                add(own, _state.own_switch)
                self._own = own
            return self._own

    def _attach(self, provider: Any) -> None:
        with _state.lock:
            switch, _ = _state.switches.get(id(provider), (None, None))
            if switch is None:
                switch = SwitchableProcessor()
                add(provider, switch)
                _state.switches[id(provider)] = (switch, provider)
                if _content(self.config):
                    logger.info(
                        "pulse-otel: attached to your TracerProvider; its other exporters see"
                        " prompts and answers too (capture_content=False turns that off)"
                    )
            if _state.pipeline is self:  # not a call of one that was replaced
                switch.target = self.processor

    def activate(self) -> None:
        """Lead the provider's spans here, and record observed clients."""
        _state.own_switch.target = self.processor
        if self._chosen is not None:
            self._attach(self._chosen)
        recorders.observed = recorder_of(
            self.config,
            self.provider,
            every_client=self.config.instrument,
            not_sampled=self.processor.not_sampled,
        )


def _content(config: Config) -> bool:
    return content_wanted(config.capture_content, True)


def recorder_of(config: Config, provider: Callable[[], Any], **how: Any) -> Recorder:
    """Return a recorder with the settings of `config`, whose tracers are made; `how`: its others.

    `provider` returns the TracerProvider of each moment.
    """
    recorder = Recorder(
        provider=provider,
        capture_content=_content(config),
        max_content_bytes=config.max_content_bytes,
        stream_usage=config.stream_usage,
        **how,
    )
    for scope in (SCOPE_OPENAI, SCOPE_ANTHROPIC, SCOPE_UNITS):
        # At once: the SDK makes a tracer under a lock that a signal handler cannot take again. And
        # a framework's spans, which are watched from now on, may start before the first call.
        recorder.tracer(scope)
    return recorder


class _State:
    """The one piece of mutable module state."""

    def __init__(self) -> None:
        self.pipeline: _Pipeline | None = None  # the latest, also after its end
        self.reset_after_fork()
        self.hooked = False
        self.in_test: Callable[[Config], None] | None = None  # takes the place of every pipeline
        self.own_switch = OwnSwitch()  # of each provider that we make
        # By id(provider), which is kept alive.
        self.switches: dict[int, tuple[SwitchableProcessor, Any]] = {}

    def reset_after_fork(self) -> None:
        """In a child: a lock that another thread held at the fork would stay locked for ever."""
        self.lock = threading.RLock()


_state = _State()


def init_pulse(config: PulseConfig | None = None, **overrides: Unpack[PulseConfig]) -> None:
    """Start recording, with the settings of `config`; keywords win over it.

    With `instrument` every client of the program is recorded, else those given to `observe`.
    Another call flushes and replaces what was configured before. Raises ConfigError for a wrong or
    unknown setting; the message never shows the key.
    """
    given = Given(config, overrides)
    del config, overrides  # a traceback that shows variables is no place for the key
    settings = checked(given)
    if _state.in_test is not None:
        _state.in_test(settings)
        return
    if settings.lacks_key:
        raise ConfigError(
            "api_key: required; pass api_key or set PULSE_API_KEY"
            " (or turn recording off with enabled=False)"
        )
    recorders.initialised = True
    if settings.instrument:
        recorders.asked = True
        install_when_imported()
    if not settings.enabled:
        shutdown()
        return
    _start(settings)


def _start(settings: Config) -> None:
    with _state.lock:
        pipeline = _Pipeline(settings)
        # In one step: a signal handler may call this, too, and each pipeline has one successor.
        previous, _state.pipeline = _state.pipeline, pipeline
        if previous is not None:
            previous.processor.replaced_by(pipeline.processor)
        if _state.pipeline is pipeline:
            pipeline.activate()
        if not _state.hooked:
            _state.hooked = True
            atexit.register(_end, os.getpid())
            reset_in_children(_state)
            reset_in_children(rate_limited)
    if previous is not None:
        previous.processor.stop(EXIT_S)


def flush_buffer(timeout_s: float = 30) -> bool:
    """Wait until the service has accepted all spans that ended so far, for at most `timeout_s`.

    That is for `init_pulse` and each `PulseSpanExporter` of this process, with the batch processor
    before it. False if time ran out or a span was lost; True if nothing is recorded. Raises
    TypeError if `timeout_s` is no number.
    """
    most_s = seconds(timeout_s)
    return _state.in_test is not None or flush_all(most_s)


def shutdown(timeout_s: float = EXIT_S) -> bool:
    """Flush for at most `timeout_s` (5 s), and stop recording. False if not all was delivered.

    It runs by itself as the program ends; another call does no harm. While another thread does it,
    this waits, and shortens its time to `timeout_s`. Raises TypeError if that is no number.
    """
    most_s = exit_s(seconds(timeout_s))
    if _state.in_test is not None:
        return True
    with _state.lock:
        pipeline = _state.pipeline
        recorders.observed = None
    return True if pipeline is None else pipeline.processor.stop(most_s)


@contextmanager
def kept_for_test(start: Callable[[Config], None]) -> Generator[None]:
    """Let no pipeline start, record or end in this block: `start` gets the settings instead.

    It gets those of the last `init_pulse` at once, or the defaults, and those of each in the block;
    none of them needs a key.
    """
    outer, observed, pipeline = _state.in_test, recorders.observed, _state.pipeline
    _state.in_test = start
    try:
        start(Config() if pipeline is None else pipeline.config)
        yield
    finally:
        _state.in_test, recorders.observed = outer, observed


def _end(process: int) -> None:
    """Shut down as the interpreter ends; a forked child has nothing to say about its parent."""
    shutdown()
    if os.getpid() == process:
        guarded(_log_if_nothing_was_recorded)


def _log_if_nothing_was_recorded() -> None:
    from pulse_otel.nothing_recorded import log_if_nothing_was_recorded

    log_if_nothing_was_recorded(stats())


def stats() -> DeliveryStats:
    """Return where the spans of this process are, counted since the last `init_pulse`.

    OpenTelemetry's metrics have the same counts, if there is a `MeterProvider`.
    """
    pipeline = _state.pipeline
    return DeliveryStats() if pipeline is None else pipeline.exporter.stats


def service() -> tuple[str, str] | None:
    """Return the service's address and form; None before `init_pulse`, or behind a Collector."""
    if (pipeline := _state.pipeline) is None or not pipeline.config.sends_key:
        return None
    return pipeline.config.api_url, pipeline.exporter.detector.form_name
