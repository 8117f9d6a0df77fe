"""The rows of the reliability table, in their short form; the long one with `-m long`."""

from __future__ import annotations

import pytest

from tests.reliability import ROWS, Row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row(row: Row) -> None:
    reached = row.run(row.short)
    assert reached.good, reached.figure


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row_in_its_long_form(row: Row) -> None:
    reached = row.run(row.long)
    assert reached.good, reached.figure
