"""Sends a span to one project once, although several exporters may get it.

With zero code and `init_pulse` both on, the same finished span passes two exporters of one project.
All processors of a provider get the same object, so the first exporter marks it as its own.
Exporters of other projects ignore the mark.
"""

from __future__ import annotations

import os

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.config import ApiKey

_SALT = os.urandom(16)  # of this process: outside it, the names have no meaning


def destination(api_url: str, key: ApiKey | None) -> str:
    """Return a name for a project of a service; it does not reveal the key.

    It has 64 bits only, but needs no import of cryptography.
    """
    return f"_pulse_{hash((_SALT, api_url, key and key.reveal())) & (1 << 64) - 1:x}"


def claim(span: ReadableSpan, project: str, owner: object) -> bool:
    """Return True if `owner` may export `span` to `project`: the first caller may."""
    # One operation, so that two threads cannot both be first.
    return span.__dict__.setdefault(project, owner) is owner


def release(span: ReadableSpan, project: str) -> None:
    """Give up the claim on `span`, which its exporter cannot send any more."""
    vars(span).pop(project, None)
