"""Say how traces get here, where a page has none to show."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

from starlette.requests import Request


def empty_state(request: Request) -> dict[str, Any]:
    """Return what `empty.html` shows: this service's address, and values for a first trace."""
    return {
        "url": str(request.base_url).rstrip("/"),
        "new_id": str(uuid.uuid4()),
        "now": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
    }
