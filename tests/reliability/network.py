"""What the network and the service may do: the measured rows N and H."""

from __future__ import annotations

import random
import resource
import socket
import threading
import time
import unittest.mock
from typing import Any

from pulse_otel.config import ApiKey
from pulse_otel.export.transport.http import Transport
from tests.conftest import KEY
from tests.export.accounts.test_accounting import CHAOS
from tests.export.delivery.test_poison import refusing
from tests.export.sending import Watch, ids_of, records, sending, stored, until
from tests.faults import (
    FaultServer,
    answer,
    drip,
    finish,
    garbage,
    hang,
    http09,
    huge_body,
    huge_header,
    reset,
    store_then_reset,
)
from tests.reliability.row import Reached

RATE = 50.0  # spans per second


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _lost(expected: int, server: FaultServer) -> int:
    return expected - len(stored(server.stored))


def outage(seconds: int) -> Reached:
    """N1: nobody listens; then somebody does."""
    port = _free_port()
    with sending(f"http://127.0.0.1:{port}") as delivery:
        sent = 0
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            delivery.submit(records(5, sent))
            sent += 5
            time.sleep(5 / RATE)
        with FaultServer(bind_port=port) as server:
            back = time.monotonic()
            until(lambda: delivery.snapshot().delivered == sent, 60)
            took = time.monotonic() - back
            stats = delivery.snapshot()
            lost = _lost(sent, server)
    good = lost == stats.lost == stats.unaccounted == 0 and took <= 30
    return Reached(f"{lost} of {sent} lost, all there {took:.1f} s after it", good)


def no_name(seconds: int) -> Reached:
    """N2: the name of the service cannot be looked up; then it can."""
    looked_up = socket.getaddrinfo

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with FaultServer() as server, sending(server.url) as delivery:
        with unittest.mock.patch("socket.getaddrinfo", fail):
            started = time.monotonic()
            delivery.submit(records(50))
            handed_over = time.monotonic() - started
            time.sleep(seconds)
        assert socket.getaddrinfo is looked_up
        delivery.flush(30)
        lost = _lost(50, server)
    return Reached(f"{lost} lost, handed over in {handed_over * 1e3:.1f} ms", lost == 0)


def hanging(times: int) -> Reached:
    """N3: accepts, and never answers."""
    with FaultServer([hang()] * times) as server, sending(server.url, attempt_s=1.0) as delivery:
        took: list[float] = []
        for start in range(0, 100, 10):
            started = time.monotonic()
            delivery.submit(records(10, start))
            took.append(time.monotonic() - started)
        delivery.flush(30)
        lost = _lost(100, server)
    good = lost == 0 and max(took) < 2.5
    return Reached(f"{lost} lost, export at most {max(took) * 1e3:.1f} ms", good)


def dripping(seconds: int) -> Reached:
    """N4: one byte at a time; how far an attempt goes beyond its deadline."""
    over: list[float] = []
    for part in ("header", "body"):
        with FaultServer(then=drip(part, 0.2)) as server:
            transport = Transport(server.url, ApiKey(KEY))
            started = time.monotonic()
            transport.post("/v1/traces", b"{}", started + seconds)
            over.append(time.monotonic() - started - seconds)
            transport.close()
    return Reached(f"{max(over):.2f} s over", max(over) <= 0.5)


def _through(faults: list[Any], times: int, **more: Any) -> tuple[int, int, int]:
    """Lost and doubled on the wire, of 20 spans for each fault; how many faults were met."""
    script = faults * times
    with FaultServer(script) as server, sending(server.url, **more) as delivery:
        sent = 0
        for _ in script:
            delivery.submit(records(20, sent))
            sent += 20
            delivery.flush(10)
        delivery.flush(20)
        arrived = stored(server.stored)
        met = min(len(server.received), len(script))
    return sent - len(arrived), sum(arrived.values()) - len(arrived), met


def resets(times: int) -> Reached:
    """N5: reset or closed at every point of a request."""
    faults = [reset(at) for at in ("before", "half", "header", "body")] + [finish()]
    lost, doubled, _ = _through(faults, times)
    return Reached(f"{lost} lost, {doubled} twice on the wire", lost == 0)


def nonsense(times: int) -> Reached:
    """N6: answers that are none, or far too large."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lost, _, _ = _through([garbage(), http09(), huge_header(), huge_body()], times)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    # The server is in this process too, and has the pieces that it sends.
    return Reached(f"{lost} lost, memory +{grown:.0f} MiB", lost == 0 and grown < 64)


def lost_answers(times: int) -> Reached:
    """N7: stored, and the answer lost."""
    lost, doubled, met = _through([store_then_reset()], times)
    # Each loses two answers: that on the kept connection, and that on the fresh one.
    good = lost == 0 and doubled <= 20 * met
    return Reached(f"{lost} lost, {doubled / 20 / max(1, met):.1f} batches twice per loss", good)


def restarts(times: int) -> Reached:
    """N8: the service is restarted, again and again, under load."""
    port = _free_port()
    stop = threading.Event()
    sent = 0
    servers: list[FaultServer] = []
    with sending(f"http://127.0.0.1:{port}", attempt_s=2.0) as delivery:

        def emit() -> None:
            nonlocal sent
            while not stop.is_set():
                delivery.submit(records(5, sent))
                sent += 5
                time.sleep(0.01)

        emitting = threading.Thread(target=emit)
        emitting.start()
        for number in range(times):
            with FaultServer(bind_port=port) as server:
                servers.append(server)
                time.sleep(random.uniform(0.05, 0.2))
                if number == times - 1:
                    stop.set()
                    emitting.join()
                    delivery.flush(40)
            time.sleep(0.02)
        stats = delivery.snapshot()
    arrived = stored(request for server in servers for request in server.stored)
    lost = sent - len(arrived)
    good = lost == stats.lost == stats.unaccounted == 0
    return Reached(f"{lost} of {sent} lost", good)


def chaos(spans: int) -> Reached:
    """N12: a random fault in every tenth request, four threads; the accounts at all times."""
    chance = random.Random(1)

    def script(number: int, request: Any) -> Any:
        return chance.choice(CHAOS) if chance.random() < 0.1 else answer()

    with (
        FaultServer(script) as server,
        sending(server.url, attempt_s=1.0, most=50) as delivery,
        Watch(delivery.snapshot) as watch,
    ):

        def emit(first: int) -> None:
            for start in range(first, first + spans // 4, 10):
                delivery.submit(records(10, start))
                time.sleep(random.uniform(0, 0.02))

        emitting = [threading.Thread(target=emit, args=(n * spans // 4,)) for n in range(4)]
        for thread in emitting:
            thread.start()
        for thread in emitting:
            thread.join()
        delivery.flush(60)
        stats = delivery.snapshot()
        lost = _lost(spans, server)
    good = lost == stats.lost == 0 and stats.delivered == spans and not watch.wrong
    said = f"{lost} lost, {len(watch.wrong)} of {watch.looks} looks at the accounts wrong"
    return Reached(f"{said}, {len(server.received)} requests", good)


def poison(bad: int) -> Reached:
    """H6: among 512."""
    sent = records(512)
    places = random.Random(bad).sample(range(512), bad)
    refused = {sent[place].span_id for place in places}
    script = refusing(refused, answer(400, b"{}"))
    with FaultServer(script) as server, sending(server.url) as delivery:
        delivery.submit(sent)
        delivery.flush(40)
        arrived = set(stored(server.stored))
        requests = len(server.received)
    good = arrived == ids_of(sent) - refused and requests <= (21 if bad == 1 else 60)
    return Reached(f"{len(arrived)} arrived, {requests} requests", good)
