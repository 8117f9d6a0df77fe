"""A span goes to one project once, whoever in the process exports it there.

With zero code and `init_pulse` both on, say, the same finished span passes two exporters of one
project. Every processor of a provider is handed the same object, so the first of them leaves
its name on it. Exporters of other projects do not see it.
"""

from __future__ import annotations

import itertools

from opentelemetry.sdk.trace import ReadableSpan

_numbers = itertools.count()
_destinations: dict[tuple[str, str], str] = {}


def destination(api_url: str, secret: str) -> str:
    """A name for a project of a service, that does not tell its key."""
    known = _destinations.get((api_url, secret))
    return known or _destinations.setdefault((api_url, secret), f"_pulse_{next(_numbers)}")


def claim(span: ReadableSpan, project: str, owner: object) -> bool:
    """Whether `owner` is the one to export `span` to `project`: the first who asks."""
    # One operation, so that two threads cannot both be first.
    return vars(span).setdefault(project, owner) is owner
