"""Define a request as the scripted provider receives it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, cast


@dataclasses.dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes

    def json(self) -> Any:
        """Parse the body. Raises ValueError if it is not JSON."""
        return json.loads(self.body)

    def fields(self) -> Mapping[str, Any]:
        """Parse the body as a JSON object; any other body has no fields."""
        try:
            value = self.json()
        except ValueError:
            return {}
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
