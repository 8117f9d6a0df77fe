"""Know the `openai` SDK: its endpoints, and the shape of their data."""

from __future__ import annotations

from pulse_otel.instrumentation.instrumentor import SdkInstrumentor


class OpenAIInstrumentor(SdkInstrumentor):
    """Record the calls of every `openai` client.

    `instrument(tracer_provider=None, capture_content=None, max_content_bytes=None,
    stream_usage=None)`: spans go to that provider. Without one they go to the pipeline of
    `init_pulse`, which may be called before or after, with its settings for what is not given
    here. Without `init_pulse` they go to the global provider, and what is not given is read
    from ``PULSE_CAPTURE_CONTENT``, ``PULSE_MAX_CONTENT_BYTES``, ``PULSE_STREAM_USAGE``; content
    is then off by default, unless an exporter called ``pulse`` is configured by
    ``OTEL_TRACES_EXPORTER`` or ``OTEL_CONFIG_FILE``. A wrong argument raises ValueError.
    """

    sdk = "openai"
    dependency = "openai >= 1.66"
