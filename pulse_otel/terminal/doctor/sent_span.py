"""The check that a span which the service accepts is stored: an accepted span need not be."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

from pulse_otel.export.payloads.form import Form
from pulse_otel.export.payloads.traces import trace_id_of
from pulse_otel.export.records.record import Record
from pulse_otel.export.transport.http import ATTEMPT_S
from pulse_otel.export.transport.outcome import Outcome, Verdict, believed
from pulse_otel.terminal.doctor.finding import Finding, Setup, error, failed, ok, skipped
from pulse_otel.terminal.reading import NotReadable, Service

_NAME = "pulse-otel doctor"
_SAID = "sent by pulse-otel doctor to see whether it is stored"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


def check_span(setup: Setup) -> Iterator[Finding]:
    """Send one span, and wait until it can be read; behind a Collector, it cannot be."""
    form = setup.form
    if form is None:
        return
    is_call = form.name == "traces"
    if is_call and not setup.send:
        yield skipped(
            "not sent: to this service every trace is a call, and counts as one (--send sends one)"
        )
        return
    record = _record(is_call=is_call)
    outcome = _sent(setup, form, record)
    if outcome.verdict is not Verdict.DELIVERED:
        yield failed(outcome)
    elif outcome.refused:
        yield error(outcome.cause, "look for a newer pulse-otel, and tell who runs the service")
    elif setup.collector:
        yield ok(
            "accepted by the Collector; whether the service has stored it cannot be seen from"
            f" here: look there for the trace {record.trace_id}"
        )
    else:
        trace_id = record.trace_id
        if is_call:
            trace_id = trace_id_of(f"{record.trace_id}/{record.span_id}")
        yield _read_back(setup, trace_id)


def _record(*, is_call: bool) -> Record:
    now_ns = time.time_ns()
    return Record(
        kind="llm_call" if is_call else "notification",
        trace_id=secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        parent_span_id=None,
        start_ns=now_ns,
        end_ns=now_ns,
        name=_NAME,
        operation=_NAME,
        model=_NAME if is_call else None,
        session_id=_NAME,
        output_text=_SAID,
        metadata={"summary": _SAID},
        service_name=_NAME,
    )


def _sent(setup: Setup, form: Form, record: Record) -> Outcome:
    encoded = [one for one in [form.encode(record)] if one]
    deadline = time.monotonic() + ATTEMPT_S
    return believed(setup.transport.post(form.path, form.body(encoded), deadline), len(encoded))


def _read_back(setup: Setup, trace_id: str) -> Finding:
    service = Service(setup.transport, setup.config.api_url, max(setup.wait_s, 1.0))
    began, pause_s = time.monotonic(), _FIRST_PAUSE_S
    while True:
        try:
            if service.trace(trace_id) is not None:
                return ok(f"sent, and read back after {time.monotonic() - began:.1f} s")
        except NotReadable as failure:
            why, _, remedy = str(failure).removeprefix(f"{service.url}: ").partition(": ")
            return error(f"accepted, but it cannot be read back: {why}", remedy)
        left_s = setup.wait_s - (time.monotonic() - began)
        if left_s <= 0:
            return error(
                f"the service accepted the span, and has not stored it after {setup.wait_s:.0f} s"
            )
        time.sleep(min(pause_s, left_s))
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
