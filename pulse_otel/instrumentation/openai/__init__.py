"""Know the `openai` SDK: its endpoints, and the shape of their data."""

from __future__ import annotations

from pulse_otel.instrumentation.instrumentor import SdkInstrumentor


class OpenAIInstrumentor(SdkInstrumentor):
    """Record the calls of every `openai` client: `OpenAIInstrumentor().instrument()`.

    `instrument()` takes these keywords, and `uninstrument()` ends it:

    - `tracer_provider`: where the spans go. By default, that is the pipeline of `init_pulse`, which
      may be called before or after, or else the global provider.
    - `capture_content`, `max_content_bytes`, `stream_usage`: by default, the settings of
      `init_pulse`. Without it, ``PULSE_CAPTURE_CONTENT``, ``PULSE_MAX_CONTENT_BYTES`` and
      ``PULSE_STREAM_USAGE``; content is then off, unless ``OTEL_TRACES_EXPORTER`` or
      ``OTEL_CONFIG_FILE`` names the exporter ``pulse``.
    - `meter_provider`: where the metrics go; by default, the global one.

    It raises ConfigError for a wrong value, and TypeError for a provider that is none.
    """

    sdk = "openai"
    dependency = "openai >= 1.66"
