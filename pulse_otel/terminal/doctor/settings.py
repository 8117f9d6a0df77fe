"""Checks of the settings in the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pulse_otel.api_url import is_loopback
from pulse_otel.terminal.doctor.finding import Finding, Setup, error, ok, warning

KEY, URL, PROTOCOL = "PULSE_API_KEY", "PULSE_API_URL", "PULSE_PROTOCOL"
_QUOTES = "\"'`"


def check_settings(setup: Setup) -> Iterator[Finding]:
    """Check the form of every setting but key and address, as the package reads them."""
    others = {name: said for name, said in setup.wrong.items() if name not in (KEY, URL)}
    yield from (error(said) for said in others.values())
    yield from (warning(said) for said in setup.logged)
    if not setup.config.enabled:
        yield warning("recording is off (PULSE_ENABLED)", "unset PULSE_ENABLED")
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield warning("OTEL_SDK_DISABLED turns every span off", "unset OTEL_SDK_DISABLED")
    if not others:
        yield ok(", ".join(setup.given) or "none in the environment: the defaults hold")


def check_address(setup: Setup) -> Iterator[Finding]:
    """Check the form of the service's address."""
    if URL in setup.wrong:
        yield error(setup.wrong[URL])
    else:
        origin = URL if URL in setup.given else "the default"
        yield ok(f"{setup.config.api_url} ({origin})")


def check_key(setup: Setup) -> Iterator[Finding]:
    """Check the form of the key."""
    key = setup.config.api_key
    if not setup.config.sends_key:
        unused = f"; {KEY} is set, and not used" if KEY in setup.given else ""
        yield ok(f"none needed: the Collector adds it{unused}")
    elif KEY in setup.wrong:
        quoted = os.environ.get(KEY, "")[:1] in _QUOTES
        remedy = "leave out the quotation marks, which are a part of it" if quoted else ""
        yield error(setup.wrong[KEY], remedy)
    elif key is None:
        yield error(f"{KEY} is not set")
    elif not key.is_placeholder:
        yield ok("well-formed")
    elif is_loopback(setup.config.api_url):
        yield ok("the README's placeholder, which is enough for `serve`")
    else:
        yield error(f"{KEY} is the README's placeholder")
