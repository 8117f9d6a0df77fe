"""The documented import name: `pulse_otel`'s names, and nothing of its own."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from pulse_otel import (
    AnthropicInstrumentor,
    ConfigError,
    DeliveryStats,
    ObserveOptions,
    OpenAIInstrumentor,
    Provider,
    PulseConfig,
    PulseSpanExporter,
    flush_buffer,
    init_pulse,
    observe,
    session,
    shutdown,
    stats,
)
from pulse_otel import __version__ as __version__

__all__ = [
    "AnthropicInstrumentor",
    "ConfigError",
    "DeliveryStats",
    "ObserveOptions",
    "OpenAIInstrumentor",
    "Provider",
    "PulseConfig",
    "PulseSpanExporter",
    "flush_buffer",
    "init_pulse",
    "observe",
    "session",
    "shutdown",
    "stats",
]


def _warn_of_the_other() -> None:
    try:
        distribution("pulse-trace-sdk")
    except PackageNotFoundError:
        return
    from pulse_otel.log import rate_limited

    rate_limited.warning(
        "pulse-trace-sdk",
        "pulse-otel: the distribution pulse-trace-sdk is installed too and has the same import"
        " name: run `pip uninstall pulse-trace-sdk`, then reinstall pulse-otel",
    )


_warn_of_the_other()
