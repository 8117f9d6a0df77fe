"""Checks of the service: its answer, its form, what it says to the key, its clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from pulse_otel.export.transport.http import ATTEMPT_S, Reply, Request
from pulse_otel.export.transport.outcome import Verdict, one_line
from pulse_otel.export.transport.protocol import (
    NO_ENDPOINT,
    detected_forms,
    forms,
    is_collector,
)
from pulse_otel.terminal.doctor.finding import Finding, Setup, error, failed, ok, skipped, warning
from pulse_otel.terminal.doctor.settings import PROTOCOL
from pulse_otel.terminal.reading import remedy_of_refusal

TOLERANCE_S = 5
_DAY_S = 86_400
_GENERATION = {"otlp": "current", "traces": "legacy", "collector": "OpenTelemetry Collector"}
_REFUSED_KEY = (401, 403)


def check_service(setup: Setup) -> Iterator[Finding]:
    """Check that something answers at the address."""
    url = setup.config.api_url
    began = time.monotonic()
    reply = setup.transport.send(Request("GET", "/health"), began + ATTEMPT_S)
    took_ms = (time.monotonic() - began) * 1000
    setup.asked_at, setup.health = time.time() - took_ms / 2000, reply
    outcome = reply.outcome
    if outcome.status is None:
        refused = "connection refused" in outcome.cause and setup.config.sends_key
        yield failed(outcome, remedy_of_refusal(url) if refused else "")
    elif 300 <= outcome.status < 400:
        to = one_line(reply.headers.get("Location", ""))
        yield failed(outcome, f"it leads to {to}: set PULSE_API_URL to the service's own address")
    elif outcome.status >= 500:
        yield warning(f"says that it is not well ({outcome.status} at /health)")
    else:
        yield ok(f"answers in {took_ms:.0f} ms")


def check_form(setup: Setup) -> Iterator[Finding]:
    """Ask for each form with a request that stores nothing (contract §0)."""
    if PROTOCOL in setup.wrong:
        yield error(
            f"not asked: {PROTOCOL} is wrong, and a Collector gets no key", f"correct {PROTOCOL}"
        )
        return
    reply = Reply(setup.asked)
    keyed = setup.config.sends_key
    for form in detected_forms() if keyed else [forms()[setup.config.protocol]]:
        request = Request("POST", form.path, form.body([]))
        reply = setup.transport.send(request, time.monotonic() + ATTEMPT_S)
        setup.form, setup.asked = form, reply.outcome
        if setup.asked.status not in NO_ENDPOINT:
            break
    outcome = setup.asked
    setup.collector = not keyed or is_collector(reply)
    if outcome.status in NO_ENDPOINT:
        base = setup.config.api_url.partition("/v1")[0]
        base = base if base != setup.config.api_url else ""
        yield failed(
            outcome, f"set PULSE_API_URL to the base address alone: {base}" if base else ""
        )
    elif outcome.verdict is not Verdict.DELIVERED and not (
        keyed and outcome.status in _REFUSED_KEY
    ):
        yield failed(outcome)
    elif keyed and setup.collector:
        yield _keyed_collector(setup.config.protocol)
    else:
        yield _configured(setup, setup.form.name if setup.form else "")


def _keyed_collector(protocol: str) -> Finding:
    """Return what a Collector is to one that sends it the key: with `otlp`, it may be meant so."""
    if protocol == "otlp":
        return warning(
            "an OpenTelemetry Collector answers there, and gets the key",
            "set PULSE_PROTOCOL=collector, unless it passes the key on",
        )
    return error(
        "an OpenTelemetry Collector answers there, and no Pulse service",
        "set PULSE_PROTOCOL=collector: a Collector needs no key from here, and then gets none; if"
        " it passes the key on, set PULSE_PROTOCOL=otlp",
    )


def _configured(setup: Setup, found: str) -> Finding:
    wanted, name = setup.config.protocol, _GENERATION[found]
    if wanted in ("auto", found):
        return ok(f"{name} ({found})")
    return error(
        f"the service speaks {found} ({name}), but PULSE_PROTOCOL says {wanted}",
        "unset PULSE_PROTOCOL: what the service speaks is found out",
    )


def check_key_accepted(setup: Setup) -> Iterator[Finding]:
    """Check the service's answer to the key."""
    outcome = setup.asked
    if setup.collector:
        yield skipped("not checked: the Collector's log says what the service answers to the key")
    else:
        yield failed(outcome) if outcome.status in _REFUSED_KEY else ok("accepted")


def check_clock(setup: Setup) -> Iterator[Finding]:
    """Compare this machine's clock with the Date of an answer, which has full seconds."""
    try:
        then = parsedate_to_datetime(setup.health.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        yield skipped("the service's answer has no date")
        return
    ahead_s = setup.asked_at - then
    # The date was cut to its second.
    off_s = max(0.0, ahead_s - 1, -ahead_s)
    if off_s <= TOLERANCE_S:
        yield ok(f"within {TOLERANCE_S} s of the service's")
    else:
        way = "ahead of" if ahead_s > 0 else "behind"
        off = f"{off_s:.0f} s" if off_s < 2 * _DAY_S else f"{off_s / _DAY_S:.0f} days"
        yield warning(f"{off} {way} the service's; up to {TOLERANCE_S} s are fine")
