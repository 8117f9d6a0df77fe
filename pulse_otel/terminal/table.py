"""Write rows as a table in plain text, for a terminal of any width, and uncut for a pipe.

Text from a service passes `printable`: a terminal obeys none of it.
"""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from pulse_otel.printable import printable

_GAP = " "
_CUT = "…"

Row: TypeAlias = Mapping[str, str]  # texts by the titles of columns


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and how much of it a terminal shows."""

    title: str
    most: int  # the greatest width
    rank: int = 0  # in a narrow terminal, the column of the highest rank goes first; 0 stays
    right: bool = False  # aligned to the right
    mark: bool = True  # whether a mark shows that a text is cut
    fills: bool = False  # takes the width that is left, and then `most` is the least that it needs


def terminal_width() -> int | None:
    """Return the width of the terminal that stdout is; None for a pipe and a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def line(text: object) -> str:
    """Return `text` in one line that a terminal shows and does not obey."""
    return " ".join(printable(str(text)).split())


def columns_within(columns: Sequence[Column], width: int | None) -> list[Column]:
    """Return the columns for which `width` has room; the one that fills gets the rest."""
    kept = list(columns)
    if width is None:
        return kept
    while _width(kept) > width and max(column.rank for column in kept) > 0:
        kept.remove(max(kept, key=lambda column: column.rank))
    spare = max(0, width - _width(kept))
    return [replace(one, most=one.most + spare) if one.fills else one for one in kept]


def fitted(columns: Sequence[Column], rows: Iterable[Row]) -> list[Column]:
    """Return the columns without the width that none of `rows` needs."""
    rows = list(rows)

    def needed(column: Column) -> int:
        return max(shown_width(text) for text in (column.title, *(r[column.title] for r in rows)))

    return [one if one.fills else replace(one, most=min(one.most, needed(one))) for one in columns]


def heading(columns: Sequence[Column], width: int | None) -> list[str]:
    """Return the titles of `columns`, and a line below them."""
    titles = written(columns, {column.title: column.title for column in columns}, width)
    return [titles, "-" * (shown_width(titles) if width is None else min(width, _width(columns)))]


def written(columns: Sequence[Column], row: Row, width: int | None) -> str:
    """Return one row; where `width` is None, no text is cut."""
    cells = [_cell(column, line(row[column.title]), width) for column in columns]
    return _GAP.join(cells).rstrip()


def _cell(column: Column, text: str, width: int | None) -> str:
    if width is not None:
        text = cut(text, column.most, _CUT if column.mark else "")
    padding = " " * (column.most - shown_width(text))
    return padding + text if column.right else text + padding


def _width(columns: Sequence[Column]) -> int:
    return sum(column.most for column in columns) + len(_GAP) * (len(columns) - 1)


def shown_width(text: str) -> int:
    """Return how many cells of a terminal `text` takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int, mark: str = _CUT) -> str:
    """Return the beginning of `text` that takes at most `width` cells, with `mark` if it is cut."""
    if shown_width(text) <= width:
        return text
    room, end = width - len(mark), 0
    for end, character in enumerate(text):  # noqa: B007 - the end is what is looked for
        room -= _cells(character)
        if room < 0:
            break
    return text[:end] + mark[:width]
