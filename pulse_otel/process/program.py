"""The name of the program that runs."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import Any

_MAIN = "__main__"
_SUFFIXES = (".py", ".pyw", ".pyc", ".pyz", ".exe")


def program_name() -> str | None:
    """Return the module that `python -m` runs, or the script without its suffix.

    None for an interactive session, and for code that is given on the command line.
    """
    module: Any = getattr(getattr(sys.modules.get(_MAIN), "__spec__", None), "name", None)
    if isinstance(module, str) and module not in ("", _MAIN):
        return module.removesuffix(f".{_MAIN}")
    script: Any = next(iter(getattr(sys, "argv", None) or ()), None)
    if not isinstance(script, str) or not script or script.startswith("-"):
        return None
    return _name_of(script)


@lru_cache(maxsize=8)  # each span asks
def _name_of(script: str) -> str | None:
    path = os.path.normpath(script)  # the current folder may be gone
    name = _without_suffix(os.path.basename(path))
    if name == _MAIN:  # of a folder that was run as a program
        name = os.path.basename(os.path.dirname(path))
    return name.strip(".") or None


def _without_suffix(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in _SUFFIXES else name
