"""What sets up the SDK under `opentelemetry-instrument` if no distro brings its own."""

# The SDK's configurator has no annotations:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

from opentelemetry.sdk._configuration import (
    _OTelSDKConfigurator,  # pyright: ignore[reportPrivateUsage] # meant to be subclassed by distros
)

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
