"""The content of a spool's file: a header line, then one record per line of JSON.

A record is kept in Pulse's own terms, so that what waits on disk can be posted in any form.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, get_args

from pulse_otel.export.bodies.shrink import LIMITS, shrunk
from pulse_otel.export.records.record import COUNTS, Kind, Record, Usage
from pulse_otel.guard import FAILED, guarded
from pulse_otel.values import to_json_bytes

FILE_BYTES = 5 << 20
"""The records of one round are divided among files of about this size."""

_RECORD_BYTES = 32 << 20  # a larger record is cut: no file that large would be read
_VERSION_FIELD, _VERSION = "pulse_spool", 1
_HEADER = json.dumps({_VERSION_FIELD: _VERSION}, separators=(",", ":")).encode()

_REQUIRED = ("kind", "trace_id", "span_id", "name")
_NUMBERS = ("start_ns", "end_ns")
_KINDS = get_args(Kind)
_MAPPINGS = ("metadata", "attributes")
# What a record contains matters before it gets here only, to find those of the same call.
_NAMES = tuple(field.name for field in fields(Record) if field.name != "contains")
_values = attrgetter(*_NAMES)
_counts = attrgetter(*COUNTS)


def pack(records: Sequence[Record]) -> bytes:
    """Return the content of a file with `records`."""
    return _joined([dump(record) for record in records])


def packed(records: Sequence[Record]) -> Iterator[tuple[list[Record], bytes]]:
    """Divide `records` among files; yield the records and the content of each."""
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
    """Return the records of the lines that can be read."""
    records: list[Record] = []
    for line in data.decode("utf-8", "replace").split("\n")[1:]:
        with contextlib.suppress(ValueError, TypeError):
            records.append(load(line))
    return records


def of_other_version(data: bytes) -> bool:
    """Return whether the header names another version, which this one could misread.

    A header that cannot be read names none: such a file is damaged.
    """
    try:
        header: Any = json.loads(data[:200].partition(b"\n")[0])
    except (ValueError, RecursionError):
        return False
    version = header.get(_VERSION_FIELD, _VERSION) if isinstance(header, dict) else _VERSION
    return bool(version != _VERSION)


def dump(record: Record) -> bytes:
    """Return `record` as one line; unset fields are left out."""
    kept = {
        name: value
        for name, value in zip(_NAMES, _values(record), strict=True)
        if value is not None and value is not False and value != {}
    }
    counts = zip(COUNTS, _counts(record.usage), strict=True)
    kept["usage"] = {name: count for name, count in counts if count is not None}
    return to_json_bytes(kept)


def load(line: str | bytes) -> Record:
    """Return the record of a line; unknown fields are left out.

    Raises ValueError or TypeError for a line that is not a record.
    """
    try:
        data: Any = json.loads(line)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(data, dict):
        raise ValueError("no object")
    text = all(isinstance(data.get(name), str) for name in _REQUIRED)
    numbers = all(isinstance(data.get(name), int) for name in _NUMBERS)
    mappings = all(isinstance(data.get(name, {}), dict) for name in _MAPPINGS)
    if not (text and numbers and mappings) or data["kind"] not in _KINDS:
        raise ValueError("no record")
    usage: Any = data.pop("usage", None)
    known = {name: data[name] for name in _NAMES if name in data}
    counts = usage.items() if isinstance(usage, dict) else ()
    known.setdefault("parent_span_id", None)
    return Record(**known, usage=Usage(**{k: v for k, v in counts if k in COUNTS}))
