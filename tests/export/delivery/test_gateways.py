"""Several gateways before one service, of which some refuse every request."""

from __future__ import annotations

import pytest

from pulse_otel.export.delivery import backoff
from pulse_otel.export.delivery.backoff import DOUBTED, HURRIED_S, Backoff
from pulse_otel.export.transport.outcome import Outcome, Verdict
from tests.export.sending import ids_of, records, sending, stored, until
from tests.faults import Action, FaultServer, Request, answer

_REFUSED = Outcome(Verdict.PAUSED, "refused", status=401)


def in_turns(status: int, of: int) -> FaultServer:
    """A service behind so many gateways, in turns: only the last of them takes anything."""

    def gateway(number: int, _: Request) -> Action:
        return answer(status) if number % of else answer()

    return FaultServer(gateway)


@pytest.mark.row("H7")
@pytest.mark.parametrize(("status", "of"), [(401, 2), (404, 2), (403, 3), (404, 3)])
def test_gateways_that_refuse_in_turns_cost_requests_and_no_spans(
    status: int, of: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch that one refuses is sent whole to the next, not one record of it after a pause."""
    monkeypatch.setitem(backoff.PAUSES, Verdict.PAUSED, backoff.Pauses(0.01, 0.01))
    with in_turns(status, of) as server, sending(server.url, most=10) as delivery:
        delivery.submit(records(1))
        assert until(lambda: delivery.snapshot().delivered == 1)
        delivery.submit(records(40, 1))
        assert delivery.shutdown(30) is True
        stats = delivery.snapshot()

    assert (stats.delivered, stats.lost) == (41, 0)
    assert set(stored(server.stored)) == ids_of(records(41))
    assert len(server.received) <= of * (1 + 4 + 2)  # the queue may give the 40 in more than 4


def test_after_a_success_a_few_refusals_are_passing_and_then_one_is_a_wrong_key() -> None:
    found = Backoff(lambda: 100.0)
    found.record_failure(_REFUSED)
    assert not found.passing  # nobody ever took this key
    found.record_success()
    for _ in range(DOUBTED):
        found.record_failure(_REFUSED)
        assert found.passing
        assert found.pause_s(expedited=True) <= HURRIED_S * 1.01
    found.record_failure(_REFUSED)
    assert not found.passing
    assert found.pause_s(expedited=True) > 2 * HURRIED_S


def test_a_key_that_is_withdrawn_costs_few_requests_at_the_end() -> None:
    with FaultServer([answer()], then=answer(401)) as server, sending(server.url) as delivery:
        delivery.submit(records(1))
        assert until(lambda: delivery.snapshot().delivered == 1)
        delivery.submit(records(20, 1))
        assert delivery.shutdown(30) is False
        assert delivery.snapshot().dropped == {"not sent before the end": 20}

    assert len(server.received) == 1 + DOUBTED + 1
