"""An internal error fails the test that meets it, in whichever half and thread it happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tests import strict_cases
from tests.conftest import ROOT


@pytest.mark.timeout(320)  # a few seconds where nothing else runs
@pytest.mark.parametrize(
    ("chosen", "planted"),
    [
        pytest.param("not long", strict_cases.SOME, id="some"),
        pytest.param("", strict_cases.PLANTED, id="all", marks=pytest.mark.long),
    ],
)
def test_a_bug_planted_anywhere_fails_the_test_that_meets_it(
    chosen: str, planted: tuple[Any, ...]
) -> None:
    options = ["-q", "-rA", "-n", "0", "--tb=no", "-p", "no:cacheprovider", "-m", chosen]
    command = [sys.executable, "-m", "pytest", *options, "tests/strict_cases.py"]

    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "500"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    found = re.findall(r"^(PASSED|FAILED|ERROR) .*::(test_\S+)", done.stdout, re.MULTILINE)
    passed = {name for outcome, name in found if outcome == "PASSED"}
    failed = {name for outcome, name in found if outcome != "PASSED"}
    assert passed - failed == {"test_without_a_bug"}
    assert len(failed) == len(planted)
