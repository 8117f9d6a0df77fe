"""What sets up the SDK under `opentelemetry-instrument` if no distro brings its own."""

# The SDK's configurator has no annotations:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import os
from typing import Any

from opentelemetry import trace
from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.sdk._configuration import (
    _OTelSDKConfigurator,  # pyright: ignore[reportPrivateUsage] # meant to be subclassed by distros
)
from opentelemetry.sdk.trace import TracerProvider

from pulse_otel.guard import guarded
from pulse_otel.log import logger


class PulseConfigurator(_OTelSDKConfigurator):
    """The SDK's own configuration by ``OTEL_*`` or ``OTEL_CONFIG_FILE``, once per process.

    `initialize()` may run again (in an application server's worker, say). A second pipeline
    could not replace the first, and would only leave its threads and exporters behind.
    """

    _configured = False

    def _configure(self, **kwargs: Any) -> None:
        if PulseConfigurator._configured:
            logger.debug("pulse-otel: the OpenTelemetry SDK is configured already")
            return
        super()._configure(**kwargs)  # type: ignore[no-untyped-call]
        PulseConfigurator._configured = True
        _watch(trace.get_tracer_provider())
        if not kwargs.get("trace_exporter_names") and _is_for_pulse_alone():
            _record_everything(trace.get_tracer_provider())


def _is_for_pulse_alone() -> bool:
    exporters = os.environ.get(OTEL_TRACES_EXPORTER, "").strip()
    return exporters == "pulse" and not os.environ.get("OTEL_CONFIG_FILE")


def _watch(provider: object) -> None:
    """Have spans noted from the first one, if an exporter of ours gets them."""
    from pulse_otel.process.exporters import running

    if running():
        from pulse_otel.export.span_watch import watch

        watch(provider)


def watch_configured() -> None:
    """Have spans noted also if another distro's configurator has set up the SDK.

    `opentelemetry-instrument` calls this once that is done, before it loads any instrumentor.
    """
    guarded(_watch, trace.get_tracer_provider())


def _record_everything(provider: object) -> None:
    """Have the program's sampler decide about the traces of others alone, as `init_pulse` does."""
    from pulse_otel.export.exporter import PulseSpanExporter
    from pulse_otel.process.exporters import running
    from pulse_otel.unsampled import RecordEverything, UnsampledSpans

    exporters = [one for one in running() if isinstance(one, PulseSpanExporter)]
    if exporters and isinstance(provider, TracerProvider):
        provider.sampler = RecordEverything(provider.sampler)
        provider.add_span_processor(UnsampledSpans(exporters[-1]))
