"""What the scripts that write a page share."""

from __future__ import annotations

import sys
from pathlib import Path


def write(path: Path, text: str) -> int:
    """Write the page; with ``--check`` among the arguments, say whether it is stale instead.

    Returns the exit status: 1 if it is stale.
    """
    if "--check" in sys.argv[1:]:
        stale = not path.exists() or path.read_text(encoding="utf-8") != text
        print(f"{path.name} is {'stale' if stale else 'current'}")
        return int(stale)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"{path.name} written")
    return 0
