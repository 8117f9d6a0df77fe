"""Checks of what is installed here: the SDKs, and what else records their calls."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version

from pulse_otel.terminal.doctor.finding import Finding, Setup, ok, warning

TESTED = {"openai": ("1.66", "3.57"), "anthropic": ("0.43", "2.14")}
"""SDK -> the oldest and the newest version that the tests run with."""

_OURS = "pulse-otel"
# They record a call and leave it to us to add to their span.
_SHARE = re.compile("opentelemetry-instrumentation-(genai-.*|openai-v2)")
_DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def check_sdks(setup: Setup) -> Iterator[Finding]:
    """Compare the versions of the SDKs with the tested ones."""
    found = [(sdk, _version(sdk)) for sdk in TESTED]
    for sdk, installed in found:
        if installed:
            yield _sdk(sdk, installed)
    if not any(installed for _, installed in found):
        yield warning("neither openai nor anthropic is installed here")


def _sdk(sdk: str, installed: str) -> Finding:
    oldest, newest = TESTED[sdk]
    ours = _numbers(installed)
    if ours < _numbers(oldest):
        return warning(f"{sdk} {installed} is too old", f'pip install -U "{sdk}>={oldest}"')
    if ours[:1] > _numbers(newest)[:1]:
        return warning(
            f"{sdk} {installed} is newer than the tests know: {oldest} to {newest}",
            f'look for a newer pulse-otel, or pip install "{sdk}<={newest}.999"',
        )
    newer = ours[:2] > _numbers(newest)
    return ok(
        f"{sdk} {installed} ({'newer than tested' if newer else 'tested'}: {oldest} to {newest})"
    )


def check_instrumentors(setup: Setup) -> Iterator[Finding]:
    """Find other instrumentors that record the same calls."""
    others = [one for one in entry_points(group="opentelemetry_instrumentor") if not _is_ours(one)]
    if not others:
        yield ok("none but ours")
    for point in sorted(others, key=lambda one: one.name):
        if point.name.strip() in _disabled():
            yield ok(f"{_named(point)} is turned off by {_DISABLED}")
        elif _SHARE.fullmatch(_distribution(point)):
            yield ok(f"{_named(point)} shares one span with ours")
        elif _sdk_of(point):
            yield warning(
                f"{_named(point)} records calls of {_sdk_of(point)} as well: Pulse merges the two"
                " records of a call, other exporters get both",
                f"{_DISABLED}={point.name} turns it off under opentelemetry-instrument",
            )
        else:
            yield ok(f"{_named(point)}: other libraries")


def _is_ours(point: EntryPoint) -> bool:
    return _distribution(point) == _OURS


def _distribution(point: EntryPoint) -> str:
    return point.dist.name.lower().replace("_", "-") if point.dist else ""


def _named(point: EntryPoint) -> str:
    release = f" {point.dist.version}" if point.dist else ""
    return f"{_distribution(point) or point.value}{release}"


def _sdk_of(point: EntryPoint) -> str | None:
    """Return the SDK that an instrumentor is for, by its name; an agents SDK is another."""
    words = re.split(r"[^a-z0-9]+", f"{point.name} {point.module}".lower())
    return None if "agents" in words else next((sdk for sdk in TESTED if sdk in words), None)


def _disabled() -> list[str]:
    return [name.strip() for name in os.environ.get(_DISABLED, "").split(",")]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", text)[:3])
