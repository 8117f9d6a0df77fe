"""Why entries are not the expected ones: a table with a row for each field that differs."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from pulse_otel.testing.entries import Entry
from pulse_otel.testing.expected import Differing, Expected
from pulse_otel.testing.traces import PulseTraces

_WIDTH = 40  # of a value; pytest itself cuts an explanation of more than 640 characters
_MISSING = "-"

Row = tuple[str, ...]


def explained(left: object, right: object, *, whole: bool = False) -> list[str] | None:
    """Return the lines for a failed ``left == right``; None if neither side has entries.

    `whole`: no value is cut.
    """
    if not (_is_recorded(left) and _is_expected(right)):
        left, right = right, left
    if not (_is_recorded(left) and _is_expected(right)):
        return None
    actual, expected = _listed(left), _listed(right)
    rows = [row for row in _rows(actual, expected) if row]
    wide = 10_000 if whole else _WIDTH
    lines = [f"recorded == expected, with {len(actual)} recorded and {len(expected)} expected"]
    lines += _table([("", "field", "expected", "recorded"), *rows], wide)
    if isinstance(left, PulseTraces) and left.open:
        lines.append(f"{left.open} not ended: is each stream read to its end, or closed?")
    return lines


def _is_recorded(side: object) -> bool:
    return isinstance(side, (PulseTraces, Entry)) or (
        isinstance(side, list) and all(isinstance(one, Entry) for one in side)
    )


def _is_expected(side: object) -> bool:
    if isinstance(side, Expected):
        return True
    return isinstance(side, list) and all(isinstance(one, Expected) for one in side)


def _listed(side: Any) -> Sequence[Any]:
    return [side] if isinstance(side, (Entry, Expected)) else list(side)


def _rows(actual: Sequence[Entry], expected: Sequence[Expected]) -> Iterator[Row]:
    for number, (wanted, found) in enumerate(zip_longest(expected, actual), 1):
        if wanted is None or found is None:
            there = found if wanted is None else wanted
            kind = "" if there is None else there.kind
            field = "(not expected)" if wanted is None else "(not recorded)"
            yield f"{number} {kind}", field, _text(wanted), _text(found)
            continue
        for one in wanted.differing(found):
            for field, value, real in _within(one):
                yield f"{number} {found.kind}", field, repr(value), repr(real)


def _text(entry: object) -> str:
    return _MISSING if entry is None else repr(entry)


def _are_lists(*values: object) -> bool:
    return all(isinstance(value, (list, tuple)) for value in values)


def _within(one: Differing) -> Iterator[Differing]:
    """Yield what differs inside of two lists of one length, or two dicts of the same keys."""
    field = one.field
    expected: Any = one.expected
    actual: Any = one.actual
    pairs: list[tuple[Any, Any, Any]] = []
    if isinstance(expected, dict) and isinstance(actual, dict):
        if expected.keys() == actual.keys():
            pairs = [(key, expected[key], actual[key]) for key in expected]
    elif _are_lists(expected, actual) and len(expected) == len(actual):
        pairs = [*zip(range(len(actual)), expected, actual, strict=True)]
    if not pairs:
        yield one
    for key, wanted, found in pairs:
        if wanted != found:
            yield from _within(Differing(f"{field}[{key!r}]", wanted, found))


def _table(rows: Sequence[Row], wide: int) -> list[str]:
    cut = [tuple(_cut(cell, wide) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cut
    ]


def _cut(text: str, wide: int) -> str:
    return text if len(text) <= wide else text[: wide - 1] + "…"
