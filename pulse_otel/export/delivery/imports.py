"""What only the workers need, and import: it takes longer than all that `init_pulse` does."""

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
    "pulse_otel.export.pricing.table",
    "pulse_otel.export.records.duplicates.deduplicator",
    "pulse_otel.export.transport.connection",
    "pulse_otel.export.transport.failures",
    "pulse_otel.export.transport.protocol",
)


def import_all() -> None:
    """Import all of it at once, before anybody forks: see `forks`."""
    for name in _NEEDED:
        with suppress(ImportError):
            import_module(name)
    to_json({})  # its encoder makes itself ready at the first use, under a lock of its own
