"""The counters of a delivery, and what a user is shown of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeliveryStats:
    """Where every span that ended has come to, at one moment; each is counted once:

    ``ended == in_queue + queue_overflow + delivered + pending_on_disk + taken_over + ignored
    + sum(dropped.values())``

    `ended`: spans handed to the delivery. `in_queue`: in memory. `queue_overflow`: the oldest,
    let go because too many waited. `delivered`: accepted by the service. `pending_on_disk`: in the
    spool. `taken_over`: from the spool by another process, which counts them as inherited.
    `ignored`: no GenAI span, without a place in the service's form, or recorded twice. `dropped`:
    by reason. The `inherited_` counts are of spans that ended in other processes of the spool.
    `redaction_failures`: texts that were replaced, since the `redact` function failed.
    """

    ended: int = 0
    in_queue: int = 0
    queue_overflow: int = 0
    delivered: int = 0
    pending_on_disk: int = 0
    taken_over: int = 0
    ignored: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    inherited_delivered: int = 0
    inherited_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    redaction_failures: int = 0

    @property
    def lost(self) -> int:
        """Spans of this process that will never arrive."""
        return self.queue_overflow + sum(self.dropped.values())

    @property
    def unaccounted(self) -> int:
        """What the counts above do not explain: 0, or a bug."""
        known = self.in_queue + self.delivered + self.pending_on_disk + self.taken_over
        return self.ended - known - self.ignored - self.lost


@dataclass(slots=True)
class Stats:
    """The counters themselves; changed by the ledger only."""

    received: int = 0
    received_bytes: int = 0
    not_genai: int = 0  # never queued, and in none of the others
    queue_overflow: int = 0
    delivered: int = 0
    taken_over: int = 0
    ignored: int = 0
    dropped: Counter[str] = field(default_factory=lambda: Counter[str]())
    inherited_delivered: int = 0
    inherited_dropped: Counter[str] = field(default_factory=lambda: Counter[str]())

    @property
    def lost(self) -> int:
        """Spans that will never arrive."""
        return self.queue_overflow + sum(self.dropped.values())
