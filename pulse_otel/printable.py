"""Make text from outside safe for a terminal and a log."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return `text` with a space for each character that is not shown but obeyed.

    Those are C0 and C1 controls, with which every escape sequence begins, line ends, and Unicode's
    format characters: among them those that reverse what is read.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
