"""Outcomes of answers: the decision table, (status, headers, body) -> Outcome.

Only a 2xx with the service's own JSON is a success. Contrary to the OTLP specification, a 500 is
retried: this service answers 500 to passing faults (contract §1). The answer of a gateway or a
login page is never taken for the service's decision on the spans.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import time
from collections.abc import Container
from datetime import timezone
from enum import Enum
from typing import Any, NamedTuple

from pulse_otel.printable import printable
from pulse_otel.texts import clip

MAX_RETRY_AFTER_S = 600.0
_MESSAGE_BYTES = 200


class Verdict(Enum):
    """The next step for the batch."""

    DELIVERED = "delivered"
    RETRY = "retry"  # a passing fault: sent again after a pause
    TOO_SLOW = "too slow"  # the same, in smaller parts
    PAUSED = "paused"  # the key or the address must be changed: kept, and tried rarely
    REJECTED = "rejected"  # will never be accepted as it is
    TOO_LARGE = "too large"


_SENT_AGAIN = (Verdict.RETRY, Verdict.PAUSED, Verdict.TOO_LARGE)


class Outcome(NamedTuple):
    """A verdict, its cause in a few words, and the refused part of the batch.

    `refused` counts the spans that the service left out of an accepted request. `bad` holds the
    indexes of the spans for which it refused a whole request, if it names them.
    """

    verdict: Verdict
    cause: str = ""
    refused: int = 0
    retry_after_s: float | None = None
    bad: frozenset[int] = frozenset()
    status: int | None = None  # of HTTP; None without an answer
    unconfirmed: bool = False  # sent, and not answered: the service may have stored it


class Answer(Enum):
    """The kind of a body; the text completes "the answer is ..."."""

    EMPTY = "empty"
    OVERSIZE = "the Collector's to a body above its `max_request_body_size`"
    OBJECT = "a JSON object without `error`"
    PLAIN_HTTP = "that of a server in Go to plain http on a TLS port"
    BROKEN = "incomplete: announced as JSON, but unreadable"
    PAGE = "a web page"
    OTHER = "anything else"


class Row(NamedTuple):
    """One row of the table. The first that fits decides; empty `answers` fit any answer."""

    said: str  # the statuses in words
    statuses: Container[int]
    answers: tuple[Answer, ...]
    verdict: Verdict
    cause: str = ""  # may hold {status}
    keyless: bool = False  # only of a request without a key, which a Collector gets

    def fits(self, status: int, answer: Answer, keyless: bool) -> bool:
        """Return whether this row applies to the answer."""
        if self.keyless and not keyless:
            return False
        return status in self.statuses and (not self.answers or answer in self.answers)


_NOT_OURS = (
    "the answer does not come from a trace service (a web page?): check api_url / PULSE_API_URL"
)
_NO_ENDPOINT = (
    "no trace endpoint at that address ({status}): check api_url / PULSE_API_URL, and protocol if"
    " you set it"
)
_KEY = "check api_key / PULSE_API_KEY"
_CREDENTIALS = (
    "access is refused ({status}), and protocol='collector' sends no key: check that a Collector is"
    " at api_url / PULSE_API_URL, `auth` of its receiver, and the key that its exporter adds"
)
_OVERSIZE = "http: request body too large"
_PLAIN_HTTP = b"Client sent an HTTP request to an HTTPS server."
_NEEDS_TLS = "the server speaks TLS: check http:// in api_url / PULSE_API_URL"
_BARRED = "access is refused ({status}) by the service, or by a gateway before it"
_ANSWERED = "the service answered {status}"
_NO_NUMBER = "the service says how many spans it refused, but that number cannot be true"

TABLE = (
    Row("2xx", range(200, 300), (Answer.EMPTY, Answer.OBJECT), Verdict.DELIVERED),
    Row("2xx", range(200, 300), (Answer.BROKEN,), Verdict.RETRY, "the answer is incomplete"),
    Row("2xx", range(200, 300), (), Verdict.PAUSED, _NOT_OURS),
    Row(
        "3xx",
        range(300, 400),
        (),
        Verdict.PAUSED,
        "the address redirects ({status}): set api_url to the address of the service",
    ),
    Row("401, 403, without a key", (401, 403), (), Verdict.PAUSED, _CREDENTIALS, keyless=True),
    Row("401", (401,), (), Verdict.PAUSED, f"the service does not know the API key (401): {_KEY}"),
    Row("403", (403,), (), Verdict.PAUSED, f"the API key is not allowed to write (403): {_KEY}"),
    Row("404, 405, 410", (404, 405, 410), (), Verdict.PAUSED, _NO_ENDPOINT),
    Row("407", (407,), (), Verdict.PAUSED, "the proxy requires a user name and a password (407)"),
    Row("402, 421, 426, 451", (402, 421, 426, 451), (), Verdict.PAUSED, _BARRED),
    Row("408, 425, 429", (408, 425, 429), (), Verdict.RETRY, _ANSWERED),
    Row("413", (413,), (), Verdict.TOO_LARGE, "the request is too large (413)"),
    Row("400", (400,), (Answer.OVERSIZE,), Verdict.TOO_LARGE, "the request is too large (400)"),
    Row("400", (400,), (Answer.PLAIN_HTTP,), Verdict.PAUSED, _NEEDS_TLS),
    # A gateway's page, such as nginx's 400 to plain http on a TLS port, decides nothing on spans.
    Row("other 4xx", range(400, 500), (Answer.PAGE,), Verdict.PAUSED, _NOT_OURS),
    Row(
        "other 4xx",
        range(400, 500),
        (),
        Verdict.REJECTED,
        "the service refused the request ({status})",
    ),
    Row("5xx, and all others", range(1000), (), Verdict.RETRY, _ANSWERED),
)


def decide(
    status: int,
    body: bytes,
    retry_after: str | None = None,
    content_type: str = "",
    *,
    keyless: bool = False,
) -> Outcome:
    """Return the outcome of an answer; `retry_after` and `content_type` are its headers.

    `keyless`: the request had no key.
    """
    parsed = _json(body)
    answer = _answer(body, parsed, content_type.lower())
    row = next((row for row in TABLE if row.fits(status, answer, keyless)), TABLE[-1])
    refused, cause = _partial(parsed) if row.verdict is Verdict.DELIVERED else (0, "")
    return Outcome(
        row.verdict,
        cause or row.cause.format(status=status),
        refused=refused,
        retry_after_s=retry_after_s(retry_after) if row.verdict in _SENT_AGAIN else None,
        bad=_bad(parsed) if row.verdict is Verdict.REJECTED else frozenset(),
        status=status,
    )


_FIXED_TEXTS = {b"": Answer.EMPTY, _PLAIN_HTTP: Answer.PLAIN_HTTP}


def _answer(body: bytes, parsed: Any, content_type: str) -> Answer:
    if "html" in content_type or body.lstrip()[:1] == b"<":
        return Answer.PAGE
    if body.strip() in _FIXED_TEXTS:
        return _FIXED_TEXTS[body.strip()]
    if isinstance(parsed, dict):
        if parsed.get("message") == _OVERSIZE:
            return Answer.OVERSIZE
        # This service sends `error` with 4xx and 5xx only: with 2xx another server answers.
        return Answer.OTHER if "error" in parsed else Answer.OBJECT
    return Answer.BROKEN if parsed is None and "json" in content_type else Answer.OTHER


def _partial(answer: Any) -> tuple[int, str]:
    """Return how many spans the service left out of an accepted request, and why (contract §3)."""
    partial: Any = answer.get("partialSuccess") if isinstance(answer, dict) else None
    if not isinstance(partial, dict):
        return 0, ""
    refused = _count(partial.get("rejectedSpans"))
    if refused is None:
        return 0, _NO_NUMBER
    message: Any = partial.get("errorMessage")
    why = f" ({one_line(message)})" if isinstance(message, str) and message.strip() else ""
    spans = "span" if refused == 1 else "spans"
    return refused, f"the service refused {refused} {spans}{why}" if refused else ""


def _count(stated: Any) -> int | None:
    """Return a stated number; None if it is none. JSON of protobuf has numbers as digits, too."""
    if stated is None:
        return 0
    # A bool is an int, too.
    return int(stated) if (type(stated) is int and stated >= 0) or _digits(stated) else None


def believed(outcome: Outcome, sent: int) -> Outcome:
    """Return `outcome`, of a request with `sent` spans, without a number that cannot be true."""
    return outcome if outcome.refused <= sent else outcome._replace(refused=0, cause=_NO_NUMBER)


def one_line(message: str) -> str:
    """Return `message` for the log: printable, in one line, bounded."""
    from pulse_otel.masking import masked  # there: the dialects need it

    start = masked(message, 4 * _MESSAGE_BYTES)
    return clip(" ".join(printable(start).split()), _MESSAGE_BYTES)


def _bad(answer: Any) -> frozenset[int]:
    """Return the indexes of refused traces: the first step of each detail's path (§2.2)."""
    details: Any = answer.get("details") if isinstance(answer, dict) else None
    paths = [
        detail.get("path")
        for detail in (details if isinstance(details, list) else [])
        if isinstance(detail, dict)
    ]
    first = [path[0] for path in paths if isinstance(path, list) and path]
    return frozenset(n for n in first if isinstance(n, int) and not isinstance(n, bool) and n >= 0)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def retry_after_s(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, at most 600; None if it asks for no wait.

    The header is a number of seconds or an HTTP date (RFC 9110 §10.2.3). A past date, and anything
    else, asks for no wait. The wall clock only gives the difference to the date.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:10]) if len(text) <= 10 else MAX_RETRY_AFTER_S
    else:
        seconds = _seconds_until(text)
    return min(seconds, MAX_RETRY_AFTER_S) if seconds > 0 else None


def _seconds_until(date: str) -> float:
    from email.utils import parsedate_to_datetime  # `requests` has imported it by now

    try:
        when = parsedate_to_datetime(date)
        return when.replace(tzinfo=when.tzinfo or timezone.utc).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError, IndexError):
        return 0.0


def _digits(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 18
