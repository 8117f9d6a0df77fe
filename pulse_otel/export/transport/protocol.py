"""The wire form that the service speaks: as configured, or detected with requests.

A form to a Collector is never chosen by detection: a gateway of Collectors may need the key, to
pass it on. What the Collector does not need is said instead.

A service answers 404 to a form that it does not speak, whatever the key (contract §0). An empty
request of each form, which stores nothing, detects the form before the first spans are sent. After
a 404, the other form is asked for: another generation may have replaced the service meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from pulse_otel.export.payloads.form import Encoded, Form
from pulse_otel.export.transport.http import Reply, Request, Transport
from pulse_otel.export.transport.outcome import Outcome, Verdict, believed
from pulse_otel.log import rate_limited

NO_ENDPOINT = (404, 405, 410)
"""The statuses of a service that does not speak a form."""

_COLLECTOR = (
    "pulse-otel: a Collector answers at api_url, and no Pulse service: with protocol='collector' it"
    " is sent no API key, and needs none; if it passes the key on, set protocol='otlp'"
)


@cache
def forms() -> dict[str, Form]:
    """Return the forms by name, in the order in which they are tried; imported by the worker."""
    from pulse_otel.export.payloads import otlp, traces

    return {form.name: form for form in (otlp.FORM, traces.FORM, otlp.TO_COLLECTOR)}


def detected_forms() -> list[Form]:
    """Return the forms that `auto` asks for: those of the services."""
    return [form for form in forms().values() if form.detected]


def is_collector(reply: Reply) -> bool:
    """Return whether `reply`, to a request without spans, is one of a Collector.

    A Pulse service answers `{}` to it (contract §0), and every other OTLP receiver in the words of
    OpenTelemetry's specification.
    """
    return reply.outcome.verdict is Verdict.DELIVERED and b'"partialSuccess"' in reply.body


class ProtocolDetector:
    """Posts batches in the right form. Used by one thread at a time, never by a caller's."""

    def __init__(self, transport: Transport, protocol: str) -> None:
        self._transport = transport
        self._protocol = protocol
        self._detects = protocol == "auto"
        self._form: Form | None = None
        self._found: Form | None = None  # its endpoint answered, though with no success

    @property
    def form_name(self) -> str:
        """Return the name of the form: the configured or detected one; `auto` until it is known."""
        return self._protocol if self._form is None else self._form.name

    def form(self, deadline: float) -> Form | Outcome:
        """Return the form to write in, detected if necessary, or why it is not known yet."""
        if self._form is None and not self._detects:
            self._form = forms()[self._protocol]
        if self._form is None:
            detected = self._detect(deadline)
            if isinstance(detected, Outcome):
                return detected
            self._form = detected
        return self._form

    def _detect(self, deadline: float) -> Form | Outcome:
        """Ask for each form until an answer is not "no such endpoint"; only a success decides.

        Any other answer lets the spans wait, also one that would cost a batch its spans.
        """
        outcome = Outcome(Verdict.RETRY)
        # The one that had an endpoint comes first, so that a wrong key is asked about once.
        for form in sorted(detected_forms(), key=lambda form: form is not self._found):
            reply = self._transport.send(Request("POST", form.path, form.body([])), deadline)
            outcome = reply.outcome
            if is_collector(reply):
                rate_limited.warning("collector", _COLLECTOR)
            if outcome.verdict is Verdict.DELIVERED:
                return form
            if outcome.status not in NO_ENDPOINT:
                self._found = form
                break
        if outcome.verdict in (Verdict.RETRY, Verdict.PAUSED, Verdict.TOO_SLOW):
            return outcome
        cause = (
            f"the service does not say which wire form it speaks ({outcome.status}):"
            " set protocol / PULSE_PROTOCOL"
        )
        return Outcome(Verdict.PAUSED, cause, status=outcome.status)

    def post(self, form: Form, batch: Sequence[Encoded], deadline: float) -> Outcome:
        """Post `batch`. If the form was detected, a 404 has the other forms asked for."""
        outcome = self._transport.post(form.path, form.body(batch), deadline)
        if self._detects and outcome.status in NO_ENDPOINT:
            return self._without_endpoint(form, outcome, deadline)
        return believed(outcome, len(batch))

    def _without_endpoint(self, form: Form, outcome: Outcome, deadline: float) -> Outcome:
        """Return what a 404 to `form` means: a gateway's passing 404 does not change the form."""
        for other in detected_forms():
            if other is form:
                continue
            answer = self._transport.post(other.path, other.body([]), deadline)
            if answer.status not in NO_ENDPOINT:
                # The next batch detects anew; if it is no success, that finds the cause.
                self._form = other if answer.verdict is Verdict.DELIVERED else None
                return Outcome(Verdict.RETRY, status=outcome.status)
        return outcome
