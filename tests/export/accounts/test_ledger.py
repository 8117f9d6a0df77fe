"""The ledger on its own."""

from __future__ import annotations

from pulse_otel.export.accounts.ledger import Ledger, SpanGroup
from pulse_otel.export.accounts.span_ends import DropReason, End


def test_the_bytes_that_came_add_up() -> None:
    ledger = Ledger()

    ledger.received(2, 500)
    ledger.received(1, 20)

    assert (ledger.received_count, ledger.received_bytes) == (3, 520)


def test_what_is_dropped_is_lost() -> None:
    ledger = Ledger()
    ledger.refused(2)
    ledger.read(DropReason.UNSTORABLE, 3)
    ledger.read(End.IGNORED)

    assert ledger.lost == 5


def test_a_group_is_settled_with_its_last_span() -> None:
    ledger, group = Ledger(), SpanGroup(3, 3)
    ledger.packed(group)

    assert ledger.settle(group, End.DELIVERED) is False
    assert ledger.settle(group, End.DELIVERED) is False
    assert ledger.settle(group, End.DELIVERED) is True


def test_what_went_back_to_the_disk_is_counted_by_whoever_sends_it() -> None:
    ledger, group = Ledger(), SpanGroup(3, 3, file="1", own=False)
    ledger.packed(group)

    ledger.forget(group)

    assert ledger.settle(group, End.DELIVERED, 3) is False
    assert ledger.snapshot().inherited_delivered == 0


def test_no_more_spans_of_a_group_end_than_are_left() -> None:
    """At the end, a batch may be given up, and be answered then."""
    ledger, group = Ledger(), SpanGroup(3, 3)
    ledger.received(3, 3)
    for _ in range(3):
        ledger.taken()
    ledger.packed(group)

    ledger.settle(group, DropReason.UNCONFIRMED, 2)
    assert ledger.settle(group, End.DELIVERED, 2) is True

    stats = ledger.snapshot()
    assert (stats.dropped, stats.delivered) == ({"unconfirmed": 2}, 1)
    assert stats.unaccounted == 0
