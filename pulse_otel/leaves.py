"""The names and texts of JSON data, read by many at a time: no Python code runs for each value."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from math import isnan
from typing import Any

from pulse_otel.guard import tried
from pulse_otel.values import MAX_DEPTH, MAX_PARTS

_KINDS = frozenset((str, int, float, bool, type(None), list, dict))
_LARGEST = 2**63
SEPARATOR = "\x00"


@dataclass(frozen=True)
class Leaves:
    """The names of all fields, and all texts, which have no NUL, with NULs between them."""

    names: list[str]
    texts: list[str]

    @property
    def text(self) -> str:
        """Return all texts in one."""
        return SEPARATOR.join(self.texts)


def leaves(value: Any, most: int = MAX_PARTS, clean: bool = True) -> Leaves | None:
    """Return the names and texts in `value`; None unless `plain` would return a copy of it.

    None too if it has more than `most` values, or if a thread writes to it. Unless they are to be
    `clean`, texts are not looked into.
    """
    return tried(_leaves, value, most, clean, otherwise=None)


def _leaves(value: Any, most: int, clean: bool) -> Leaves | None:
    names: list[str] = []
    texts: list[str] = []
    level = [value]
    for _ in range(MAX_DEPTH):
        kinds = set(map(type, level))
        most -= len(level)
        if not kinds <= _KINDS or most < 0 or not _moderate(level, kinds):
            return None
        if str in kinds:
            texts += [part for part in level if type(part) is str]
        if not (dict in kinds or list in kinds):
            known = not clean or (_clean(texts) and _clean(names))
            return Leaves(names, texts) if known else None
        dicts = [part for part in level if type(part) is dict]
        names += chain.from_iterable(dicts)
        if not set(map(type, names)) <= {str}:
            return None
        lists: Iterable[Any] = [part for part in level if type(part) is list]
        level = [*chain.from_iterable(lists), *chain.from_iterable(map(dict.values, dicts))]
    return None


def _moderate(level: list[Any], kinds: set[type]) -> bool:
    """Return whether no number is one that JSON lacks, or some database."""
    if not (int in kinds or float in kinds):
        return True
    numbers: list[float] = [part for part in level if type(part) in (int, float)]
    # Of numbers with a NaN, max() may be any; a sum of them is one.
    return min(numbers) >= -_LARGEST and max(numbers) <= _LARGEST and not isnan(sum(numbers))


def _clean(texts: list[str]) -> bool:
    return SEPARATOR not in "".join(texts)
