"""A spool's batch: as the content of a file, while it is ours, and when it was dropped.

A file has a line that says what it is, then one record per line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pulse_otel.export.accounts.ends import DropReason
from pulse_otel.export.bodies.shrink import LIMITS, shrunk
from pulse_otel.export.records.record import Record
from pulse_otel.export.spool.record_text import dump, load
from pulse_otel.guard import FAILED, guarded

FILE_BYTES = 5 << 20
"""Records of one round are shared out among files that are hardly larger."""

_RECORD_BYTES = 32 << 20  # one that is larger by itself is cut: no file that large would be read
_HEADER = b'{"pulse_spool":1}'


@dataclass(frozen=True, slots=True)
class Gone:
    """Spans that the spool dropped."""

    file: str  # its waiting name
    count: int
    why: DropReason


@dataclass(frozen=True, slots=True)
class Leased:
    """A batch that is ours for a while: its file's name by now, and what is in it."""

    file: str
    records: list[Record]
    damaged: int  # so many of its records cannot be read


def pack(records: Sequence[Record]) -> bytes:
    """The content of a file with `records`."""
    return _joined([dump(record) for record in records])


def packed(records: Sequence[Record]) -> Iterator[tuple[list[Record], bytes]]:
    """`records`, shared out among files; each with its content."""
    part: list[Record] = []
    lines: list[bytes] = []
    size = 0
    for whole in records:
        record, line = _bounded(whole)
        if part and size + len(line) > FILE_BYTES:
            yield part, _joined(lines)
            part, lines, size = [], [], 0
        part.append(record)
        lines.append(line)
        size += len(line)
    if part:
        yield part, _joined(lines)


def _bounded(record: Record) -> tuple[Record, bytes]:
    line = guarded(dump, record, otherwise=FAILED)
    for limit in LIMITS:
        if line is not FAILED and len(line) <= _RECORD_BYTES:
            break
        record = shrunk(record, limit)
        line = guarded(dump, record, otherwise=FAILED)
    return record, b"" if line is FAILED else line


def _joined(lines: Sequence[bytes]) -> bytes:
    return b"\n".join([_HEADER, *lines, b""])


def unpack(data: bytes) -> list[Record]:
    """The records of the lines that are whole."""
    records: list[Record] = []
    for line in data.decode("utf-8", "replace").split("\n")[1:]:
        with contextlib.suppress(ValueError, TypeError):
            records.append(load(line))
    return records
