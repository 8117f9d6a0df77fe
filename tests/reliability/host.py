"""What a program notices of all this: the measured rows U."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pulse_otel
from pulse_otel.local.provider.replies import chat
from tests.conftest import KEY, MESSAGES
from tests.export.sending import records, sending
from tests.faults import FaultServer
from tests.reliability.row import Reached


def _client() -> Any:
    """One of openai whose requests are answered in this process, at once."""
    import httpx2
    import openai

    reply = chat("Hello Paris.")
    answer = httpx2.MockTransport(
        lambda request: httpx2.Response(200, content=reply.body, headers=dict(reply.headers))
    )
    return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=answer), max_retries=0)


def waiting(calls: int) -> Reached:
    """U3: what an observed call takes more than a bare one, while the service is down."""
    bare, observed = _client(), _client()
    pulse_otel.init_pulse({"api_key": KEY, "api_url": "http://127.0.0.1:9"})
    pulse_otel.observe(observed, "openai")
    took: dict[Any, list[float]] = {bare: [], observed: []}
    for number in range(calls + 20):
        for client, times in took.items():
            started = time.thread_time()
            client.chat.completions.create(model="m", messages=MESSAGES)
            if number >= 20:  # the first ones import and connect
                times.append(time.thread_time() - started)
    pulse_otel.shutdown(0)
    for client in took:
        client.close()
    more = [sorted(times)[int(calls * 0.99)] * 1e3 for times in took.values()]
    p50 = [sorted(times)[calls // 2] * 1e3 for times in took.values()]
    # The times are the machine's as much as ours, where others use it as well.
    figure = f"p50 +{p50[1] - p50[0]:.2f} ms, p99 +{more[1] - more[0]:.2f} ms"
    return Reached(figure, p50[1] < 2 * p50[0])


def _held() -> tuple[int, int, float]:
    """Threads, descriptors, and MiB of memory of this process."""
    with open("/proc/self/statm") as pages:
        resident = int(pages.read().split()[1]) * os.sysconf("SC_PAGESIZE") / (1 << 20)
    return threading.active_count(), len(os.listdir("/proc/self/fd")), resident


def steady(seconds: int) -> Reached:
    """U6: 200 spans a second; what is held at the end, and was after the first third."""
    with FaultServer() as server, sending(server.url) as delivery:
        begun = time.monotonic()
        first: tuple[int, int, float] | None = None
        sent = 0
        while (passed := time.monotonic() - begun) < seconds:
            delivery.submit(records(10, sent))
            sent += 10
            time.sleep(0.05)
            server.received.clear()  # the server is in this process too
            server.stored.clear()
            if first is None and passed > seconds / 3:
                first = _held()
        delivery.flush(10)
        last, stats = _held(), delivery.snapshot()
    assert first is not None
    grown = last[2] - first[2]
    figure = f"threads {last[0] - first[0]:+d}, descriptors {last[1] - first[1]:+d}"
    good = last[0] <= first[0] and last[1] <= first[1] and grown <= 8
    return Reached(
        f"{figure}, {grown:+.1f} MiB, {sent - stats.delivered} of {sent} lost",
        good and stats.delivered == sent,
    )
