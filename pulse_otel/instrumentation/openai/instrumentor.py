"""OpenAIInstrumentor: every client of the process is recorded."""

from __future__ import annotations

from pulse_otel.instrumentation.instrumentor import SdkInstrumentor
from pulse_otel.instrumentation.openai.endpoints import install


class OpenAIInstrumentor(SdkInstrumentor):
    """Records the calls of every `openai` client.

    `instrument(tracer_provider=None, capture_content=None)`: spans go to that provider, or to
    the global one; content is off unless asked for (semantic conventions), here or with
    ``PULSE_CAPTURE_CONTENT``.
    """

    sdk = "openai"
    dependency = "openai >= 1.66"

    def install(self) -> None:
        """Patch the SDK's classes."""
        install()
