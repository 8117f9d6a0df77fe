"""The one line at the end of a program that lost spans: how many, why, and what to do."""

from __future__ import annotations

from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.log import logger

OVERFLOW = "queue full"
UNSENT = "not sent before the end"
_SERVICE = "check that the trace service is reachable"
_REMEDIES = {
    OVERFLOW: f"{_SERVICE}; spool_dir keeps more, on disk",
    UNSENT: f"{_SERVICE}; with spool_dir the next process sends them",
    "after shutdown": "call shutdown() after the last call",
    "refused by the service": "see the warnings above for what it said",
    "rejected": "see the warnings above for what the service said",
    "too large": "lower max_content_bytes, or raise the limit of the proxy before the service",
    "expired on disk": _SERVICE,
    "spool full": _SERVICE,
}


def report(stats: DeliveryStats, trouble: str, *, passing: bool) -> None:
    """Log what was lost, if anything was, with the service's `trouble`; and what is on disk.

    `passing`: that heals by itself. Else it is the key or the address that is wrong, and a spool
    belongs to both: the right ones would not send what it holds.
    """
    reasons = {OVERFLOW: stats.queue_overflow, **stats.dropped}
    reasons = {why: count for why, count in reasons.items() if count}
    if reasons:
        said = ", ".join(f"{count} {why}" for why, count in reasons.items())
        worst = max(reasons, key=lambda why: reasons[why])
        remedy = _REMEDIES.get(worst, "please report it")
        if trouble and worst in (OVERFLOW, UNSENT):
            remedy = remedy.replace(_SERVICE, trouble) if passing else trouble
        # Not throttled: each exporter ends once.
        spans = "1 span" if stats.lost == 1 else f"{stats.lost} spans"
        logger.warning("pulse-otel: %s lost (%s): %s", spans, said, remedy)
    if stats.pending_on_disk:
        logger.info("pulse-otel: waiting in spool_dir: %d", stats.pending_on_disk)
