"""A spool's batch: as the content of a file, while it is ours, and when it was let go of.

A file has a line that says what it is, then one record per line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from pulse_otel.export.record import Record
from pulse_otel.export.record_text import dump, load

_HEADER = b'{"pulse_spool":1}'


@dataclass(frozen=True, slots=True)
class Gone:
    """Spans that the spool let go of."""

    file: str  # its waiting name
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Leased:
    """A batch that is ours for a while: its file's name by now, and what is in it."""

    file: str
    records: list[Record]
    damaged: int  # so many of its records cannot be read


def pack(records: Sequence[Record]) -> bytes:
    """The content of a file with `records`."""
    return b"\n".join([_HEADER, *[dump(record) for record in records], b""])


def unpack(data: bytes) -> list[Record]:
    """The records of the lines that are whole."""
    records: list[Record] = []
    for line in data.decode("utf-8", "replace").split("\n")[1:]:
        with contextlib.suppress(ValueError, TypeError):
            records.append(load(line))
    return records
