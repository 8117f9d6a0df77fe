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
# What becomes of a request to the trace service

Written by `scripts/outcome_table.py` from the tables that the exporter itself decides by.

* **delivered**: the service has the spans.
* **retry**: a passing fault. The spans are kept and sent again after a growing pause, or after the
  one that `Retry-After` asks for (at most {longest} s).
* **too slow**: the same, in smaller parts, down to one record. The service may have stored the
  spans even so; what is lost after it, as the process ends, counts as `unconfirmed`.
* **paused**: somebody has to change something: the key, the address, a certificate. The spans are
  kept; the service is asked again with one of them, rarely. The first six in a row after a
  success are taken for a passing fault.
* **too large**: the request is sent again in smaller parts. The log says so at the level DEBUG,
  unless a single record is too large even without its content.
* **rejected**: never will be accepted as it is. The request is sent again in parts, so that one
  bad span costs no other; what is still refused is dropped and counted.

## By answer

The first row that fits decides. Redirects are never followed. Interim answers (100, 102, 103) are
read past; 101 is no HTTP that was asked for.

{answers}

## By failure

One deadline holds for the whole attempt; a server cannot stretch it by answering slowly.

{failures}
"""


def answers() -> str:
    """Return the table of answers."""
    lines = ["| status | the answer is | outcome | said |", "|---|---|---|---|"]
    for row in outcome.TABLE:
        kinds = " or ".join(answer.value for answer in row.answers) or "any"
        said = row.cause.replace("{status}", "*status*")
        lines.append(f"| {row.said} | {kinds} | {row.verdict.value} | {said} |")
    return "\n".join(lines)


def failed() -> str:
    """Return the table of failures."""
    lines = ["| failure | outcome | said |", "|---|---|---|"]
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
