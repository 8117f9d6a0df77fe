"""Says at the end of a program that it made calls and that none was recorded, as nobody asked."""

from __future__ import annotations

import sys

from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.instrumentation.recorder import recorders, recording_disabled_by_environment
from pulse_otel.instrumentation.sdks import SDKS
from pulse_otel.log import logger


def log_if_nothing_was_recorded(stats: DeliveryStats) -> None:
    """Log one line if an SDK sent requests while no client was observed and no SDK instrumented.

    A program that sent none, as one that only shows its help, misses nothing.
    """
    recorded = stats.ended > stats.ignored
    if recorded or recorders.asked or recording_disabled_by_environment():
        return
    if any(map(_has_sent_requests, SDKS)):
        logger.warning(
            "pulse-otel: nothing was recorded: init_pulse() alone records no client; use"
            " init_pulse(instrument=True) for every client, or observe(client) for one"
        )


def _has_sent_requests(sdk: str) -> bool:
    """Return whether `sdk` has made the headers of a request, which it computes once and keeps."""
    module = sys.modules.get(f"{sdk}._base_client")
    kept = getattr(getattr(module, "platform_headers", None), "cache_info", None)
    return kept is not None and kept().currsize > 0
