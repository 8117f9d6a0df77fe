"""The rows of `export.py`: what the export thread does for a span."""

from __future__ import annotations

from typing import Any

from fresh import output

_BYTES = "bytes"


def rows() -> list[dict[str, Any]]:
    """A row for each kind of batch, and one for its bytes."""
    figures = output("export.py", "--how", "instructions", "--json", how="instructions")
    return [row for name, parts in figures.items() for row in _rows(name, parts)]


def _rows(name: str, parts: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    counted = {part: units.get("instructions", 0) // 1000 for part, units in parts.items()}
    sizes = {part: units[_BYTES] for part, units in parts.items() if _BYTES in units}
    return [_row(name, "k instructions", counted), _row(name, _BYTES, sizes)]


def _row(name: str, unit: str, parts: dict[str, int]) -> dict[str, Any]:
    ratio = round(parts["ours"] / parts["stock"], 2)
    return {"batch": name, "unit": unit, **parts, "ours / stock": ratio}
