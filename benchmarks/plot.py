"""The plot of the page: what ours, floor and peers add to each workload, as bars."""

from __future__ import annotations

from html import escape

from measurements import Row
from page import Results, with_floor_and_ours

_WIDTH, _PANEL, _NAMES, _BAR, _GAP, _HEAD = 830, 400, 135, 13, 3, 28
_LONGEST = 6.0  # times the floor; a longer bar is cut, and its figure says so
_SCALE = (_PANEL - _NAMES - 65) / _LONGEST
_SHOWN = {"ours": "pulse-otel", "floor": "span by hand"}
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a }
.title { font-weight: 600 }
.floor { fill: #8c959f } .ours { fill: #0969da } .peer { fill: #c9a26b }
.line { stroke: #8c959f; stroke-dasharray: 2 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #adbac7 } .ours { fill: #539bf5 } .floor { fill: #768390 } .peer { fill: #8a6d3b }
}
"""


def plot(results: Results) -> str:
    """The SVG: a panel for each workload, two beside one another, lengths in times the floor."""
    workloads = [row["workload"] for row in results["instructions"]["rows"]]
    rows = [row for row in with_floor_and_ours("peers", results) if {*workloads} & {*row}]
    rows.sort(key=lambda row: row["peer"] != "ours")
    height = _HEAD + len(rows) * (_BAR + _GAP) + 14
    panels = []
    for number, workload in enumerate(workloads):
        x, y = number % 2 * (_WIDTH - _PANEL), number // 2 * height
        panels.append(f'<g transform="translate({x} {y})">{_panel(workload, rows)}</g>')
    whole = (len(workloads) + 1) // 2 * height + 18
    note = "Instructions added to the calling thread, in times what a span written by hand adds"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {whole}" role="img"'
        f' aria-label="{note}"><style>{_STYLE}</style>{"".join(panels)}'
        f'<text x="0" y="{whole - 5}">{note}. Shorter is cheaper; * lacks content or tokens.</text>'
        "</svg>\n"
    )


def _panel(workload: str, rows: list[Row]) -> str:
    """One workload: its name, a bar for each row, and a line at the floor."""
    (floor,) = [row[workload] for row in rows if row["peer"] == "floor"]
    parts = [f'<text class="title" x="0" y="16">{escape(workload)}</text>']
    for number, row in enumerate(rows):
        ratio = row[workload] / floor if workload in row else None
        complete = f"{workload}: " not in row.get("lacks", "")
        parts.append(_bar(row["peer"], _HEAD + number * (_BAR + _GAP), ratio, complete))
    end, at = _HEAD + len(rows) * (_BAR + _GAP), _NAMES + _SCALE
    parts.append(f'<line class="line" x1="{at}" x2="{at}" y1="{_HEAD - 4}" y2="{end}"/>')
    return "".join(parts)


def _bar(name: str, y: int, ratio: float | None, complete: bool) -> str:
    """A name without its version, a bar, and the figure."""
    length = round(min(ratio or 0, _LONGEST) * _SCALE, 1)
    figure = "not recorded" if ratio is None else f"{ratio:.1f} x{'' if complete else ' *'}"
    style, base = name if name in _SHOWN else "peer", y + _BAR - 3
    parts = (
        f'<text x="{_NAMES - 6}" y="{base}" text-anchor="end">'
        f"{escape(_SHOWN.get(name) or name.rpartition(' ')[0] or name)}</text>"
        f'<rect class="{style}" x="{_NAMES}" y="{y}" width="{length}" height="{_BAR}" rx="2"/>'
        f'<text x="{_NAMES + length + 5}" y="{base}">{figure}</text>'
    )
    return parts + (_cut(_NAMES + length - 14, y) if ratio and ratio > _LONGEST else "")


def _cut(x: float, y: float) -> str:
    """Two slanted lines: the bar is longer than it is drawn."""
    return "".join(
        f'<path d="M{x + more} {y + _BAR + 1}l5 -{_BAR + 2}" stroke="#fff" stroke-width="2"/>'
        for more in (0, 5)
    )
