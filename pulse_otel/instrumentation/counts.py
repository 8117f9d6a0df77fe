"""Extract the counts of an answer by rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulse_otel.instrumentation.reading import Rule, fields_of


class Counts:
    """Extract counts of an answer by rules, as `Rules` does, with fewer calls for each answer."""

    def __init__(self, *rules: Rule) -> None:
        own = [(path[0], attribute, cast) for path, attribute, cast in rules if len(path) == 1]
        parents: dict[str, list[tuple[str, str, Callable[[Any], Any]]]] = {}
        for path, attribute, cast in rules:
            if len(path) > 1:
                parents.setdefault(path[0], []).append((path[1], attribute, cast))
        self._own = own
        self._parents = list(parents.items())

    def extract(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes that the rules find in `fields`."""
        found: dict[str, Any] = {}
        _extract(self._own, fields, found)
        for name, rules in self._parents:
            if name in fields and fields[name] is not None:
                _extract(rules, fields_of(fields[name]), found)
        return found


def _extract(
    rules: list[tuple[str, str, Callable[[Any], Any]]],
    fields: Mapping[str, Any],
    found: dict[str, Any],
) -> None:
    for name, attribute, cast in rules:
        if name in fields and attribute not in found:
            value = fields[name]
            if value is not None and (count := cast(value)) is not None:
                found[attribute] = count
