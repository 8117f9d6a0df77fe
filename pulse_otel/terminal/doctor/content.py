"""The check of what is recorded of prompts and answers, and where it goes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

from pulse_otel.guard import FAILED, tried
from pulse_otel.instrumentation.options import content_wanted
from pulse_otel.terminal.doctor.finding import Finding, Setup, error, ok

_VARIABLES = ("PULSE_CAPTURE_CONTENT", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")
_SAMPLE = "Hello Pulse"


def check_content(setup: Setup) -> Iterator[Finding]:
    """Say where prompts and answers go."""
    config = setup.config
    origin = next((name for name in _VARIABLES if os.environ.get(name)), "the default")
    if not content_wanted(config.capture_content, True):
        yield ok(f"no prompts and no answers are recorded ({origin})")
    else:
        redacted = "redacted" if config.redact else "not redacted"
        places = " and ".join([config.api_url, *_other_exporters()])
        yield ok(f"prompts and answers are recorded ({origin}), {redacted}, and go to {places}")
    if config.redact:
        yield _redaction(config.redact)
    if config.sample_rate < 1:
        errors = ", and every failed call" if config.keep_errors else ""
        yield ok(f"{config.sample_rate:.4g} of the traces are sent{errors}")


def _other_exporters() -> list[str]:
    """Name the exporters that `opentelemetry-instrument` sets up beside ours."""
    names = os.environ.get("OTEL_TRACES_EXPORTER", "").split(",")
    others = [name.strip() for name in names if name.strip() not in ("", "pulse", "none")]
    return [f"the exporter {name}" for name in others]


def _redaction(redact: Callable[[str], object]) -> Finding:
    with contextlib.redirect_stdout(sys.stderr):  # stdout is the doctor's
        result = tried(redact, _SAMPLE, otherwise=FAILED)
    if isinstance(result, str):
        return ok("the redact function returns a text")
    fault = "raises" if result is FAILED else f"returns {type(result).__name__}"
    return error(
        f"the redact function {fault}: every text is left out",
        "let it take one text, and return one",
    )
