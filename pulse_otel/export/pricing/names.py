"""The spellings of a model's name under which a price table may have it."""

from __future__ import annotations

import re
from datetime import date

from pulse_otel.export.pricing.rules import ENDINGS, PUBLISHERS

_PREFIXES = {publisher.host: publisher.prefixes for publisher in PUBLISHERS}
_MAX_NAME = 256  # no model name is longer; bounds what a cache of look-ups can hold
_COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


def name(value: object) -> str:
    """A name as price tables spell it, empty when it cannot be one."""
    if not isinstance(value, str) or len(value) > _MAX_NAME:
        return ""
    return value.strip().lower()


def spellings(provider: str, model: str) -> list[str]:
    """`model` itself first; then without a publisher, with the host's ending, with dashed dates."""
    bare = [
        model[len(prefix) :] for prefix in _PREFIXES.get(provider, ()) if model.startswith(prefix)
    ]
    ended = [model + ENDINGS[provider]] if provider in ENDINGS else []
    exact = [model, *bare[:1], *ended]
    dated = [_COMPACT_DATE.sub(_dashed_date, spelling) for spelling in exact]
    return list(dict.fromkeys((model, dated[0], *exact, *dated)))


def _dashed_date(found: re.Match[str]) -> str:
    """`-20251211` as `-2025-12-11`; gateways write the date without dashes."""
    year, month, day = found.groups()
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return found.group(0)
    return f"-{year}-{month}-{day}"
