"""Read an upload that is an array of items: traces or plain spans (contract §2.2, §3.8)."""

from __future__ import annotations

from collections.abc import Mapping

from pulse_otel.local.json_text import Json, parse_body
from pulse_otel.local.service.checks import Field, Issue, issues_of_items


class UploadRefused(ValueError):
    """The upload is refused with a 400, and nothing of it is stored (contract §1, §2.2).

    `issues` lists the faults, and is empty for a body that is not JSON.
    """

    def __init__(self, message: str, issues: list[Issue]) -> None:
        super().__init__(message)
        self.issues = issues


def read_items(body: bytes, fields: Mapping[str, Field], most: int) -> list[dict[str, Json]]:
    """Return the items of a body, all valid and at most `most`. Raises UploadRefused."""
    try:
        items = parse_body(body)
    except ValueError as error:
        raise UploadRefused("Invalid JSON body", []) from error
    issues = issues_of_items(items, fields, most)
    if issues or not isinstance(items, list):
        raise UploadRefused("Validation failed", issues)
    return [item for item in items if isinstance(item, dict)]
