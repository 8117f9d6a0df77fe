"""Find which fields of an object have an attribute: most objects of a program are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

_MOST_KNOWN, _MOST_NAMES = 64, 64  # so many combinations, of so many names, are remembered
_FEW = 6  # it takes longer to find out which of so few an object has

Field = tuple[str, str | None, Callable[[Any], Any]]
"""The name of a field, its attribute, and the function that checks the type; or None, and the one
that reads attributes of what is inside."""


class Fields:
    """Fields of an object, which lacks most of them."""

    def __init__(self, fields: list[Field]) -> None:
        self.all = fields
        self._known: dict[tuple[Any, ...], list[Field]] = {}

    def among(self, names: Iterable[Any]) -> list[Field]:
        """Return those that an object with these names has; or all, if they are few."""
        if len(self.all) <= _FEW:
            return self.all
        key = tuple(names)
        found = self._known.get(key)
        if found is None:
            found = [field for field in self.all if field[0] in key]
            if len(self._known) < _MOST_KNOWN and len(key) < _MOST_NAMES:
                self._known[key] = found
        return found
