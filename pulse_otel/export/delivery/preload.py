"""What only the worker needs, and imports: that takes longer than all of `init_pulse`."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from pulse_otel.values import to_json

_NEEDED = (
    "encodings.idna",
    "opentelemetry.instrumentation.utils",
    "pydantic_core",
    "urllib3.exceptions",
    "pulse_otel.export.bodies.shrink",
    "pulse_otel.export.dialects.registry",
    "pulse_otel.export.pricing.cost",
    "pulse_otel.export.records.duplicates.deduplicator",
    "pulse_otel.export.transport.connection",
    "pulse_otel.export.transport.failures",
    "pulse_otel.export.payloads.otlp",
    "pulse_otel.export.payloads.traces",
)


def import_all() -> None:
    """Import all of it, while no fork can happen: see `process.forks`."""
    for name in _NEEDED:
        with suppress(ImportError, Warning):  # where it is missed, it is reported
            import_module(name)
    to_json({})  # its encoder prepares itself at the first use, under a lock of its own
