"""A record as one line of JSON, and back: what waits on disk can be posted in any form."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from dataclasses import fields
from operator import attrgetter
from typing import Any

from pulse_otel.export.records.record import Record, Usage
from pulse_otel.values import to_json_bytes

_REQUIRED = ("kind", "trace_id", "span_id", "name")
_NUMBERS = ("start_ns", "end_ns")
_KINDS = ("llm_call", "tool_use", "agent_run")
_MAPPINGS = ("metadata", "attributes")
_NAMES = tuple(field.name for field in fields(Record))
_COUNTS = tuple(field.name for field in fields(Usage))
_values = attrgetter(*_NAMES)
_counts = attrgetter(*_COUNTS)


def dump(record: Record) -> bytes:
    """`record` in one line; what is unset is left out."""
    kept = {
        name: value
        for name, value in zip(_NAMES, _values(record), strict=True)
        if value is not None and value is not False and value != {}
    }
    kept["usage"] = dict(zip(_COUNTS, _counts(record.usage), strict=True))
    return to_json_bytes(kept)


def load(line: str | bytes) -> Record:
    """The record of a line; raises ValueError for what is none. Unknown fields are left out."""
    try:
        data: Any = json.loads(line)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(data, dict):
        raise ValueError("no object")
    text = all(isinstance(data.get(name), str) for name in _REQUIRED)
    numbers = all(isinstance(data.get(name), int) for name in _NUMBERS)
    if not text or not numbers or data["kind"] not in _KINDS:
        raise ValueError("no record")
    usage: Any = data.pop("usage", None)
    known = {name: data[name] for name in _NAMES if name in data}
    for name in _MAPPINGS:
        if not isinstance(known.get(name, {}), dict):
            raise ValueError(name)
    counts = usage.items() if isinstance(usage, dict) else ()
    known.setdefault("parent_span_id", None)
    return Record(**known, usage=Usage(**{k: v for k, v in counts if k in _COUNTS}))
