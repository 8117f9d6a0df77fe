"""Everything that knows the `openai` SDK: its endpoints, and how their data is read."""

from __future__ import annotations

from pulse_otel.instrumentation.openai.instrumentor import OpenAIInstrumentor

__all__ = ["OpenAIInstrumentor"]
