"""The options of the instrumentors: argument, then environment, then default.

A wrong argument raises. A wrong environment variable is complained about: under
`opentelemetry-instrument` any exception would turn off every instrumentation there is. It is taken
as the default; where it is about content, as a no: nothing leaves by a typing error.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from pulse_otel.log import rate_limited

T = TypeVar("T")

MAX_CONTENT_BYTES = 262_144
_LEAST_CONTENT_BYTES = 1024

_CAPTURE = {
    **dict.fromkeys(("true", "1", "yes", "on", "span_only", "span_and_event"), True),
    **dict.fromkeys(("false", "0", "no", "off", "event_only", "no_content"), False),
}
# Name -> what a wrong value is told.
_EXPECTED = {
    "capture_content": "True or False",
    "max_content_bytes": f"an integer of at least {_LEAST_CONTENT_BYTES}",
    "stream_usage": "'auto', 'always' or 'never'",
}
_CAPTURE_VARIABLES = (
    "PULSE_CAPTURE_CONTENT",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
)


def content_wanted(argument: bool | None, default: bool) -> bool:
    """Whether prompts and answers are recorded."""
    return _option("capture_content", argument, _CAPTURE_VARIABLES, _boolean, default, False)


def content_bytes(argument: int | None) -> int:
    """How many bytes of content an attribute may have."""
    variables = ("PULSE_MAX_CONTENT_BYTES",)
    return _option(
        "max_content_bytes", argument, variables, _bytes, MAX_CONTENT_BYTES, MAX_CONTENT_BYTES
    )


def usage_policy(argument: str | None) -> str:
    """Whether streams are asked for their usage: auto, always or never."""
    return _option("stream_usage", argument, ("PULSE_STREAM_USAGE",), _policy, "auto", "auto")


def _option(
    name: str,
    argument: object,
    variables: tuple[str, ...],
    read: Callable[[object], T | None],
    default: T,
    unreadable: T,
) -> T:
    if argument is not None:
        value = read(argument)
        if value is None:
            raise ValueError(f"{name}: expected {_EXPECTED[name]}, got {argument!r:.40}")
        return value
    for variable in variables:
        given = os.environ.get(variable, "").strip()
        value = read(given) if given else None
        if value is not None:
            return value
        if given:
            rate_limited.warning(
                variable,
                "pulse-otel: %s: expected %s; it is taken as %r",
                variable,
                _EXPECTED[name],
                unreadable,
            )
            return unreadable
    return default


def _boolean(value: object) -> bool | None:
    if isinstance(value, str):
        return _CAPTURE.get(value.lower())
    return value if isinstance(value, bool) else None


def _bytes(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if value >= _LEAST_CONTENT_BYTES else None


def _policy(value: object) -> str | None:
    return str(value) if value in ("auto", "always", "never") else None
