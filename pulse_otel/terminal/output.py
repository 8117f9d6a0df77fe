"""Print lines: results on stdout, all else on stderr."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print a line of the result. Raises BrokenPipeError if nobody reads it any more."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Print a line about the result."""
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
