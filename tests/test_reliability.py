"""The rows of the reliability table: none is missing, and the measured ones reach their figures.

Short forms here; the long ones with `-m long`.
"""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.reliability import GOALS, MEASURED, Measured

# The letters and numbers of the list that this table follows; A and U1 are tests of their own.
COUNTS = {"N": 14, "H": 12, "S": 14, "P": 13, "E": 9, "T": 3, "K": 5, "U": 9}
ALL = {f"{letter}{n}" for letter, count in COUNTS.items() for n in range(1, count + 1)} - {"U1"}


def test_every_row_has_a_goal_and_a_measurement_or_tests() -> None:
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    marks = [mark for text in sources for mark in re.findall(r"mark\.row\(([^)]*)\)", text)]
    marked = {row for mark in marks for row in re.findall(r'"(\w+)"', mark)}

    assert marked <= ALL
    assert set(GOALS) == ALL
    assert marked | {measured.id for measured in MEASURED} == ALL


def test_the_page_has_every_row_as_it_is_now() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    for goal in GOALS.values():
        assert f"\n| {goal.id} | {goal.fault} | {goal.figure} | " in page
        assert f"| {goal.note} |\n" in page


@pytest.mark.parametrize("row", MEASURED, ids=lambda row: row.id)
def test_row(row: Measured) -> None:
    reached = row.run(row.short)
    assert reached.good, reached.figure


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("row", MEASURED, ids=lambda row: row.id)
def test_row_in_its_long_form(row: Measured) -> None:
    reached = row.run(row.long)
    assert reached.good, reached.figure
