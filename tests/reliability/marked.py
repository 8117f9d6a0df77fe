"""A plugin of pytest: runs the tests of some rows, and counts what became of them, row by row.

    pytest -p tests.reliability.marked --rows N9,N10 --rows-to counts.json

A test has the rows of its `row` markers; without `--rows` all of them are run. The file holds,
by row, how many passed, failed and were skipped, and the reasons of those.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

_counts: dict[str, dict[str, Any]] = defaultdict(
    lambda: {"passed": 0, "failed": 0, "skipped": 0, "reasons": []}
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rows", default="", help="rows of the reliability table, with commas")
    parser.addoption("--rows-to", help="the file to write the counts to")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = set(filter(None, config.getoption("--rows").split(",")))
    kept: list[pytest.Item] = []
    for item in items:
        rows = {row for mark in item.iter_markers("row") for row in mark.args}
        if rows & wanted if wanted else rows:
            item.user_properties += [("row", row) for row in sorted(rows)]
            kept.append(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when != "call" and report.passed:
        return
    for name, row in report.user_properties:
        if name != "row":
            continue
        counts = _counts[str(row)]
        counts[report.outcome] += 1
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            counts["reasons"] = sorted({*counts["reasons"], reason})


def pytest_sessionfinish(session: pytest.Session) -> None:
    target = session.config.getoption("--rows-to")
    if target and not hasattr(session.config, "workerinput"):
        Path(target).write_text(json.dumps(_counts))
