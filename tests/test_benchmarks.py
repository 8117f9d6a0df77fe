"""The command of benchmarks/: what it makes of the rows that were measured."""

from __future__ import annotations

import importlib
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT

BENCHMARKS = ROOT / "benchmarks"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A script; its folder is on the path as when the command runs."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.fixture
def results() -> Any:
    rows = [
        {"workload": "chat", "floor adds, k": [100, 101, 99], "ours adds, k": [250, 251, 249]},
        {"workload": "stream", "floor adds, k": [200], "ours adds, k": [400]},
    ]
    peers = [
        {"peer": "Cheap 1.0", "chat": 300, "stream": 300, "lacks": "stream: output tokens"},
        {"peer": "Dear 2.0", "chat": 9000, "stream": 200, "lacks": ""},
        {"peer": "Deaf 3.0", "stream": 200, "lacks": "chat: no span"},
        {"peer": "Lost", "lacks": "not measured: there is no such package"},
    ]
    return {"instructions": {"rows": rows}, "peers": {"rows": peers}}


def test_a_cell_has_the_middle_and_the_spread_of_several_processes(module: Any) -> None:
    lines = module("page").table([{"workload": "chat", "adds": [1030, 1010, 1020]}], [])

    assert lines[2] == "| chat     | 1,020 (1,010 to 1,030) |"


def test_a_cell_shows_what_was_there_before(module: Any) -> None:
    rows = [{"workload": "chat", "adds": 10}, {"workload": "stream", "adds": 30}]
    before = [{"workload": "stream", "adds": [41, 40, 42]}, {"workload": "gone", "adds": 1}]

    lines = module("page").table(rows, before)

    assert lines[2:] == ["| chat     |      10 |", "| stream   | 41 → 30 |"]


def test_the_table_of_the_peers_begins_with_floor_and_ours(module: Any, results: Any) -> None:
    rows = module("page").with_floor_and_ours("peers", results)

    assert [(row["peer"], row.get("chat")) for row in rows] == [
        ("floor", 100),
        ("ours", 250),
        ("Cheap 1.0", 300),
        ("Dear 2.0", 9000),
        ("Deaf 3.0", None),
        ("Lost", None),
    ]


def test_the_plot_has_a_bar_for_each_library_that_was_measured(module: Any, results: Any) -> None:
    picture = ET.fromstring(module("plot").plot(results))

    panels = [[*panel.itertext()] for panel in picture.iter(f"{SVG}g")]
    names = ["pulse-otel", "span by hand", "Cheap", "Dear", "Deaf"]
    chat = ["2.5 x", "1.0 x", "3.0 x", "90.0 x", "not recorded"]
    stream = ["2.0 x", "1.0 x", "1.5 x *", "1.0 x", "1.0 x"]
    assert [panel[0] for panel in panels] == ["chat", "stream"]
    assert [panel[1::2] for panel in panels] == [names, names]
    assert [panel[2::2] for panel in panels] == [chat, stream]


def test_the_plot_cuts_the_longest_bars(module: Any, results: Any) -> None:
    picture = ET.fromstring(module("plot").plot(results))

    ours, floor, cheap, dear, deaf, *_ = [
        float(bar.get("width", "")) for bar in picture.iter(f"{SVG}rect")
    ]
    assert ours / floor == pytest.approx(2.5, rel=0.01)
    assert cheap < dear < 90 * floor
    assert deaf == 0


def test_the_slope_is_that_of_the_least_squares(module: Any) -> None:
    slope = module("growth").slope

    assert slope([(1, 10), (2, 13), (10, 37)]) == pytest.approx(3)
    assert slope([(0, 0), (1, 2), (2, 1)]) == pytest.approx(0.5)


def test_the_page_is_what_the_command_would_write_now(module: Any) -> None:
    read = [json.loads((BENCHMARKS / f"{name}.json").read_text()) for name in ("results", "before")]

    made = module("page").page(module("measurements").MEASUREMENTS, *read)

    assert made == (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
