"""Which wire form the service speaks: as configured, or found out by asking it.

A service answers 404 to a form that it does not speak, whatever the key (contract §0). So it is
asked with a request of each form that stores nothing, before the first spans are sent, and again
after a 404: a service may be replaced by one of the other generation while this process runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pulse_otel.export.payloads import otlp, traces
from pulse_otel.export.payloads.form import Encoded, Form
from pulse_otel.export.transport.outcome import Outcome, Verdict

FORMS = {form.name: form for form in (otlp.FORM, traces.FORM)}
_NO_ENDPOINT = (404, 405, 410)


class Poster(Protocol):
    """What is needed of a transport."""

    def post(self, path: str, body: bytes, deadline: float, /) -> Outcome: ...


class ProtocolDetector:
    """Posts batches in the right form. Used by one thread at a time, never by a caller's."""

    def __init__(self, transport: Poster, protocol: str) -> None:
        self._transport = transport
        self._asks = protocol not in FORMS
        self._form = FORMS.get(protocol)

    def form(self, deadline: float) -> Form | Outcome:
        """The form to write in, asking if it is not known; or why it cannot be known yet."""
        if self._form is None:
            form, outcome = identify(self._transport, deadline)
            if form is None or outcome.verdict is not Verdict.DELIVERED:
                return _unanswered(outcome)
            self._form = form
        return self._form

    def post(self, form: Form, batch: Sequence[Encoded], deadline: float) -> Outcome:
        """Post `batch`. In "auto" a 404 is a passing fault: after it the service is asked again."""
        outcome = self._transport.post(form.path, form.body(batch), deadline)
        if self._asks and outcome.status in _NO_ENDPOINT:
            self._form = None
            return Outcome(Verdict.RETRY, status=outcome.status)  # the asking finds the cause
        return outcome


def identify(transport: Poster, deadline: float) -> tuple[Form | None, Outcome]:
    """Ask for each form, in order, until one is not answered "no such endpoint".

    The form is known also if it was refused for its key (401): only a service that speaks it
    looks at the key. Any other answer but success says nothing about the form.
    """
    outcome = Outcome(Verdict.RETRY)
    for form in FORMS.values():
        outcome = transport.post(form.path, form.body([]), deadline)
        if outcome.status not in _NO_ENDPOINT:
            known = outcome.verdict is Verdict.DELIVERED or outcome.status == 401
            return (form if known else None), outcome
    return None, outcome


def _unanswered(outcome: Outcome) -> Outcome:
    """What a failed asking means for the spans that wait: they do, whatever was answered."""
    if outcome.verdict in (Verdict.RETRY, Verdict.PAUSED):
        return outcome
    cause = (
        f"the service does not say which wire form it speaks ({outcome.status}):"
        " set protocol / PULSE_PROTOCOL"
    )
    return Outcome(Verdict.PAUSED, cause, status=outcome.status)
