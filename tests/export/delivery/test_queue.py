"""The queue on its own: how much one round reads, and who may read at a time."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pulse_otel.export.accounts.ledger import Ledger
from pulse_otel.export.delivery import queue as intake
from pulse_otel.export.delivery.queue import SpanQueue
from pulse_otel.export.delivery.steps import Steps
from pulse_otel.export.payloads import otlp
from pulse_otel.export.records.record import Record
from pulse_otel.export.transport.outcome import Outcome, Verdict
from tests.export.sending import records


class Rounds:
    """A queue, and how many records each of its rounds stored."""

    def __init__(self, **steps: Any) -> None:
        self.stored: list[int] = []
        usual: dict[str, Any] = {"size": lambda record: 500, "read": lambda record: record}
        post = lambda *request: Outcome(Verdict.DELIVERED)  # noqa: E731
        form = lambda deadline: otlp.FORM  # noqa: E731
        made = Steps(form=form, post=post, attempt_s=1.0, **{**usual, **steps})
        self.queue = SpanQueue(Ledger(), made, lambda found: self.stored.append(len(found)))

    def drain(self, in_s: float = 60.0) -> bool:
        return self.queue.drain(time.monotonic() + in_s, release=True)


def test_a_round_ends_at_its_bytes_however_few_the_spans_are() -> None:
    rounds = Rounds(size=lambda record: intake.ROUND_BYTES // 2)
    rounds.queue.add(records(5))

    while len(rounds.queue):
        assert rounds.drain()

    assert sum(rounds.stored) == 5
    assert max(rounds.stored) <= 2


def test_a_round_ends_at_its_time_however_small_the_spans_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "ROUND_S", 0.0)
    rounds = Rounds()
    rounds.queue.add(records(5))

    assert rounds.drain()

    assert len(rounds.queue) == 5


def test_who_comes_too_late_for_a_round_does_not_wait_for_it() -> None:
    answers: list[bool] = []

    def read(record: Record) -> Record:
        answers.append(rounds.drain(-0.5))
        return record

    rounds = Rounds(read=read)
    rounds.queue.add(records(1))

    assert rounds.drain() is True
    assert answers == [False]


def test_nothing_is_left_of_what_was_cleared() -> None:
    rounds = Rounds()
    rounds.queue.add(records(3))

    rounds.queue.clear()

    assert (len(rounds.queue), rounds.queue.size_bytes) == (0, 0)
    assert rounds.drain()
    assert rounds.stored == []
