"""AnthropicInstrumentor: every client of the process is recorded."""

from __future__ import annotations

from pulse_otel.instrumentation.anthropic.endpoints import install
from pulse_otel.instrumentation.instrumentor import SdkInstrumentor


class AnthropicInstrumentor(SdkInstrumentor):
    """Records the calls of every `anthropic` client.

    `instrument(tracer_provider=None, capture_content=None)`: spans go to that provider, or to
    the global one; content is off unless asked for (semantic conventions), here or with
    ``PULSE_CAPTURE_CONTENT``.
    """

    sdk = "anthropic"
    dependency = "anthropic >= 0.43"

    def install(self) -> None:
        """Patch the SDK's classes."""
        install()
