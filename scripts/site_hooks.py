"""Hooks of the documentation site: pages from outside of `docs`, and links that leave it.

The pages are read in the checkout as well, where they link to programs and folders beside them.
The site has no such files: there such a link becomes the path itself, as text. Every page is on the
site as Markdown too, beside its HTML.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.site_pages import ELSEWHERE, page_of, source_of  # noqa: E402

LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")
log = logging.getLogger("mkdocs.hooks.site")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand elsewhere."""
    for page, source in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Make the links of a page lead to pages of the site, or be text."""
    return LINK.sub(lambda link: _led(link, page.file.src_uri), markdown)


def on_page_content(html: str, page: Any, config: Any, **_: Any) -> str:
    """Write the page's Markdown beside its HTML, for `llms.txt`."""
    copy = Path(config["site_dir"], page.file.src_uri)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(page.markdown, encoding="utf-8")
    return html


def _led(link: re.Match[str], page: str) -> str:
    """Return the link as it is on the site."""
    target = Path(os.path.normpath(source_of(page).parent / link["path"]))
    known = page_of(target)
    if known is not None:
        relative = Path(os.path.relpath(known, Path(page).parent)).as_posix()
        return f"[{link['text']}]({relative}{link['anchor'] or ''})"
    if not target.exists():
        log.warning("'%s' links to '%s', which is not there", page, link["path"])
        return link[0]
    path = target.relative_to(ROOT).as_posix()
    return f"`{path}`" if link["text"].strip("`") == path else f"{link['text']} (`{path}`)"
