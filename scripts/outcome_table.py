"""Writes `docs/delivery-outcomes.md` from the two decision tables of the export half.

Run it from the checkout:

    python scripts/outcome_table.py            # writes the page
    python scripts/outcome_table.py --check    # exits 1 when the page is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulse_otel.export.transport import failures, outcome
from scripts.written import write

PAGE = Path(__file__).resolve().parent.parent / "docs" / "delivery-outcomes.md"

TEXT = """\
# Delivery outcomes

What happens after a request to the trace service. Written by `scripts/outcome_table.py` from the
tables that the exporter itself uses.

* **delivered**: the service has the spans.
* **retry**: a temporary fault. The spans are kept and sent again after a growing pause, or after
  the pause that `Retry-After` asks for (at most {longest} s).
* **too slow**: as retry, but in smaller parts, down to one record. The service may have stored the
  spans all the same; if the process ends before an answer, they count as `unconfirmed`.
* **paused**: you have to change something: the key, the address, a certificate. The spans are kept,
  and a request with one of them tries again from time to time. The first six such answers in a row
  after a success count as a temporary fault.
* **too large**: the request is sent again in smaller parts. The log says so at the level DEBUG, or
  higher if a single record is too large even without its content.
* **rejected**: the service will never accept it as it is. The request is sent again in parts, so
  one bad span costs no other; what is still refused is dropped and counted.

## By answer

The first matching row decides. Redirects are never followed. Interim answers (100, 102, 103) are
skipped; 101 announces a protocol that was not requested, and is not an answer.

{answers}

## What a Collector answers

Each was seen on release 0.161 of the OpenTelemetry Collector. The statuses are those of the
[specification of OTLP](https://opentelemetry.io/docs/specs/otlp/#otlphttp-response), given by the
Collector's `otlpreceiver` (`otlphttp.go`, `internal/errors`) and `confighttp`. Contrary to the
specification, a 500 is retried, as one of a service is, since it may pass. Without a
`sending_queue`, the receiver answers what its exporter met at the service.

{collector}

## By failure

One deadline covers the whole attempt; a server cannot extend it by answering slowly.

{failures}
"""


_NOT_PASSED_ON = "; what the service refuses of it is in the Collector's log alone"
COLLECTOR = (
    ("takes the spans into its queue" + _NOT_PASSED_ON, 200, '{"partialSuccess":{}}'),
    ("its queue is full", 503, '{"code":14, "message":"sending queue is full"}'),
    ("`memory_limiter` refuses", 503, '{"message":"data refused due to high memory usage"}'),
    ("`max_request_body_size` exceeded", 400, '{"message":"http: request body too large"}'),
    ("no OTLP in JSON", 400, '{"code":3, "message":"ReadObject"}'),
    (
        "plain http, where its receiver has `tls`",
        400,
        "Client sent an HTTP request to an HTTPS server.",
    ),
    ("another path than `/v1/traces`", 404, "404 page not found"),
    ("no queue, and the service answers 401", 401, '{"code":16, "message":"Permanent error"}'),
    ("the same, 403", 403, '{"code":7, "message":"Permanent error"}'),
    ("the same, 400", 400, '{"code":3, "message":"Permanent error"}'),
    ("the same, 404", 404, '{"code":12, "message":"Permanent error"}'),
    ("the same, 429, with its `Retry-After`", 429, '{"code":8, "message":"Throttle (7s)"}'),
    ("the same, 503, with its `Retry-After`", 503, '{"code":14, "message":"Throttle (9s)"}'),
    ("the same, 502, or no answer", 503, '{"code":14, "message":"error exporting items"}'),
    ("the same, 413 or 500", 500, '{"code":2, "message":"Permanent error"}'),
)
"""What happens in a Collector, and its answer: the status, and the start of the body."""


def collector() -> str:
    """Return the table of a Collector's answers, with the outcomes that they have."""
    lines = ["| in the Collector | status | outcome |", "|---|---|---|"]
    for what, status, body in COLLECTOR:
        verdict = outcome.decide(status, body.encode(), keyless=True).verdict
        lines.append(f"| {what} | {status} | {verdict.value} |")
    return "\n".join(lines)


def answers() -> str:
    """Return the table of answers."""
    lines = ["| status | the answer is | outcome | the log says |", "|---|---|---|---|"]
    for row in outcome.TABLE:
        kinds = " or ".join(answer.value for answer in row.answers) or "any"
        said = row.cause.replace("{status}", "*status*")
        lines.append(f"| {row.said} | {kinds} | {row.verdict.value} | {said} |")
    return "\n".join(lines)


def failed() -> str:
    """Return the table of failures."""
    lines = ["| failure | outcome | the log says |", "|---|---|---|"]
    lines += [f"| {row.said} | {row.verdict.value} | {row.cause} |" for row in failures.TABLE]
    return "\n".join(lines)


def page() -> str:
    """Return the page as it should be."""
    longest = round(outcome.MAX_RETRY_AFTER_S)
    return TEXT.format(longest=longest, answers=answers(), collector=collector(), failures=failed())


if __name__ == "__main__":
    sys.exit(write(PAGE, page()))
