"""What is done with a batch at which the service fails, as a table."""

from __future__ import annotations

import pytest

from pulse_otel.export.delivery.suspicion import Action, action


@pytest.mark.parametrize(
    ("errors", "entries", "takes_others", "room", "expected"),
    [
        pytest.param(2, 100, True, True, Action.RETRY, id="not suspect yet"),
        pytest.param(3, 100, True, True, Action.SPLIT, id="suspect, others arrive"),
        pytest.param(3, 100, False, True, Action.SPLIT, id="perhaps an outage, but there is room"),
        pytest.param(3, 100, False, False, Action.LAST, id="an outage, too many parts"),
        pytest.param(3, 1, False, True, Action.LAST, id="one record in an outage"),
        pytest.param(99, 1, False, True, Action.LAST, id="one record in a long outage"),
        pytest.param(7, 1, True, True, Action.LAST, id="one record, others arrive"),
        pytest.param(8, 1, True, True, Action.GIVE_UP, id="one record, others arrive for long"),
        pytest.param(3, 1, True, False, Action.GIVE_UP, id="one record among too many"),
        pytest.param(9, 2, True, True, Action.SPLIT, id="never two at once are given up"),
    ],
)
def test_a_batch_is_suspected_only_as_far_as_others_show_it(
    errors: int, entries: int, takes_others: bool, room: bool, expected: Action
) -> None:
    assert action(errors, entries, takes_others=takes_others, room=room) is expected
