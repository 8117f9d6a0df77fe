"""What a program can do with a function of an SDK, it can do with the one that replaces it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.conftest import ROOT


def run(mode: str, names: Any = None) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "tests.instrumentation.as_functions", mode],
        cwd=ROOT,
        input=json.dumps(names),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_patched_function_is_what_it_is_bare() -> None:
    patched = run("patched")
    bare = run("bare", patched["names"])

    assert len(patched["names"]) > 20
    assert patched["done"].keys() == bare["done"].keys()
    differ = {
        name: (bare["done"][name], found)
        for name, found in patched["done"].items()
        if found != bare["done"][name]
    }
    assert differ == {}
    pickled = [done for name, done in bare["done"].items() if name.endswith(".create pickle")]
    assert f"{[True] * 6}" in pickled
