"""Compares the names of models: one model has several."""

from __future__ import annotations

import re
from collections.abc import Collection

# `-2024-08-06`, `-20241022`, `-0613`, `-latest`, `-v2:0`: which edition of a model it is
_EDITION = re.compile(
    r"(?:[-@](?:latest|\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{3}))?(?:-v\d+(?::\d+)?)?$"
)


def models_agree(ours: Collection[str], theirs: Collection[str]) -> bool:
    """Return whether a name of one collection is of the same model as one of the other."""
    return any(same_model(one, other) for one in ours for other in theirs)


def same_model(a: str, b: str) -> bool:
    """Return whether both name one model, as `gpt-4o` and `openai/gpt-4o-2024-08-06` do."""
    (name, edition), (other, its_edition) = _parts(a), _parts(b)
    open_ended = edition.endswith("latest") or its_edition.endswith("latest")
    within = edition.startswith(its_edition) or its_edition.startswith(edition)
    return name == other and (open_ended or within)


def _parts(model: str) -> tuple[str, str]:
    """Return the name without those of places and vendors before it, and its edition."""
    name = model.rpartition("/")[2].lower()
    vendor, dot, rest = name.rpartition(".")
    if dot and vendor.replace(".", "").isalpha() and rest[:1].isalpha():
        name = rest  # Bedrock: `us.anthropic.claude-...`
    edition = _EDITION.search(name)
    at = edition.start() if edition else len(name)
    return name[:at], name[at:]
