"""Every code block of the documentation runs, or a table says why it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from pulse_otel.local.provider.server import ScriptedProvider
from tests.conftest import KEY, ROOT, Service, towards
from tests.documentation.blocks import NOT_RUN, PAGES, Block, blocks, blocks_of, row_of

# Output and pictures are "text" or "". The tests of the Collector run its configurations.
LANGUAGES = ("python", "bash", "yaml", "diff", "text", "")
SERVICES = ("http://localhost:3000", "https://pulse.example.com")


def here(block: Block, url: str) -> str:
    """The code of a block, with the service and the key of the test."""
    code = block.code.replace("pulse_sk_...", KEY)
    for service in SERVICES:
        code = code.replace(service, url)
    return code


def test_every_python_block_of_the_documentation_runs(service: Service, tmp_path: Path) -> None:
    pages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for block in blocks("python"):
        if row_of(block) is None:
            pages[block.page].append({"line": block.line, "code": here(block, service.url)})
    assert "README.md" in pages

    with ScriptedProvider() as provider:
        environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("OTEL_")},
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            **towards(provider, service.url),
        }
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("run_blocks.py"))],
            input=json.dumps(pages),
            capture_output=True,
            text=True,
            env=environ,
            cwd=tmp_path,
            timeout=100,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, "")
    failures = json.loads(done.stdout)
    assert not failures, "\n".join(f"{page}: {text}" for page, text in failures.items())


def test_a_block_that_is_not_run_compiles() -> None:
    for block in blocks("python"):
        if row_of(block) is not None:
            compile(block.code, str(block), "exec", dont_inherit=True)


def test_every_row_of_what_is_not_run_is_about_a_block() -> None:
    python = blocks("python")

    assert [row for row in NOT_RUN if not any(row.is_about(block) for block in python)] == []


def test_every_block_is_in_a_language_that_is_checked() -> None:
    found = [block for page in PAGES for block in blocks_of(page)]

    assert len(found) > 40
    assert [str(block) for block in found if block.language not in LANGUAGES] == []


def test_the_first_test_of_the_page_on_testing_passes(tmp_path: Path) -> None:
    first = next(block for block in blocks("python") if block.page == "docs/testing.md")
    path = tmp_path / "test_first.py"
    path.write_text(first.code, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path.name],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=100,
        check=False,
    )

    assert "1 passed" in done.stdout, done.stdout + done.stderr
