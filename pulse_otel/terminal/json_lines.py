"""Write a value as one line of JSON."""

from __future__ import annotations

import json
from typing import Any


def json_line(value: Any) -> str:
    """Return the JSON of `value` in ASCII, without a character that a terminal obeys."""
    return json.dumps(value, separators=(",", ":")).replace("\x7f", "\\u007f")
