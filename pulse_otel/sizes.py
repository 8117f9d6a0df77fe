"""Estimate how long the JSON of a value and of all its parts is, in one walk."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

DEEPEST = 80  # levels, each of which takes a few frames of the stack


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
            return len(value) + 2
        if kind is int:
            return 1 + value.bit_length() // 4
        if kind not in (dict, list, tuple) or depth > DEEPEST:
            return 1
        found = self._known.get(id(value))
        if found is None:
            self._known[id(value)] = 1  # in case the value is inside of itself
            walk = self._least_object if kind is dict else self._least_list
            found = self._known[id(value)] = walk(value, depth + 1)
        return found

    def _least_object(self, value: dict[Any, Any], depth: int) -> int:
        total = 1 + 5 * len(value)
        if total > self._enough:
            return total
        for name, item in list(value.items()):
            if type(name) is str:
                total += len(name)
            total += len(item) + 1 if type(item) is str else self.least(item, depth) - 1
            if total > self._enough:
                break
        return total

    def _least_list(self, items: Any, depth: int) -> int:
        total = 1 + 2 * len(items)
        if total > self._enough:
            return total
        for item in list(items):
            total += self.least(item, depth) - 1
            if total > self._enough:
                break
        return total
