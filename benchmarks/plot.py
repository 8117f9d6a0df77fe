"""The plot of the page: what ours, floor and peers add to each workload, as bars."""

from __future__ import annotations

from html import escape

from page import Results, with_floor_and_ours

_WIDTH, _PANEL, _NAMES, _BAR, _GAP, _HEAD = 830, 400, 135, 13, 3, 28
_LONGEST = 6.0  # times the floor; a longer bar is cut, and its figure says so
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
    rows = with_floor_and_ours("peers", results)
    workloads = [row["workload"] for row in results["instructions"]["rows"]]
    added = {row["peer"]: row for row in rows}
    kinds = list(dict.fromkeys(["ours", *added]))
    height = _HEAD + len(kinds) * (_BAR + _GAP) + 14
    parts = []
    for number, workload in enumerate(workloads):
        x, y = number % 2 * (_WIDTH - _PANEL), number // 2 * height
        floor = added["floor"][workload]
        ratios = {kind: _ratio(added[kind].get(workload), floor) for kind in kinds}
        parts.append(f'<g transform="translate({x} {y})">{_panel(workload, ratios)}</g>')
    whole = (len(workloads) + 1) // 2 * height + 18
    note = "Instructions added to the calling thread, in times what a span written by hand adds"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {whole}" role="img"'
        f' aria-label="{note}"><style>{_STYLE}</style>{"".join(parts)}'
        f'<text x="0" y="{whole - 5}">{note}; shorter is cheaper.</text></svg>\n'
    )


def _ratio(added: int | None, floor: int) -> float | None:
    return None if added is None else added / floor


def _panel(workload: str, ratios: dict[str, float | None]) -> str:
    """One workload: its name, a bar for each kind, and a line at the floor."""
    scale = (_PANEL - _NAMES - 55) / _LONGEST
    bars = [f'<text class="title" x="0" y="16">{escape(workload)}</text>']
    for number, (kind, ratio) in enumerate(ratios.items()):
        y = _HEAD + number * (_BAR + _GAP)
        middle = y + _BAR - 3
        length = round(min(ratio or 0, _LONGEST) * scale, 1)
        figure = "not recorded" if ratio is None else f"{ratio:.1f} x"
        name = escape(kind.rpartition(" ")[0] or kind)
        style = kind if kind in ("ours", "floor") else "peer"
        bars.append(
            f'<text x="{_NAMES - 6}" y="{middle}" text-anchor="end">{name}</text>'
            f'<rect class="{style}" x="{_NAMES}" y="{y}" width="{length}" height="{_BAR}" rx="2"/>'
            f'<text x="{_NAMES + length + 5}" y="{middle}">{figure}</text>'
        )
        if ratio is not None and ratio > _LONGEST:
            bars.append(_cut(_NAMES + length - 14, y))
    end = _HEAD + len(ratios) * (_BAR + _GAP)
    at = _NAMES + scale
    bars.append(f'<line class="line" x1="{at}" x2="{at}" y1="{_HEAD - 4}" y2="{end}"/>')
    return "".join(bars)


def _cut(x: float, y: float) -> str:
    """Two slanted lines: the bar is longer than it is drawn."""
    return "".join(
        f'<path d="M{x + more} {y + _BAR + 1}l5 -{_BAR + 2}" stroke="#fff" stroke-width="2"/>'
        for more in (0, 5)
    )
