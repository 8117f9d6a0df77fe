"""What the instrumentors of both SDKs share."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)

from pulse_otel.instrumentation.recorder import Recorder, recorders

MAX_CONTENT_BYTES = 262_144

_CAPTURE = {
    "true": True,
    "1": True,
    "span_only": True,
    "span_and_event": True,
    "false": False,
    "0": False,
    "event_only": False,
    "no_content": False,
}


def content_wanted(argument: bool | None, default: bool) -> bool:
    """Whether prompts and answers are recorded: argument, then environment, then `default`."""
    if argument is not None:
        return argument
    for name in ("PULSE_CAPTURE_CONTENT", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"):
        wanted = _CAPTURE.get(os.environ.get(name, "").strip().lower())
        if wanted is not None:
            return wanted
    return default


def _pulse_is_destination() -> bool:
    """Zero code: content is on where the user chose Pulse, since content is what Pulse is for."""
    exporters = os.environ.get("OTEL_TRACES_EXPORTER", "").split(",")
    return "pulse" in [name.strip() for name in exporters]


class SdkInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """A BaseInstrumentor for one SDK; `sdk`, `dependency` and `install` say which."""

    sdk = ""
    dependency = ""

    def install(self) -> None:
        """Patch the SDK's classes; without the SDK there is nothing to do."""
        raise NotImplementedError

    def instrumentation_dependencies(self) -> Collection[str]:
        """The SDK versions that are recorded."""
        return (self.dependency,)

    def _instrument(self, **kwargs: Any) -> None:
        provider = kwargs.get("tracer_provider")
        recorders.instrumented[self.sdk] = Recorder(
            tracer=lambda scope: trace.get_tracer(scope, tracer_provider=provider),
            provider=lambda: provider or trace.get_tracer_provider(),
            capture_content=content_wanted(kwargs.get("capture_content"), _pulse_is_destination()),
            max_content_bytes=MAX_CONTENT_BYTES,
        )
        self.install()

    def _uninstrument(self, **kwargs: Any) -> None:
        # The wrappers stay, as references to them may be held; they record nothing any more.
        recorders.instrumented.pop(self.sdk, None)
