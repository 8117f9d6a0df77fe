"""Checks of the way to the service: proxy and certificates."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from requests.adapters import DEFAULT_CA_BUNDLE_PATH
from requests.utils import get_environ_proxies, select_proxy

from pulse_otel.api_url import is_loopback
from pulse_otel.terminal.doctor.finding import Finding, Setup, error, ok, warning

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def check_proxy(setup: Setup) -> Iterator[Finding]:
    """Name the proxy that requests to the service take, without its password."""
    url = setup.config.api_url
    if is_loopback(url):
        yield ok("none: this machine is reached directly")
        return
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        yield ok("none")
        return
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        yield error("the address of the proxy in the environment is none")
        return
    yield ok(f"{parts.scheme}://{parts.hostname}{port}, from the environment")


def check_certificate(setup: Setup) -> Iterator[Finding]:
    """Name the authorities that are trusted."""
    url = setup.config.api_url
    if not url.lower().startswith("https://"):
        if is_loopback(url):
            yield ok("none: plain http on this machine")
        elif not setup.config.sends_key:
            yield ok("none: plain http; what is recorded travels unencrypted to the Collector")
        else:
            yield warning("plain http: the API key travels unencrypted", "use an https:// address")
        return
    path, origin = _bundle(setup)
    try:
        count = _authorities(path)
    except (OSError, ValueError) as failure:
        yield error(f"{path} ({origin}) cannot be used: {type(failure).__name__}", f"fix {origin}")
        return
    yield ok(f"trusts the authorities of {path} ({origin}){count}")


def _bundle(setup: Setup) -> tuple[str, str]:
    """Return the file of authorities that the transport uses, and what names it."""
    if setup.config.ca_file:
        return setup.config.ca_file, "PULSE_CA_FILE"
    for name in _BUNDLES:
        if os.environ.get(name):
            return os.environ[name], name
    return DEFAULT_CA_BUNDLE_PATH, "the default of requests"


def _authorities(path: str) -> str:
    """Return how many there are, for a text; a directory is read when one is needed."""
    if os.path.isdir(path):
        return ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=path)
    return f": {len(context.get_ca_certs())}"
