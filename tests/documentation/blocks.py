"""The code blocks of the pages, and those that cannot run here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from tests.conftest import ROOT

PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "README.md",
        ROOT / "examples/collector/README.md",
    ]
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str  # its path in the checkout
    line: int  # of its first line of code
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class NotRun:
    """Python blocks of a page that are only compiled: those with this text in them, or all."""

    page: str
    reason: str
    text: str = ""

    def is_about(self, block: Block) -> bool:
        """Return whether the row is about this block."""
        return block.page == self.page and self.text in block.code


NOT_RUN = (
    NotRun("docs/coming-from/logfire.md", "it needs Logfire", "logfire."),
    NotRun("docs/coming-from/openinference.md", "it needs Phoenix", "phoenix."),
    NotRun("docs/frameworks.md", "each needs its framework; scripts/frameworks.py runs them"),
    NotRun("docs/other-sdks.md", "each needs its SDK; scripts/other_sdks.py runs them"),
    NotRun(
        "docs/testing.md", "its agent is the reader's; examples/testing has the same", "my_agent"
    ),
)


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, also those in lists."""
    name = page.relative_to(ROOT).as_posix()
    for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        if token.type == "fence" and token.map is not None:
            language = (token.info.split() or [""])[0]
            yield Block(name, token.map[0] + 2, language, token.content)


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all pages in one of these languages."""
    found = [block for page in PAGES for block in blocks_of(page)]
    return [block for block in found if block.language in languages]


def row_of(block: Block) -> NotRun | None:
    """Return the row that says why a block is not run."""
    return next((row for row in NOT_RUN if row.is_about(block)), None)
