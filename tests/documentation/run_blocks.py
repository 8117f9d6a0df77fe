"""Run the Python blocks of pages, those of a page one after the other as one program.

The pages and their blocks come as JSON on the standard input; what failed goes out as JSON. Each
page has a process of its own, forked from this one, so that no SDK is imported anew for it.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import json
import os
import sys
import tempfile
import traceback
from typing import Any

TIMEOUT_S = 10


def run_page(page: str, blocks: list[dict[str, Any]]) -> str:
    """Run the blocks; return what went wrong, or nothing."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for block in blocks:
            code = "\n" * (block["line"] - 1) + block["code"]
            try:
                flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
                awaited = eval(compile(code, page, "exec", flags), names)
                if awaited is not None:
                    asyncio.run(awaited)
            except BaseException:  # noqa: BLE001 - it is another program's
                return traceback.format_exc(chain=False)
    return undelivered()


def undelivered() -> str:
    """Return what was not delivered by the end of a page."""
    import pulse_otel

    flushed, stats = pulse_otel.flush_buffer(TIMEOUT_S), pulse_otel.stats()
    return "" if flushed and not stats.dropped else f"not all was delivered: {stats}"


def in_a_fork(page: str, blocks: list[dict[str, Any]]) -> str:
    """Run a page in a child; return what went wrong, and what was written to stderr."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 2)
            failure = run_page(page, blocks)
            os.write(2, failure.encode())
            os._exit(1 if failure else 0)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        text = said.read()
    return text or (f"ended with {status}" if status else "")


def main() -> None:
    """Run all pages, and write what failed."""
    import anthropic  # noqa: F401
    import openai  # noqa: F401

    pages: dict[str, list[dict[str, Any]]] = json.load(sys.stdin)
    failures = {page: in_a_fork(page, blocks) for page, blocks in pages.items()}
    json.dump({page: text for page, text in failures.items() if text}, sys.stdout)


if __name__ == "__main__":
    main()
