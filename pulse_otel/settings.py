"""Parse the value of a setting, given as an argument or in the environment.

A parser returns the setting or raises ConfigError; the caller decides what an error means. No
message contains a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

KEY_PREFIX = "pulse_sk_"
MAX_CONTENT_BYTES = 262_144
_SHOWN_BYTES = 160  # that are read to show the first characters


class PulseError(Exception):
    """Base of the exceptions of this package, which are raised at set-up and never on a call."""


class ConfigError(PulseError, ValueError):
    """A setting is wrong: the message names it, the values that it takes, and what to do."""


def shown(value: object) -> str:
    """Show a wrong value in a message: it could be a key, given in the wrong place."""
    from pulse_otel.masking import masked  # few programs have a wrong setting

    text = repr(value)
    return "a key" if KEY_PREFIX in text else masked(text, _SHOWN_BYTES)[:40]


def integer(
    name: str, low: int, high: int | None = None, unit: str = ""
) -> Callable[[object], int]:
    """Make a parser of integers from `low` to `high`."""
    expected = f"an integer from {low} to {high}" if high else f"an integer of at least {low}"
    expected += f" ({unit})" if unit else ""

    def parse(value: object) -> int:
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ConfigError(f"{name}: expected {expected}, got {shown(value)}")
        if value < low or (high is not None and value > high):
            raise ConfigError(f"{name}: expected {expected}, got {value}")
        return value

    return parse


def fraction(name: str) -> Callable[[object], float]:
    """Make a parser of numbers from 0 to 1."""

    def parse(value: object) -> float:
        number = value
        if isinstance(value, str):
            try:
                number = float(value)
            except ValueError:
                number = None
        if (
            isinstance(number, bool)
            or not isinstance(number, (int, float))
            or not 0 <= number <= 1  # also false of a number that is none
        ):
            raise ConfigError(f"{name}: expected a number from 0 to 1, got {shown(value)}")
        return float(number)

    return parse


_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
# OpenTelemetry's words for the places where message content is recorded.
_CONTENT_MODES = {
    **dict.fromkeys(("span_only", "span_and_event"), True),
    **dict.fromkeys(("event_only", "no_content"), False),
}


def boolean(name: str, words: Mapping[str, bool] = _BOOLEANS) -> Callable[[object], bool]:
    """Make a parser of booleans and of the `words` for them."""

    def parse(value: object) -> bool:
        if isinstance(value, str):
            value = words.get(value.strip().lower(), value)
        if not isinstance(value, bool):
            raise ConfigError(f"{name}: expected True or False, got {shown(value)}")
        return value

    return parse


def one_of(name: str, *words: str) -> Callable[[object], str]:
    """Make a parser of `words`."""
    *most, last = (repr(word) for word in words)
    expected = f"{', '.join(most)} or {last}"

    def parse(value: object) -> str:
        if value not in words:
            raise ConfigError(f"{name}: expected {expected}, got {shown(value)}")
        return str(value)

    return parse


capture_content = boolean("capture_content", {**_BOOLEANS, **_CONTENT_MODES})
max_content_bytes = integer("max_content_bytes", 1024)
stream_usage = one_of("stream_usage", "auto", "always", "never")

SENDS_KEY = {"auto": True, "otlp": True, "traces": True, "collector": False}
"""The protocols: whether requests carry the key. A Collector adds it itself."""

protocol = one_of("protocol", *SENDS_KEY)
