"""Processes that end while their service fails: some cells of the table of scripts/faults.py."""

from __future__ import annotations

import pytest

from tests.reliability.ends import ENDS, FAULTS, bare_code, cell


@pytest.mark.row("P2", "N9")
@pytest.mark.parametrize(
    ("fault", "end", "spool"),
    [
        ("none", "SIGTERM, opted in", True),
        ("500", "sys.exit", False),
        ("reset", "os._exit in a child", True),
        ("TLS expired", "SIGTERM, opted in", True),
        ("TLS expired", "exception", False),
        ("413", "span in atexit", True),
        ("none", "SIGINT", False),
        ("hang", "SIGINT", False),
        ("stored, then reset", "SIGINT", True),
    ],
)
def test_a_process_ends_in_time_as_it_would_and_its_spans_are_accounted_for(
    fault: str, end: str, spool: bool
) -> None:
    found = cell(fault, end, spool=spool, bare=bare_code(end))

    assert found.wrong == (), found


def test_the_table_has_every_end_and_fault() -> None:
    assert len(ENDS) == 8
    assert len(FAULTS) == 18
