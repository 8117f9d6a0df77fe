"""What one attempt came to: the decision table, (status, body) -> Outcome.

Only a 2xx with the service's own JSON is a success. A 500 is retried, unlike the OTLP
specification says: this service answers 500 to passing faults (contract §1).
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What to do with the batch."""

    DELIVERED = "delivered"
    RETRY = "retry"  # may succeed by itself
    PAUSED = "paused"  # needs somebody: key, address, redirect; kept, and tried rarely
    REJECTED = "rejected"  # never will succeed
    TOO_LARGE = "too large"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, its cause in a few words, and how many spans the service refused."""

    verdict: Verdict
    cause: str = ""
    refused: int = 0
    retry_after_s: float | None = None


_PAUSED = {
    401: "the service does not know the API key (401): check api_key / PULSE_API_KEY",
    403: "the API key is not allowed to write (403): check api_key / PULSE_API_KEY",
    404: "no trace endpoint there (404): check api_url / PULSE_API_URL",
    405: "no trace endpoint there (405): check api_url / PULSE_API_URL",
}
_REJECTED = {400: "the service refused the request (400)", 422: "the service refused it (422)"}


def decide(status: int, body: bytes, retry_after: str | None = None) -> Outcome:
    """The outcome of an answer. `retry_after` is the header, in seconds."""
    if 200 <= status < 300:
        return _success(status, body)
    if 300 <= status < 400:
        cause = f"the address redirects ({status}): set api_url to where the service is"
        return Outcome(Verdict.PAUSED, cause)
    if status in _PAUSED:
        return Outcome(Verdict.PAUSED, _PAUSED[status])
    if status == 413:
        return Outcome(Verdict.TOO_LARGE, "the request is too large (413)")
    if status in _REJECTED:
        return Outcome(Verdict.REJECTED, _REJECTED[status])
    cause = f"the service answered {status}"
    return Outcome(Verdict.RETRY, cause, retry_after_s=_seconds(retry_after))


def _success(status: int, body: bytes) -> Outcome:
    if status == 204 or not body.strip():
        return Outcome(Verdict.DELIVERED)
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        cause = "the answer is not a trace service's (a web page?): check api_url / PULSE_API_URL"
        return Outcome(Verdict.PAUSED, cause)
    partial: Any = answer.get("partialSuccess")
    refused: Any = partial.get("rejectedSpans") if isinstance(partial, dict) else 0
    refused = int(refused) if isinstance(refused, int) or _digits(refused) else 0
    cause = f"the service refused {refused} spans" if refused else ""
    return Outcome(Verdict.DELIVERED, cause, refused=refused)


def _seconds(header: str | None) -> float | None:
    if header is None or not _digits(header.strip()):
        return None
    return min(float(header.strip()[:6]), 600.0)


def _digits(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 18
