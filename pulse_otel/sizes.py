"""Estimate how long the JSON of a value and of all its parts is, in one walk."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

from pulse_otel.outside import from_outside

DEEPEST = 80  # levels, each of which takes a few frames of the stack
_SMALL = 256  # bytes, which are walked again as fast as they are looked up
_CONTAINERS = frozenset((dict, list, tuple))


class Sizes:
    """Lower bounds on the JSON of values, each container of which is walked once.

    Values must live as long as this object, which knows them by their id. A walk ends where a
    value takes more than `enough` bytes.
    """

    def __init__(self, enough: int) -> None:
        """Walk values up to `enough` bytes."""
        self._enough = enough
        self._known: dict[int, int] = {}

    def least(self, value: Any, depth: int = 0) -> int:
        """Return how many bytes the JSON of `value` takes at least."""
        kind = type(value)
        if kind is str:
            return 2 + len(value)
        if kind is int:
            return 1 + int.bit_length(value) // 4
        if kind not in _CONTAINERS:
            return 1
        found = self._known.get(id(value))
        return self._walk(value, depth + 1) if found is None else found

    def _walk(self, value: Any, depth: int) -> int:
        total, enough = 1, self._enough
        if depth > DEEPEST:
            return total
        if type(value) is dict:
            total += 4 * len(value) + _length(value)
            parts = list(value.values())
        else:
            parts = list(value)
        for part in parts:
            kind = type(part)
            if kind is str:
                total += len(part) + 3
            elif kind is dict:
                total += 1 + (self._known.get(id(part)) or self._walk(part, depth + 1))
            else:
                total += 1 + self.least(part, depth)
            if total > enough:
                break
        if total > _SMALL:
            self._known[id(value)] = total
        return total


def _length(names: dict[Any, Any]) -> int:
    try:
        return len("".join(names))
    except TypeError as error:  # not each is a text
        if from_outside(error):
            raise
        return 0
