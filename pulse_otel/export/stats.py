"""The counters of a delivery."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stats:
    """Where the spans of a delivery came to: received = delivered + ignored + dropped + waiting."""

    received: int = 0
    delivered: int = 0
    ignored: int = 0
    dropped: Counter[str] = field(default_factory=lambda: Counter[str]())

    @property
    def lost(self) -> int:
        """Spans that will never arrive."""
        return sum(self.dropped.values())
