"""What to do with a batch at which the service fails again and again.

One record that the service fails at, or never answers, must not hold up the others; but during an
outage the service fails at everything, and nothing is to blame.
"""

from __future__ import annotations

from enum import Enum

SUSPECT_AFTER = 3
"""Server errors in a row after which a batch is suspect."""

GIVEN_UP_AFTER = 8
"""Server errors in a row, while the service accepts others, after which a record is to blame."""


class Action(Enum):
    """What becomes of the batch."""

    RETRY = "try it first again"
    SPLIT = "try its halves, after the others"
    LAST = "try it after the others"
    GIVE_UP = "drop it"


def action(errors: int, entries: int, *, takes_others: bool, room: bool) -> Action:
    """Return what to do with a batch of `entries` after `errors` server errors in a row.

    `takes_others`: the service accepted other batches since the first of these errors. `room`:
    there are few parts of suspect batches yet.
    """
    if errors < SUSPECT_AFTER:
        return Action.RETRY
    if entries > 1 and (takes_others or room):
        return Action.SPLIT
    if takes_others and (errors >= GIVEN_UP_AFTER or not room):
        return Action.GIVE_UP
    return Action.LAST
