"""Writes `docs/delivery-outcomes.md` from the two decision tables of the export half.

Run it from the checkout:

    python scripts/outcome_table.py            # writes the page
    python scripts/outcome_table.py --check    # exits 1 when the page is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

from pulse_otel.export.transport import failures, outcome

PAGE = Path(__file__).resolve().parent.parent / "docs" / "delivery-outcomes.md"

TEXT = """\
# Delivery outcomes

What happens after a request to the trace service. Written by `scripts/outcome_table.py` from the
tables that the exporter itself uses.

* **delivered**: the service has the spans.
* **retry**: a temporary fault. The spans are kept and sent again after a growing pause, or after the
  pause that `Retry-After` asks for (at most {longest} s).
* **too slow**: as retry, but in smaller parts, down to one record. The service may have stored the
  spans all the same; if the process ends before an answer, they count as `unconfirmed`.
* **paused**: you have to change something: the key, the address, a certificate. The spans are kept,
  and a request with one of them tries again from time to time. The first six such answers in a row
  after a success count as a temporary fault.
* **too large**: the request is sent again in smaller parts. The log says so at the level DEBUG, or
  higher if a single record is too large even without its content.
* **rejected**: the service will never accept it as it is. The request is sent again in parts, so one
  bad span costs no other; what is still refused is dropped and counted.

## By answer

The first matching row decides. Redirects are never followed. Interim answers (100, 102, 103) are
skipped; 101 announces a protocol that was not requested, and is not an answer.

{answers}

## By failure

One deadline covers the whole attempt; a server cannot extend it by answering slowly.

{failures}
"""


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
    return TEXT.format(longest=longest, answers=answers(), failures=failed())


def main() -> int:
    """Write the page, or check it."""
    if "--check" in sys.argv[1:]:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page()
        print(f"{PAGE.name} is {'stale' if stale else 'current'}")
        return int(stale)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
