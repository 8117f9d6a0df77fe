"""Which provider answers at a host: what the tables of both SDKs are looked up with."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from pulse_otel.instrumentation.reading import integer, text


def endpoint_of(client: Any) -> tuple[str, int | None]:
    """Host and explicit port of the client's base URL; an empty host where there is none.

    By attribute, never by type: the SDKs moved from `httpx` to `httpx2`, and both URLs have them.
    """
    url = getattr(client, "base_url", None)
    host = text(getattr(url, "host", None)) or ""
    return host.lower().rstrip("."), integer(getattr(url, "port", None))


def first_match(patterns: Mapping[str, str], host: str, port: int | None) -> str | None:
    """The provider of the first pattern that the whole of ``host`` or ``host:port`` matches.

    ``*`` stands for any text; a pattern with a colon is held against host and port.
    """
    authority = f"{host}:{port}"
    for pattern, provider in patterns.items():
        if fnmatchcase(authority if ":" in pattern else host, pattern):
            return provider
    return None


def named(classes: Mapping[str, str], client: object) -> str | None:
    """The provider of the client's class, or of the nearest base class that has a row."""
    names = (owner.__name__ for owner in type(client).__mro__)
    return next((classes[name] for name in names if name in classes), None)
