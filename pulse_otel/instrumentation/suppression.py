"""Whether recording is switched off where a call is made."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from pulse_otel.context import is_paused, pauses


def may_record(context: Context | None = None) -> bool:
    """Return whether calls are recorded here: no `paused`, no key of OpenTelemetry's.

    `context` is the current one, if the caller has it: an empty one suppresses nothing.
    """
    if context is not None and not context:
        return True
    return is_instrumentation_enabled() and not (pauses.any and is_paused(context))
