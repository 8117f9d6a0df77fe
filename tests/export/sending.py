"""A delivery of records to a fault server, and what the server got to know of them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pulse_otel.config import ApiKey
from pulse_otel.export.accounts.stats import DeliveryStats
from pulse_otel.export.delivery.worker import Delivery, Steps
from pulse_otel.export.payloads import otlp
from pulse_otel.export.records.record import Record
from pulse_otel.export.spool.spool import Spool
from pulse_otel.export.transport.http import Transport
from pulse_otel.export.transport.protocol import ProtocolDetector
from tests.conftest import KEY
from tests.export.payloads.test_traces_form import PLAIN
from tests.faults import Request

NAME = "0123456789abcdef"


def records(count: int, start: int = 0, **changes: Any) -> list[Record]:
    """Records that differ in their span ids."""
    return [replace(PLAIN, span_id=f"{start + n:016x}", **changes) for n in range(count)]


def ids_of(records: Iterable[Record]) -> set[str]:
    return {record.span_id for record in records}


def ids_in(request: Request) -> list[str]:
    """The span ids of one request of the current form."""
    return [
        span["spanId"]
        for group in json.loads(request.body)["resourceSpans"]
        for scope in group["scopeSpans"]
        for span in scope["spans"]
    ]


def stored(requests: Iterable[Request]) -> Counter[str]:
    """How often each span was stored, by id; the service itself keeps the first."""
    return Counter(span_id for request in requests for span_id in ids_in(request))


@contextlib.contextmanager
def sending(
    url: str,
    *,
    attempt_s: float = 10.0,
    spool_dir: Path | None = None,
    lease_s: float = 60.0,
    most: int = 1000,
    **steps: Any,
) -> Iterator[Delivery]:
    """A delivery of records to the service at `url`, with at most `most` in one request."""
    transport = Transport(url, ApiKey(KEY))
    detector = ProtocolDetector(transport, "otlp")
    form = otlp.FORM._replace(max_records=most)
    usual: dict[str, Any] = {
        "size": lambda record: 500,
        "read": lambda record: record,
        "form": lambda deadline: form,
        "post": detector.post,
        "attempt_s": attempt_s,
    }
    delivery: Delivery = Delivery(
        Steps(**{**usual, **steps}),
        spool=None if spool_dir is None else Spool(spool_dir, NAME, lease_s=lease_s),
    )
    if spool_dir is not None:
        delivery.start()
    try:
        yield delivery
    finally:
        delivery.shutdown(0)
        transport.close()


def until(condition: Callable[[], Any], timeout_s: float = 20) -> bool:
    """Whether `condition` comes true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Watch:
    """Looks at the accounts all the time, from another thread: they must hold at every moment."""

    def __init__(self, snapshot: Callable[[], DeliveryStats]) -> None:
        self._snapshot = snapshot
        self._ended = threading.Event()
        self.wrong: list[DeliveryStats] = []
        self.looks = 0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join(5)

    def _look(self) -> None:
        while not self._ended.wait(0.001):
            stats = self._snapshot()
            self.looks += 1
            numbers = (stats.in_queue, stats.pending_on_disk, stats.delivered, stats.ignored)
            if stats.unaccounted or min(numbers) < 0:
                self.wrong.append(stats)
