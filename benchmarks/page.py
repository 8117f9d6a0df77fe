"""Tables of the measurements, for the terminal and for docs/performance.md."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from measurements import Measurement, Row

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
PLOT = PAGE.parent / "images" / "performance.svg"
Results = dict[str, dict[str, Any]]  # name of a measurement -> rows, versions

_HEAD = """# What recording costs

Written by `python benchmarks --markdown`.

The benchmark measures a call of a real SDK client, answered within the process, in three forms:
bare; within an OpenTelemetry span written by hand, with the same attributes and messages (the
*floor*); and observed (*ours*). Each form has its own processes. Callgrind counts the machine
instructions of the thread that makes the call, because they hardly depend on the load of the
machine. A count is that of the median call after twelve others: CPython rewrites a function's code
when it is called for the eighth time, so that the first calls cost more. The benchmark accepts a
figure only if the delivered spans have model, tokens, request and answer, and if the span by hand
equals ours attribute by attribute. CPU and wall time appear only together with counts: they come
from one machine with two cores. `python benchmarks` in a checkout, with valgrind installed, repeats
all measurements ([how](../benchmarks/README.md)).
"""


def cells(row: Row, before: Row) -> Row:
    """The texts of a row, with what was there before."""
    return {column: _cell(value, before.get(column)) for column, value in row.items()}


def _cell(value: Any, before: Any) -> str:
    if before is None or isinstance(value, str) or _number(before) == _number(value):
        return _number(value)
    return f"{_middle(before)} → {_number(value)}"


def _number(value: Any) -> str:
    if isinstance(value, list) and min(value) != max(value):
        return f"{_middle(value)} ({_number(min(value))} to {_number(max(value))})"
    return _middle(value)


def _middle(value: Any) -> str:
    if isinstance(value, list):
        value = statistics.median_low(value)
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)


def _name(row: Row) -> tuple[str, ...]:
    return tuple(value for value in row.values() if isinstance(value, str))


def table(rows: list[Row], before: list[Row]) -> list[str]:
    """The lines of a table in Markdown, which a terminal shows as well."""
    earlier = {_name(row): row for row in before}
    columns = list(dict.fromkeys(column for row in rows for column in row))
    texts = [cells(row, earlier.get(_name(row), {})) for row in rows]
    widths = {
        column: max(len(column), *(len(line.get(column, "")) for line in texts))
        for column in columns
    }
    left = {column for row in rows for column, value in row.items() if isinstance(value, str)}
    rule = {
        column: "-" * width if column in left else "-" * (width - 1) + ":"
        for column, width in widths.items()
    }

    def aligned(line: Row, column: str) -> str:
        text: str = line.get(column, "")
        width = widths[column]
        return text.ljust(width) if column in left else text.rjust(width)

    lines = [{column: column for column in columns}, rule, *texts]
    return [f"| {' | '.join(aligned(line, column) for column in columns)} |" for line in lines]


def with_floor_and_ours(name: str, results: Results) -> list[Row]:
    """The rows of a measurement; those of the peers begin with what they are compared with."""
    rows: list[Row] = results[name]["rows"]
    if name != "peers" or "instructions" not in results:
        return rows
    ours = results["instructions"]["rows"]
    beside = [
        {"peer": who}
        | {row["workload"]: statistics.median_low(row[f"{who} adds, k"]) for row in ours}
        for who in ("floor", "ours")
    ]
    return [*beside, *rows]


def section(measurement: Measurement, results: Results, before: Results) -> list[str]:
    """The title, the sentences and the table of one measurement."""
    earlier = with_floor_and_ours(measurement.name, before) if measurement.name in before else []
    rows = with_floor_and_ours(measurement.name, results)
    return [f"## {measurement.title}", "", measurement.what, "", *table(rows, earlier), ""]


def page(measurements: tuple[Measurement, ...], results: Results, before: Results) -> str:
    """The whole page: what is there of the measurements."""
    found = [each for each in measurements if each.name in results]
    newest = results[found[-1].name]["versions"]
    versions = ", ".join(f"{name} {version}" for name, version in newest.items())
    lines = [_HEAD, f"Measured with {versions}."]
    if before:
        lines.append("If a cell has two figures, the first is that of an earlier version.")
    if {"instructions", "peers"} <= results.keys():
        lines += ["", f"![What recording adds, per workload](images/{PLOT.name})"]
    lines.append("")
    for measurement in found:
        lines += section(measurement, results, before)
    return "\n".join(lines).rstrip() + "\n"
