"""Which file of the checkout is which page of the documentation site."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
# The page of the site -> the file in the checkout, where that is not in `docs`.
ELSEWHERE = {
    "benchmarks.md": "benchmarks/README.md",
    "changelog.md": "CHANGELOG.md",
}


def source_of(page: str) -> Path:
    """Return the file of a page."""
    return ROOT / ELSEWHERE[page] if page in ELSEWHERE else DOCS / page


def page_of(path: Path) -> str | None:
    """Return the page that is a file, or a folder with a README; None if none is."""
    for page, source in ELSEWHERE.items():
        if path in ((ROOT / source), (ROOT / source).parent) and path != ROOT:
            return page
    return path.relative_to(DOCS).as_posix() if path.is_relative_to(DOCS) else None
