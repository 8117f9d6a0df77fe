"""Whether recording is switched off where a call is made."""

from __future__ import annotations

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from pulse_otel.context import is_paused, pauses


def may_record() -> bool:
    """Return whether calls in this context are recorded: no `paused`, no key of OpenTelemetry's."""
    return is_instrumentation_enabled() and not (pauses.any and is_paused())
