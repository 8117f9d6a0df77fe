"""A finished span as data. No accessor raises: a value of a wrong type becomes None."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id

from pulse_otel import semconv

Attributes = dict[str, Any]

_NOTHING: Mapping[str, Any] = {}
_MAX_DIGITS = 18
_LEAST_INEXACT = 2**53
_MOST_SEGMENTS = 12
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?([eE]-?[0-9]{1,2})?")


def as_text(value: object) -> str | None:
    """Return `value` as a plain text if it is a text that is not empty."""
    if type(value) is str:
        return value or None
    return str.__str__(value) or None if isinstance(value, str) else None


def as_count(value: object) -> int | None:
    """Return the count that an int, a float or a text denotes; None if it is negative."""
    if type(value) is int:
        return value if 0 <= value < _LEAST_INEXACT else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < _LEAST_INEXACT else None


def as_number(value: object) -> float | None:
    """Return the number that a number or a text denotes; None if negative or not finite."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < 1e15 else None


def as_json(value: object) -> Any:
    """Parse JSON text; return what is not text as it is, and None for other text."""
    if not isinstance(value, str):
        return value
    try:
        return _parsed(value)
    except (ValueError, RecursionError):
        return None


def _parsed(text: str) -> Any:
    fast = _fast_parser()
    if fast is not None:
        try:
            return fast(text)
        except (ValueError, TypeError):  # such as a lone surrogate, or a depth of more than 200
            pass
    return json.loads(text)


@cache
def _fast_parser() -> Callable[[str], Any] | None:
    """Return pydantic's parser of JSON: it takes a third of the time of `json`'s."""
    try:
        from pydantic_core import from_json
    except ImportError:  # pydantic 1
        return None
    return from_json


def loose_json(value: object) -> Any:
    """Parse JSON text; return any other text, and anything else, as it is."""
    parsed = as_json(value)
    return value if parsed is None else parsed


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a mapping, or else an empty one."""
    if type(value) is dict:  # nearly always: asking an abstract class takes far longer
        return value
    return value if value is not None and isinstance(value, Mapping) else _NOTHING


def items(value: object) -> list[Any]:
    """Return `value` as a list if it is a list or a tuple, or else an empty one."""
    return list(value) if isinstance(value, (list, tuple)) else []


def dicts(value: object) -> list[dict[str, Any]]:
    """Return the dicts in a list."""
    if not isinstance(value, (list, tuple)):
        return []
    return [item for item in value if isinstance(item, dict)]


def at(value: object, *path: str) -> Any:
    """Return the value at `path` of nested mappings; None if the path ends early."""
    for name in path:
        value = mapping(value).get(name)
        if value is None:
            return None
    return value


def first(holder: Mapping[str, Any], *names: str) -> Any:
    """Return the first value under `names` that is not None; None if there is none."""
    return next((holder[name] for name in names if holder.get(name) is not None), None)


def present(**found: Any) -> Attributes:
    """Return the arguments that are not None."""
    return {key: value for key, value in found.items() if value is not None}


class Source:
    """The attributes, events and scope of a span."""

    __slots__ = ("attributes", "name", "scope", "span")

    def __init__(self, span: ReadableSpan) -> None:
        self.span = span
        attributes: Any = span.attributes or {}
        # The SDK's mapping is slow to read, and each attribute is read several times.
        self.attributes: Mapping[str, Any] = (
            attributes.copy() if hasattr(attributes, "copy") else dict(attributes)
        )
        scope = span.instrumentation_scope
        self.scope = (as_text(scope.name) if scope else None) or ""
        self.name = as_text(span.name) or ""

    def get(self, key: str) -> Any:
        """Return the attribute as it is."""
        return self.attributes.get(key)

    def text(self, key: str) -> str | None:
        """Return the attribute, if it is text."""
        return as_text(self.attributes.get(key))

    def json(self, key: str) -> Any:
        """Return the attribute, parsed if it is JSON text."""
        return as_json(self.attributes.get(key))

    def under(self, prefix: str) -> dict[str, Any]:
        """Return the attributes whose keys start with `prefix`, by the rest of their keys."""
        return {
            key[len(prefix) :]: value
            for key, value in self.attributes.items()
            if key.startswith(prefix)
        }

    def nested(self, prefix: str) -> list[Any]:
        """Return `prefix.0.a.b`, `prefix.1.c` as a list of nested dicts and lists."""
        root: dict[str, Any] = {}
        for key, value in self.under(prefix + ".").items():
            _plant(root, key.split("."), value)
        return items(_listed(root)) if root else []

    def events(self, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield time (ns) and attributes of the span's events of that name."""
        for event in self.span.events:
            if event.name == name:
                yield event.timestamp or 0, event.attributes or {}

    def calls_within(self) -> tuple[tuple[str, str], ...]:
        """Return the trace id and span id of our calls that were made within the span."""
        found: Any = self.span.__dict__.get(semconv.CALLS_WITHIN)
        if not found:
            return ()
        return tuple((format_trace_id(c.trace_id), format_span_id(c.span_id)) for c in found)

    def seconds_to_event(self, name: str) -> float | None:
        """Return the seconds from the start of the span to its first event of that name."""
        return next((self.seconds_to(time) for time, _ in self.events(name)), None)

    def seconds_to(self, time_ns: int) -> float | None:
        """Return the seconds from the start of the span to `time_ns`; None if it is outside."""
        start, end = self.span.start_time or 0, self.span.end_time or 0
        return (time_ns - start) / 1e9 if start < time_ns <= max(start, end) else None


def _plant(root: dict[str, Any], path: list[str], value: Any) -> None:
    if len(path) > _MOST_SEGMENTS:
        return
    for segment in path[:-1]:
        below = root.setdefault(segment, {})
        if not isinstance(below, dict):
            return
        root = below
    root.setdefault(path[-1], value)


def _listed(node: Any) -> Any:
    """Turn dicts whose keys are all numbers into lists, in the order of the numbers."""
    if not isinstance(node, dict):
        return node
    children = {key: _listed(value) for key, value in node.items()}
    if all(key.isascii() and key.isdigit() and len(key) < 8 for key in children):
        return [children[key] for key in sorted(children, key=int)]
    return children
