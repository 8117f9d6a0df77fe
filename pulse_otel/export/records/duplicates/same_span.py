"""A span goes to one project once, whoever in the process exports it there.

With zero code and `init_pulse` both on, say, the same finished span passes two exporters of one
project. Every processor of a provider is handed the same object, so the first of them leaves
its name on it. Exporters of other projects do not see it.
"""

from __future__ import annotations

import os

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.config import ApiKey

_SALT = os.urandom(16)  # of this process: outside it, the names mean nothing


def destination(api_url: str, key: ApiKey) -> str:
    """A name for a project of a service, that does not tell its key.

    Of 64 bits only, but no cryptography has to be imported for it.
    """
    return f"_pulse_{hash((_SALT, api_url, key.reveal())) & (1 << 64) - 1:x}"


def claim(span: ReadableSpan, project: str, owner: object) -> bool:
    """Whether `owner` is the one to export `span` to `project`: the first who asks."""
    # One operation, so that two threads cannot both be first.
    return vars(span).setdefault(project, owner) is owner
