"""Keep the exit status of a program that Ctrl-C ends.

Python remembers that `KeyboardInterrupt` ended the program, and then ends itself by SIGINT, for
the shell to see. Whatever runs code of a text afterwards, in any thread, makes it forget that: an
import that makes a dataclass or a named tuple does so. Then the status would be 1.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from types import TracebackType


def remember_interrupt() -> None:
    """Have Python remember that `KeyboardInterrupt` ended the program, if it did."""
    # In a session the program goes on. A console of the program's caught it where something called
    # the first frame.
    last: TracebackType | None = getattr(sys, "last_traceback", None)
    if getattr(sys, "last_type", None) is not KeyboardInterrupt or hasattr(sys, "ps1"):
        return
    if last is None or last.tb_frame.f_back is not None or sys.flags.interactive:
        return
    with suppress(KeyboardInterrupt):
        exec("raise KeyboardInterrupt")  # noqa: S102 - code of a text, for Python to remember
