"""Everything that knows the `anthropic` SDK: its endpoints, its data, its own spans."""

from __future__ import annotations

from pulse_otel.instrumentation.anthropic.instrumentor import AnthropicInstrumentor

__all__ = ["AnthropicInstrumentor"]
