"""The service's address: check it, and tell one on this machine."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from pulse_otel.settings import KEY_PREFIX, ConfigError

_ADDRESS = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9./_-]{0,99})?")


def api_url(value: object) -> str:
    """Return the address without a slash at its end. Raises ConfigError for what is none."""
    text = value.strip().rstrip("/") if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
        parts = urlsplit("")
    if not valid or not text.isprintable() or " " in text:
        raise ConfigError(
            f"api_url: expected an http:// or https:// address with a host{_meant(text)}"
        )
    if parts.username or parts.password:
        raise ConfigError(
            "api_url: expected no user name or password in it; the key goes in api_key"
        )
    if parts.query or parts.fragment:
        raise ConfigError("api_url: expected no query or fragment; give the service's base address")
    return text


def _meant(text: str) -> str:
    """Ask whether the address with a scheme is meant, if only that is missing."""
    if not _ADDRESS.fullmatch(text) or KEY_PREFIX in text:
        return ""
    scheme = "http" if is_loopback(f"http://{text}") else "https"
    return f"; did you mean {scheme}://{text}?"


def is_loopback(url: str) -> bool:
    """Return whether the host of `url` is this machine, by its name or number."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
