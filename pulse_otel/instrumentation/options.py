"""Settle the options of the instrumentors: argument, then environment, then default.

A wrong argument raises ConfigError. A wrong environment variable is only warned about: under
`opentelemetry-instrument` an exception would turn off every other instrumentation as well. It
counts as the default; where it is about content, as a no, so that a typing error publishes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from pulse_otel import settings
from pulse_otel.log import rate_limited

T = TypeVar("T")

_CAPTURE_VARIABLES = (
    "PULSE_CAPTURE_CONTENT",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
)


def content_wanted(argument: bool | None, default: bool) -> bool:
    """Return whether prompts and answers are recorded."""
    return _option(settings.capture_content, argument, _CAPTURE_VARIABLES, default, False)


def content_bytes(argument: int | None) -> int:
    """Return how many bytes of content an attribute may have."""
    most = settings.MAX_CONTENT_BYTES
    return _option(settings.max_content_bytes, argument, ("PULSE_MAX_CONTENT_BYTES",), most, most)


def usage_policy(argument: str | None) -> str:
    """Return whether streams are asked for their usage: auto, always or never."""
    return _option(settings.stream_usage, argument, ("PULSE_STREAM_USAGE",), "auto", "auto")


def _option(
    parse: Callable[[object], T],
    argument: object,
    variables: tuple[str, ...],
    default: T,
    unreadable: T,
) -> T:
    if argument is not None:
        return parse(argument)
    for variable in variables:
        text = os.environ.get(variable, "").strip()
        if text:
            try:
                return parse(text)
            except settings.ConfigError as error:
                rate_limited.warning(
                    variable,
                    "pulse-otel: %s: %s; %r is used instead",
                    variable,
                    error,
                    unreadable,
                )
                return unreadable
    return default
