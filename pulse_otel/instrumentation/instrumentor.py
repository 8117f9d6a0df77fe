"""Turn the recording of all clients of an SDK on and off, as OpenTelemetry's instrumentors do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)

from pulse_otel.guard import guarded
from pulse_otel.instrumentation.destination import pulse_is_destination
from pulse_otel.instrumentation.options import content_bytes, content_wanted, usage_policy
from pulse_otel.instrumentation.other_spans import watch
from pulse_otel.instrumentation.recorder import (
    Instrumented,
    Recorder,
    recorders,
    recording_disabled_on_purpose,
)
from pulse_otel.log import rate_limited

_NO_PROVIDERS = (trace.ProxyTracerProvider, trace.NoOpTracerProvider)
_OPTIONS = ("capture_content", "max_content_bytes", "stream_usage")
_METERS = "meter_provider"  # the name that all instrumentors have for it


def _global_provider() -> Any:
    """Return the global TracerProvider; warn if there is none, as the spans are then lost."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, _NO_PROVIDERS) and not recording_disabled_on_purpose():
        rate_limited.warning(
            "no-provider",
            "pulse-otel: calls are not recorded: there is no TracerProvider; call init_pulse(),"
            " set a global TracerProvider, or give instrument() a tracer_provider",
        )
    return provider


def _complain_about_misspelt(arguments: Iterable[str]) -> None:
    """Warn about near misses only: `instrument` is also given the options of others."""
    for name in arguments:
        near = get_close_matches(name, _OPTIONS, n=1, cutoff=0.8)
        if near and name not in _OPTIONS:
            rate_limited.warning(
                name, "pulse-otel: %s is no option; did you mean %s?", name, near[0]
            )


class SdkInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instrument the SDK with the name `sdk`, in the versions of `dependency`."""

    sdk = ""
    dependency = ""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the SDK versions that are recorded."""
        return (self.dependency,)

    def _instrument(self, **kwargs: Any) -> None:
        _complain_about_misspelt(kwargs)
        chosen, meters = kwargs.get("tracer_provider"), kwargs.get(_METERS)
        if chosen is not None and not hasattr(chosen, "get_tracer"):
            raise TypeError(
                f"tracer_provider: expected a TracerProvider, got {type(chosen).__name__}"
            )
        if meters is not None and not hasattr(meters, "get_meter"):
            raise TypeError(f"{_METERS}: expected a MeterProvider, got {type(meters).__name__}")
        options = (*_OPTIONS, _METERS)
        given = {name: kwargs[name] for name in options if kwargs.get(name) is not None}
        own = Recorder(
            provider=_global_provider if chosen is None else lambda: chosen,
            capture_content=content_wanted(given.get("capture_content"), pulse_is_destination()),
            max_content_bytes=content_bytes(given.get("max_content_bytes")),
            stream_usage=usage_policy(given.get("stream_usage")),
            meter_provider=meters,
        )
        endpoints = import_module(f"{__package__}.{self.sdk}.endpoints")
        self._patches = endpoints.install()  # raises ImportError without the SDK
        recorders.asked = True
        guarded(watch, trace.get_tracer_provider() if chosen is None else chosen)
        overrides = {name: getattr(own, name) for name in given}
        recorders.instrumented[self.sdk] = Instrumented(own, overrides if chosen is None else None)

    def _uninstrument(self, **kwargs: Any) -> None:
        recorders.instrumented.pop(self.sdk, None)
        self._patches.release()
