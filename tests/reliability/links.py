"""Links and services of any speed: what was due in the life of a process, and what arrived."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pulse_otel.export.payloads import otlp
from tests.export.sending import ids_in, records, sending, stored, until
from tests.faults import Action, Exchange, FaultServer, answer
from tests.reliability.row import Reached

LIFE_S, END_S, ATTEMPT_S = 20.0, 5.0, 10.0
SHORT_TIMES = 4.0  # as fast, in the short form
MOST_SPANS = 4000
TEXTS = {"small": 0, "13 kB": 12_500}
LEAST_SHARE = 0.5
"""Of what was due; the request that is under way at the end is cut off."""
SHORT_LEAST_SHARE = 0.1
"""In the short form, whose moments a busy machine takes away: without smaller requests it is 0."""

_PIECE_BYTES = 4096
_LATE_S = 0.05


@dataclass(frozen=True)
class Link:
    """`rate`: bytes per second, 0: no bound. Times in seconds, `span_s` for each span."""

    rate: float
    rtt_s: float
    span_s: float
    size: str

    def faster(self, times: float) -> Link:
        """The same link, `times` as fast."""
        return Link(self.rate * times, self.rtt_s / times, self.span_s / times, self.size)


ALL = tuple(
    itertools.starmap(Link, itertools.product((50e3, 400e3, 0), (0, 0.2), (0, 0.015, 0.2), TEXTS))
)
SOME = (
    Link(50e3, 0.2, 0, "13 kB"),
    Link(0, 0, 0.2, "small"),
    Link(400e3, 0.2, 0.015, "small"),
    Link(50e3, 0, 0, "small"),
)


@dataclass
class Service:
    """At the far end of a link: bytes pass and spans are handled one after the other."""

    link: Link
    bytes_read: int = 0
    _free_at: float = 0.0
    _passing: threading.Lock = field(default_factory=threading.Lock)
    _handling: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, exchange: Exchange) -> bool | None:
        """Read a request at the link's rate, store its spans in their time, and answer."""
        while (left := exchange.length - len(exchange.request.body)) > 0:
            with self._passing:
                piece = min(left, _PIECE_BYTES if self.link.rate else left)
                exchange.read_body(len(exchange.request.body) + piece)
                self.bytes_read += piece
                if self.link.rate:
                    now = time.monotonic()
                    # A wait that took too long is made up for by shorter ones.
                    self._free_at = max(self._free_at, now - _LATE_S) + piece / self.link.rate
                    exchange.wait(max(0.0, self._free_at - now))
        with self._handling:
            exchange.wait(self.link.span_s * len(ids_in(exchange.request)))
        exchange.server.stored.append(exchange.request)
        exchange.wait(self.link.rtt_s)
        return answer().do(exchange)


@dataclass(frozen=True)
class Carried:
    """What came of a link in the life of a process."""

    due: int
    confirmed: int
    stored: int
    unconfirmed: int
    sent_per_byte: float  # bytes on the link for each byte of a stored span; 0: none is stored
    accounts_hold: bool

    @property
    def share(self) -> float:
        """How much of what was due is known to have arrived."""
        return self.confirmed / self.due


def carried(link: Link, times: float = 1.0) -> Carried:
    """Run a process's worth of delivery over `link`; everything is `times` as fast as it says."""
    text = "x" * TEXTS[link.size]
    (sample,) = records(1, output_text=text)
    encoded = otlp.encode(sample)
    assert encoded is not None
    span_bytes = len(encoded.json)
    cost_s = link.span_s + (span_bytes / link.rate if link.rate else 0)
    possible = int((LIFE_S + END_S) / cost_s) if cost_s else MOST_SPANS
    sent = records(min(MOST_SPANS, int(possible * 1.2) + 1), output_text=text)
    service = Service(link.faster(times))
    action = Action(service.serve, at_request=True)
    with (
        FaultServer(then=action) as server,
        sending(server.url, attempt_s=ATTEMPT_S / times) as delivery,
    ):
        delivery.submit(sent)
        until(lambda: delivery.snapshot().delivered == len(sent), LIFE_S / times)
        delivery.shutdown(END_S / times)
        stats = delivery.snapshot()
        arrived = len(stored(server.stored))
        sent_bytes = service.bytes_read
    return Carried(
        due=min(len(sent), possible),
        confirmed=stats.delivered,
        stored=arrived,
        unconfirmed=stats.dropped.get("unconfirmed", 0),
        sent_per_byte=sent_bytes / (arrived * span_bytes) if arrived else 0.0,
        accounts_hold=stats.unaccounted == 0 and stats.delivered + stats.lost == len(sent),
    )


def table(links: Sequence[Link], times: float, at_once: int = 6) -> Iterator[tuple[Link, Carried]]:
    """Run `links`, `at_once` of them at a time; yield in their order."""
    with ThreadPoolExecutor(at_once) as pool:
        yield from zip(links, pool.map(lambda link: carried(link, times), links), strict=True)


def slow_links(count: int) -> Reached:
    """N13: `count` of the links; the short form has some of them, `SHORT_TIMES` as fast."""
    links, times = (ALL[:count], 1.0) if count > len(SOME) else (SOME[:count], SHORT_TIMES)
    found = [carried for _, carried in table(links, times)]
    least = min(one.share for one in found)
    most = max(one.sent_per_byte for one in found)
    good = least >= (LEAST_SHARE if times == 1 else SHORT_LEAST_SHARE) and all(
        one.accounts_hold for one in found
    )
    return Reached(f"{least:.0%} of what was due or more, a byte sent {most:.1f} times", good)
