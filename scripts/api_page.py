"""Writes the table of names at the top of docs/reference/api.md, from the docstrings.

Run it from the checkout:

    python scripts/api_page.py            # writes the table
    python scripts/api_page.py --check    # exits 1 when it is stale

The site shows the whole docstrings below the table; elsewhere the page has the table alone.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pulse_otel
from scripts.written import write

PATH = Path(__file__).resolve().parent.parent / "docs" / "reference" / "api.md"
HEAD = "| name | |\n|---|---|\n"
_TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")
_SHOWN = re.compile(r"^::: (pulse_otel\.(?:observe\.)?(\w+))$", re.MULTILINE)


def page() -> str:
    """Return the page with the table for the names that it shows."""
    written = PATH.read_text(encoding="utf-8")
    rows = "".join(_row(*found) for found in _SHOWN.findall(written))
    return _TABLE.sub(lambda _: HEAD + rows, written, count=1)


def _row(anchor: str, name: str) -> str:
    said = (getattr(pulse_otel, name).__doc__ or "").strip().partition("\n")[0]
    said = said.replace("``", "`").replace("|", r"\|")
    return f"| [`{name}`](#{anchor}) | {said} |\n"


if __name__ == "__main__":
    sys.exit(write(PATH, page()))
