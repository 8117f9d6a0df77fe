"""What a test expects of a call, a tool or a unit of work: some of the fields, or none."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pulse_otel.testing.entries import Entry


class Differing(NamedTuple):
    """A field that is not as expected."""

    field: str
    expected: object
    actual: object


class Expected:
    """Equal to an entry of its kind that has these fields; the others may be anything."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, kind: str, fields: Mapping[str, object]) -> None:
        self.kind = kind
        self.fields = {name: value for name, value in fields.items() if value is not ...}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return not self.differing(other)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"{self.kind}({fields})"

    def differing(self, entry: Entry) -> list[Differing]:
        """Return the fields of `entry` that are not as expected."""
        if entry.kind != self.kind:
            return [Differing("kind", self.kind, entry.kind)]
        actual = ((name, value, getattr(entry, name)) for name, value in self.fields.items())
        return [Differing(*one) for one in actual if one[1] != one[2]]


def call(
    *,
    model: object = ...,
    response_model: object = ...,
    provider: object = ...,
    messages: object = ...,
    answer: object = ...,
    tools: object = ...,
    tool_calls: object = ...,
    input_tokens: object = ...,
    output_tokens: object = ...,
    cost_cents: object = ...,
    error: object = ...,
    session_id: object = ...,
    user_id: object = ...,
    metadata: object = ...,
    duration_ms: object = ...,
    request: object = ...,
    response: object = ...,
) -> Expected:
    """Expect an LLM call. ``...`` is anything, None is nothing; see `Call` for the fields."""
    return Expected("call", locals())


def tool(
    name: object = ...,
    *,
    input: object = ...,
    output: object = ...,
    call_id: object = ...,
    error: object = ...,
    session_id: object = ...,
    user_id: object = ...,
    metadata: object = ...,
    duration_ms: object = ...,
) -> Expected:
    """Expect a run of a tool, with these fields of `Tool`."""
    return Expected("tool", locals())


def run(
    name: object = ...,
    *,
    input: object = ...,
    output: object = ...,
    error: object = ...,
    session_id: object = ...,
    user_id: object = ...,
    metadata: object = ...,
    duration_ms: object = ...,
) -> Expected:
    """Expect a unit of work, with these fields of `Run`."""
    return Expected("run", locals())


class containing:
    """Equal to what contains all `parts`, at any depth.

    A text contains a part of it, a list its items, a dict a dict of some of its items; lists and
    dicts contain what one of their values contains.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, *parts: object) -> None:
        if not parts:
            raise TypeError("containing: expected what is to be contained, got nothing")
        self._parts = parts

    def __eq__(self, other: object) -> bool:
        return all(_contains(other, part) for part in self._parts)

    def __repr__(self) -> str:
        return f"containing({', '.join(map(repr, self._parts))})"


def _contains(value: Any, part: Any) -> bool:
    if part == value:
        return True
    if isinstance(value, str):
        return isinstance(part, str) and part in value
    if isinstance(value, Mapping):
        if isinstance(part, Mapping) and all(k in value and v == value[k] for k, v in part.items()):
            return True
        return any(_contains(one, part) for one in value.values())
    return isinstance(value, (list, tuple)) and any(_contains(one, part) for one in value)
