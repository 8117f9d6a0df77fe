"""The counters that a user reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeliveryStats:
    """Where every span that ended is, at one moment.

    Each span is counted once: ``ended == in_queue + queue_overflow + delivered + pending_on_disk +
    taken_over + ignored + not_sampled + sum(dropped.values())``.

    Attributes:
        ended: Spans that were handed to the delivery.
        in_queue: Waiting in memory.
        queue_overflow: Dropped because too many waited.
        delivered: Accepted by the service.
        pending_on_disk: Waiting in the spool.
        taken_over: Taken from our spool by another process, which counts them as inherited.
        ignored: No GenAI spans, recorded twice, or of a kind that the service's form lacks.
        not_sampled: Left out by `sample_rate`, or by the sampler of your own provider.
        dropped: Lost, by reason.
        inherited_delivered: Spans of other processes, delivered from their spool by this one.
        inherited_dropped: Spans of other processes that this one lost, by reason.
        redaction_failures: Texts that were replaced because the `redact` function failed.
    """

    ended: int = 0
    in_queue: int = 0
    queue_overflow: int = 0
    delivered: int = 0
    pending_on_disk: int = 0
    taken_over: int = 0
    ignored: int = 0
    not_sampled: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    inherited_delivered: int = 0
    inherited_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    redaction_failures: int = 0

    @property
    def lost(self) -> int:
        """Return how many spans of this process will never arrive."""
        return self.queue_overflow + sum(self.dropped.values())

    @property
    def unaccounted(self) -> int:
        """Return how many spans the counts above do not explain: 0, or there is a bug."""
        known = self.in_queue + self.delivered + self.pending_on_disk + self.taken_over
        return self.ended - known - self.ignored - self.not_sampled - self.lost
