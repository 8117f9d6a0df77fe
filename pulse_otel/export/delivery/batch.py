"""A batch: the records of one request, each with the group that it is counted in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pulse_otel.export.accounts.ledger import SpanGroup
from pulse_otel.export.delivery.request_size import time_factor
from pulse_otel.export.delivery.suspicion import SUSPECT_AFTER
from pulse_otel.export.payloads.form import Encoded, Form

if TYPE_CHECKING:
    from pulse_otel.export.records.record import Record

_UNWRITTEN = Encoded(b"")


class Entry(NamedTuple):
    """One record on its way. `shrinks`: how often it was made smaller."""

    record: Record
    group: SpanGroup
    encoded: Encoded = _UNWRITTEN
    shrinks: int = 0


class SplitGroup:
    """What the parts of one batch have in common."""

    def __init__(self) -> None:
        self.refusals = 0  # in a row


class Batch:
    """The records of one request."""

    def __init__(self, form: Form, entries: list[Entry], family: SplitGroup | None = None) -> None:
        self.form = form
        self.entries = entries
        self.family = family or SplitGroup()
        self.errors = 0  # failures in a row; at most SUSPECT_AFTER while no others are accepted
        self.accepted_before = 0  # batches that the service had accepted at the first of them
        self.unconfirmed = False  # it was sent, and no answer came (yet): it may have been stored

    def encoded(self) -> list[Encoded]:
        """Return what is posted."""
        return [entry.encoded for entry in self.entries]

    @property
    def size(self) -> int:
        """The size of its request in bytes, about."""
        return sum(len(entry.encoded.json) for entry in self.entries)

    @property
    def time_factor(self) -> float:
        """How many times the usual time of an attempt its request gets."""
        return time_factor(self.size) if len(self.entries) == 1 else 1.0

    def part(self, entries: list[Entry]) -> Batch:
        """Return a batch of these `entries` of it."""
        made = Batch(self.form, entries, self.family)
        made.errors = min(self.errors, SUSPECT_AFTER)
        made.accepted_before, made.unconfirmed = self.accepted_before, self.unconfirmed
        return made

    def halves(self) -> list[Batch]:
        """Return it in two halves."""
        middle = len(self.entries) // 2
        return [self.part(self.entries[:middle]), self.part(self.entries[middle:])]
