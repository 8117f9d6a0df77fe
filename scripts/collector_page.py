"""The sections of docs/collector.md that `collector.py` measures; the rest is written by hand."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "collector.md"


def keep_section(name: str, text: str) -> None:
    """Put `text` in place of a section. Raises ValueError if the page has no such section."""
    start, end = _place(name)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(f"{page[:start]}{text}\n{page[end:]}", encoding="utf-8")


def kept_section(name: str) -> str:
    """Return what a section says. Raises ValueError if the page has no such section."""
    start, end = _place(name)
    return PAGE.read_text(encoding="utf-8")[start:end].rstrip("\n")


def _place(name: str) -> tuple[int, int]:
    page = PAGE.read_text(encoding="utf-8")
    begin = f"<!-- {name}: written by scripts/collector.py -->\n"
    return page.index(begin) + len(begin), page.index(f"<!-- end of {name} -->")
