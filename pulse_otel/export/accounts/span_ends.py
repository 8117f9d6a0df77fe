"""How spans end: every end, every reason for a loss, and what to do about each loss."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TypeAlias, cast

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.log import logger, rate_limited
from pulse_otel.semconv import PULSE_RAW_FINISH_REASONS, REQUEST_STREAM


class End(Enum):
    """An end without a loss."""

    DELIVERED = "delivered"
    IGNORED = "ignored"
    TAKEN_OVER = "taken over"
    NOT_SAMPLED = "not sampled"

    # Of C: no signal handler strikes while a counter with this key is changed.
    __hash__ = object.__hash__


class DropReason(str, Enum):
    """Why a span was dropped. Users read the values in statistics, metrics and the log."""

    QUEUE_FULL = "queue full"
    UNSENT = "not sent before the end"
    UNCONFIRMED = "unconfirmed"  # sent, and not answered: the service may have stored it
    AFTER_SHUTDOWN = "after shutdown"
    REFUSED = "refused by the service"
    REJECTED = "rejected"
    TOO_LARGE = "too large"
    SERVICE_FAILS = "the service fails at it"
    EXPIRED = "expired on disk"
    SPOOL_FULL = "spool full"
    DAMAGED = "damaged on disk"
    UNREADABLE = "not readable"
    UNREDACTABLE = "not redactable"
    UNENCODABLE = "not encodable"
    UNSTORABLE = "not storable"

    __hash__ = str.__hash__  # as in `End`


SpanEnd: TypeAlias = End | DropReason

_SERVICE = "check that the trace service is reachable"
_WITHOUT_SERVICE = (DropReason.QUEUE_FULL, DropReason.UNSENT, DropReason.UNCONFIRMED)
_REMEDIES: dict[DropReason, str] = {
    DropReason.QUEUE_FULL: f"{_SERVICE}; spool_dir keeps more, on disk",
    DropReason.UNSENT: f"{_SERVICE}; with spool_dir the next process sends them",
    DropReason.UNCONFIRMED: f"{_SERVICE}; what is unconfirmed may have been stored",
    DropReason.AFTER_SHUTDOWN: "call shutdown() after the last call",
    DropReason.REFUSED: "see the warnings above for what the service said",
    DropReason.REJECTED: "see the warnings above for what the service said",
    DropReason.TOO_LARGE: (
        "lower max_content_bytes, or raise the limit of the proxy before the service"
    ),
    DropReason.EXPIRED: _SERVICE,
    DropReason.SPOOL_FULL: _SERVICE,
}


def log_late_call(span: ReadableSpan) -> None:
    """Warn that `span`, of a call, ended when nothing is sent any more."""
    facts = span.attributes or {}
    finished = any(cast("Sequence[str]", facts.get(PULSE_RAW_FINISH_REASONS, ())))
    # Python collects at its end what a program still holds.
    if facts.get(REQUEST_STREAM) and not finished and span.status.is_ok:
        rate_limited.warning(
            "unread stream",
            "pulse-otel: a stream that was not read to its end is not sent, as the program held it"
            " until after shutdown(): close it, or read it in a `with` block",
        )
    else:
        rate_limited.warning(
            "after shutdown", "pulse-otel: a call that ended after shutdown() is not sent"
        )


def log_lost_spans(stats: DeliveryStats, trouble: str, *, passing: bool) -> None:
    """Log how many spans were lost, why, and a remedy; and how many wait on disk.

    `trouble` says what keeps the service from accepting spans; `passing` says that it heals by
    itself. If it does not, the key or the address is wrong. A spool belongs to both, so the right
    ones would not send what it holds: then `trouble` alone is the remedy.
    """
    if stats.lost:
        reasons = {
            why: count
            for why, count in {
                DropReason.QUEUE_FULL.value: stats.queue_overflow,
                **stats.dropped,
            }.items()
            if count
        }
        worst = DropReason(max(reasons, key=lambda why: reasons[why]))
        remedy = _REMEDIES.get(worst, "please report it")
        if trouble and worst in _WITHOUT_SERVICE:
            remedy = remedy.replace(_SERVICE, trouble) if passing else trouble
        # Not throttled: each exporter ends once.
        logger.warning(
            "pulse-otel: %s lost (%s): %s",
            "1 span" if stats.lost == 1 else f"{stats.lost} spans",
            ", ".join(f"{count} {why}" for why, count in reasons.items()),
            remedy,
        )
    if stats.pending_on_disk:
        logger.info("pulse-otel: waiting in spool_dir: %d", stats.pending_on_disk)
