"""Prints what a process delivers over links and to services of any speed.

Run it from the checkout:

    python scripts/links.py            # all links, about three minutes
    python scripts/links.py --short    # some, four times as fast, in seconds

A process records more spans than the link can carry, lives 20 s, and ends within 5 s. "due" is
what the link and the service can carry in that time, or all there is; "confirmed" is what the
service answered for, "stored" what it has; "unconfirmed" was sent and not answered. "sent" is how
many bytes passed the link for each byte of a span that is stored.
Exits 1 if too little of what was due arrived, or the accounts do not add up.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.reliability.links import ALL, LEAST_SHARE, SHORT_TIMES, SOME, Link, table


def rate(link: Link) -> str:
    """The link's rate in words."""
    return f"{link.rate / 1000:.0f} kB/s" if link.rate else "unlimited"


def main(arguments: list[str]) -> int:
    """Run the links that are asked for."""
    links, times = (SOME, SHORT_TIMES) if "--short" in arguments else (ALL, 1.0)
    print("| rate | RTT | per span | span | due | confirmed | | stored | unconfirmed | sent | |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    missed = 0
    for link, found in table(links, times):
        good = found.share >= LEAST_SHARE and found.accounts_hold
        missed += not good
        cells = [rate(link), f"{link.rtt_s * 1000:.0f} ms", f"{link.span_s * 1000:.0f} ms"]
        cells += [link.size, found.due, found.confirmed, f"{found.share:.0%}", found.stored]
        cells += [
            found.unconfirmed,
            f"{found.sent_per_byte:.2f}x" if found.stored else "-",
            "ok" if good else "MISSED",
        ]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
