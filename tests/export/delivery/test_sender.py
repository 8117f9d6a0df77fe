"""What the sender asks of the service, and when it asks nothing."""

from __future__ import annotations

from typing import Any

from pulse_otel.export.payloads import otlp
from tests.export.sending import records, sending


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
