"""What the sender asks of the service, when it asks nothing, and what it says of the answers."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest

from pulse_otel.export.accounts.ledger import Ledger, SpanGroup
from pulse_otel.export.delivery.backlog import Backlog
from pulse_otel.export.delivery.batch import Entry
from pulse_otel.export.delivery.batches import Batches
from pulse_otel.export.delivery.sender import Sender
from pulse_otel.export.delivery.steps import Steps
from pulse_otel.export.payloads import otlp
from pulse_otel.export.payloads.form import Encoded, Form
from pulse_otel.export.transport.outcome import Outcome, Verdict
from tests.export.sending import records, sending

NEVER = float("inf")
TAKEN = Outcome(Verdict.DELIVERED)


class Sending:
    """A sender with ten records; `posted` has how many were in each request."""

    def __init__(self, answers: Sequence[Outcome] = (), form: Form = otlp.FORM) -> None:
        self.posted: list[int] = []
        left = list(answers)

        def post(form: Form, batch: Sequence[Encoded], deadline: float) -> Outcome:
            self.posted.append(len(batch))
            return left.pop(0) if left else TAKEN

        steps = Steps(
            size=lambda span: 1,
            read=lambda span: None,
            form=lambda deadline: form,
            post=post,
            attempt_s=10.0,
        )
        backlog, group = Backlog(Ledger(), None), SpanGroup(10, 10)
        ready = deque(Entry(record, group) for record in records(10))
        batches = Batches(lambda: False, lambda group, end, count: None, ready)
        self.sender = Sender(steps, backlog, batches, lambda: False)

    def send(self, end: float = NEVER) -> bool:
        return self.sender.send(NEVER, end)


def test_spans_that_are_not_for_pulse_ask_nothing_of_the_service() -> None:
    asked: list[float] = []

    def form(deadline: float) -> Any:
        asked.append(deadline)
        return otlp.FORM

    with sending("http://127.0.0.1:9", read=lambda record: None, form=form) as delivery:
        delivery.submit(records(5))
        assert delivery.flush(10) is True
        assert delivery.snapshot().ignored == 5

    assert asked == []


def test_it_says_whether_the_service_answered_or_there_was_nothing_to_send() -> None:
    refusing = Sending([Outcome(Verdict.RETRY, "the service answered 503", status=503)])

    assert [refusing.send(), refusing.send(), refusing.send()] == [False, True, True]


def test_records_that_no_request_has_room_for_count_as_sent() -> None:
    """As none is left."""
    unwritable = Sending(form=otlp.FORM._replace(encode=lambda record: None))

    assert unwritable.send() is True
    assert unwritable.posted == []


def test_a_request_is_no_larger_than_the_end_of_the_process_leaves_time_for() -> None:
    late, early = Sending(), Sending()

    late.send(time.monotonic())
    early.send()

    assert late.posted == [1]
    assert early.posted[0] > 1


def test_a_service_that_was_not_asked_is_no_trouble() -> None:
    assert Sending().sender.trouble == ""


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        pytest.param([("it answered 503: a", 503), ("it answered 503: b", 503)], 1, id="status"),
        pytest.param([("refused", None), ("no route", None), ("refused", None)], 2, id="none"),
    ],
)
def test_each_kind_of_failure_is_told_once(
    answers: list[tuple[str, int | None]], told: int, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Sending([Outcome(Verdict.RETRY, cause, status=status) for cause, status in answers])

    with caplog.at_level(logging.WARNING, "pulse_otel"):
        for _ in answers:
            failing.send()

    assert len(caplog.records) == told
