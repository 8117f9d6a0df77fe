"""Records openai and anthropic calls as OpenTelemetry spans and ships them to Pulse.

Importing this package imports no provider SDK, no requests, and starts no thread.
"""

from __future__ import annotations

from importlib import import_module
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

# Not lazy: the function has its module's name, and must be what the name means.
from pulse_otel.observe import Provider, observe

if TYPE_CHECKING:
    from pulse_otel.addresses import trace_url
    from pulse_otel.call_labels import call
    from pulse_otel.context import session
    from pulse_otel.export.accounts.stats import DeliveryStats
    from pulse_otel.export.exporter import PulseSpanExporter
    from pulse_otel.instrumentation.anthropic import AnthropicInstrumentor
    from pulse_otel.instrumentation.last_call import RecordedCall, last_call
    from pulse_otel.instrumentation.openai import OpenAIInstrumentor
    from pulse_otel.instrumentation.paused import paused
    from pulse_otel.observe_options import ObserveOptions
    from pulse_otel.pipeline import flush_buffer, init_pulse, shutdown, stats
    from pulse_otel.pulse_config import PulseConfig
    from pulse_otel.settings import ConfigError
    from pulse_otel.units.blocks import tool, trace
    from pulse_otel.units.current import current_trace_id
    from pulse_otel.units.unit import Unit

    __version__: str

__all__ = [
    "AnthropicInstrumentor",
    "ConfigError",
    "DeliveryStats",
    "ObserveOptions",
    "OpenAIInstrumentor",
    "Provider",
    "PulseConfig",
    "PulseSpanExporter",
    "RecordedCall",
    "Unit",
    "call",
    "current_trace_id",
    "flush_buffer",
    "init_pulse",
    "last_call",
    "observe",
    "paused",
    "session",
    "shutdown",
    "stats",
    "tool",
    "trace",
    "trace_url",
]

_HOMES = {
    "AnthropicInstrumentor": "pulse_otel.instrumentation.anthropic",
    "ConfigError": "pulse_otel.settings",
    "DeliveryStats": "pulse_otel.export.accounts.stats",
    "ObserveOptions": "pulse_otel.observe_options",
    "OpenAIInstrumentor": "pulse_otel.instrumentation.openai",
    "PulseConfig": "pulse_otel.pulse_config",
    "PulseSpanExporter": "pulse_otel.export.exporter",
    "RecordedCall": "pulse_otel.instrumentation.last_call",
    "Unit": "pulse_otel.units.unit",
    "call": "pulse_otel.call_labels",
    "current_trace_id": "pulse_otel.units.current",
    "flush_buffer": "pulse_otel.pipeline",
    "init_pulse": "pulse_otel.pipeline",
    "last_call": "pulse_otel.instrumentation.last_call",
    "paused": "pulse_otel.instrumentation.paused",
    "session": "pulse_otel.context",
    "shutdown": "pulse_otel.pipeline",
    "stats": "pulse_otel.pipeline",
    "tool": "pulse_otel.units.blocks",
    "trace": "pulse_otel.units.blocks",
    "trace_url": "pulse_otel.addresses",
}


if not TYPE_CHECKING:  # to a type checker, it would mean that every name is there

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            return _version()
        home = _HOMES.get(name)
        if home is None:
            raise _unknown(name)
        value = getattr(import_module(home), name)
        globals()[name] = value
        return value


def _unknown(name: str) -> AttributeError:
    said = f"module {__name__!r} has no attribute {name!r}"
    # An import of a module of ours asks for it as an attribute first.
    if name.startswith("_") or PathFinder.find_spec(f"{__name__}.{name}", __path__):
        return AttributeError(said)
    from pulse_otel.near_names import name_meant

    meant = name_meant(name, __all__)
    hint = f"; did you mean pulse_otel.{meant}?" if meant else ""
    # Without `obj`, Python would add a suggestion of its own.
    return AttributeError(said + hint, name=name, obj="")


def _version() -> str:
    """The version of the package that is installed; looked up when asked for."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pulse-otel")
    except PackageNotFoundError:  # only its files are here
        return "unknown"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
