"""What the instrumentors of both SDKs share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)

from pulse_otel.instrumentation.destination import pulse_is_destination
from pulse_otel.instrumentation.options import content_bytes, content_wanted, usage_policy
from pulse_otel.instrumentation.patch import Patches
from pulse_otel.instrumentation.recorder import Recorder, recorders


class SdkInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """A BaseInstrumentor for one SDK; `sdk`, `dependency` and `install` say which."""

    sdk = ""
    dependency = ""

    def install(self) -> Patches:
        """Patch the SDK's classes. Raises ImportError without the SDK."""
        raise NotImplementedError

    def instrumentation_dependencies(self) -> Collection[str]:
        """The SDK versions that are recorded."""
        return (self.dependency,)

    def _instrument(self, **kwargs: Any) -> None:
        provider = kwargs.get("tracer_provider")
        recorder = Recorder(
            tracer=lambda scope: trace.get_tracer(scope, tracer_provider=provider),
            provider=lambda: provider or trace.get_tracer_provider(),
            capture_content=content_wanted(kwargs.get("capture_content"), pulse_is_destination()),
            max_content_bytes=content_bytes(kwargs.get("max_content_bytes")),
            stream_usage=usage_policy(kwargs.get("stream_usage")),
        )
        self._patches = self.install()
        recorders.instrumented[self.sdk] = recorder

    def _uninstrument(self, **kwargs: Any) -> None:
        recorders.instrumented.pop(self.sdk, None)
        self._patches.release()
