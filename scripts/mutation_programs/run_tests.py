"""Runs tests, as often as it is asked to, each time in a process of its own.

A job is a line of JSON: the arguments of pytest, and the seconds that it may take. The answer is
another: the outcome, the seconds that it took, and the test that failed. What takes longest to
import, and is not ours, this process has imported before it is forked.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from typing import Any

IMPORTED = (
    "anthropic.resources.messages",
    "hypothesis.strategies",
    "openai.resources.chat.completions",
    "openai.resources.responses",
    "opentelemetry.sdk.trace.export",
    "opentelemetry.sdk.metrics.export",
    "pytest",
    "requests",
    "starlette.applications",
    "uvicorn",
)
NOT_OURS = ("pulse_otel", "pulse_sdk", "tests")


def run(arguments: list[str], timeout_s: float) -> dict[str, Any]:
    """Run pytest in a fork of this process, and end all that it leaves behind."""
    with tempfile.TemporaryFile() as said:
        start = time.monotonic()
        child = os.fork()
        if not child:
            os.setsid()
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            _test(arguments)
        status = _ended(child, start + timeout_s)
        seconds = time.monotonic() - start
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    outcome = "timeout" if status is None else "passed" if status == 0 else "failed"
    failed = [line for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))]
    by = failed[0] if failed else text[-500:]
    return {"outcome": outcome, "seconds": seconds, "by": by if outcome == "failed" else ""}


def _test(arguments: list[str]) -> None:
    code = 1
    try:
        import pytest

        code = pytest.main(arguments)
    finally:
        sys.stdout.flush()
        os._exit(code)


def _ended(child: int, until: float) -> int | None:
    """Return the child's exit status once it ended, or None if it took too long and was killed."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        late = time.monotonic() > until
        if ended or late:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        if ended:
            return status
        if late:
            os.waitpid(child, 0)
            return None
        time.sleep(0.02)


def main() -> None:
    """Answer the jobs of standard input."""
    for name in IMPORTED:
        importlib.import_module(name)
    ours = [name for name in sys.modules if name.partition(".")[0] in NOT_OURS]
    assert not ours, ours
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)


main()
