"""Write `docs/llms.txt`: what a language model needs to find its way in the documentation.

The form is that of https://llmstxt.org: a title, a summary, and the pages of the site with what
each is about. Links lead to the Markdown that the site has of each page (`site_hooks.py`); the page
that is made of docstrings has no text of its own, so that its link leads to its HTML.

    python scripts/llms_txt.py            # writes the file
    python scripts/llms_txt.py --check    # exits 1 when it is stale
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.site_pages import source_of  # noqa: E402
from scripts.written import write  # noqa: E402

FILE = ROOT / "docs" / "llms.txt"
DOCSTRINGS = re.compile("^::: ", re.MULTILINE)
MADE_BY = re.compile(r"(Written|Generated) by [^.]*(\.\w+)?[^.]*\.\s*")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
PROSE = re.compile(r"\n?[\w`\[]|\n?\*\*")
SENTENCE = re.compile(r"\s*.+?([.](?=\s|$)|:$)", re.DOTALL)


def about(text: str) -> str:
    """Return the first sentence of a page, as plain text."""
    text = FENCE.sub("", text)
    paragraphs = [MADE_BY.sub("", part) for part in text.split("\n\n")[1:]]
    first = next((part for part in paragraphs if PROSE.match(part)), "")
    first = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", first).replace("**", "")
    found = SENTENCE.match(first)
    return " ".join(found[0].split()).rstrip(":.") + "." if found else ""


def line(title: str, page: str) -> str:
    """Return the line of one page."""
    text = source_of(page).read_text(encoding="utf-8")
    link = page.removesuffix(".md") + "/" if DOCSTRINGS.search(text) else page
    return f"- [{title}]({link}): {about(text)}".rstrip(": ")


def sections(nav: list[Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each heading of the navigation with its lines; single pages come first."""
    entries = [next(iter(entry.items())) for entry in nav]
    yield "Start", [line(title, page) for title, page in entries if isinstance(page, str)]
    for title, pages in entries:
        if not isinstance(pages, str):
            yield title, [line(*next(iter(each.items()))) for each in pages]


def text() -> str:
    """Return the file as it should be."""
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    parts = [f"# {config['site_name']}\n\n> {config['site_description']}\n"]
    for heading, lines in sections(config["nav"]):
        parts.append(f"## {heading}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(write(FILE, text()))
