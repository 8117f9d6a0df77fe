"""Semantic Kernel: the loop of calls and tools, whose other spans use the conventions."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.export.dialects.dialect import Dialect
from pulse_otel.export.dialects.source import Attributes, Source

_FUNCTIONS = "sk.available_functions"


def _read(source: Source) -> Attributes:
    """Read a run, which has a span of its own even where those of agents and calls are off."""
    return {semconv.OPERATION_NAME: "agent_step", semconv.AGENT_NAME: source.name}


SEMANTIC_KERNEL = Dialect(
    name="semantic-kernel",
    read=_read,
    ignores=lambda source: not source.get(_FUNCTIONS),  # without functions, it is one call
)
