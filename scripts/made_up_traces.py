"""Make up the traces of a shop's assistant, for pictures and measurements of the service's pages.

The same number gives the same traces; their times end now.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import requests

from scripts.made_up_agent import agent
from scripts.made_up_calls import call
from scripts.made_up_spans import Span, export

KEY = "pulse_sk_picture"
_PER_REQUEST = 500


def send(url: str, count: int, *, seed: int = 1) -> str:
    """Send `count` traces to the service at `url`; return the id of the last agent's."""
    rich = ""
    for spans in batches(count, seed=seed):
        rich = next((s["traceId"] for s in reversed(spans) if "parentSpanId" in s), rich)
        _post(url, spans)
    return rich


def batches(count: int, *, seed: int = 1) -> Iterator[list[Span]]:
    """Make the spans of `count` traces, the last one now, in lists that fit a request."""
    spans: list[Span] = []
    for number in range(count):
        ago_s = (count - number - 1) * 41 * (0.5 + 0.5 * (number % 7) / 7)
        if number % 9 == 5:
            spans += agent(seed, number, ago_s)
        else:
            spans.append(call(seed, number, ago_s))
        if len(spans) >= _PER_REQUEST or number == count - 1:
            yield spans
            spans = []


def _post(url: str, spans: list[Span]) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    while True:
        answer = requests.post(f"{url}/v1/traces", json=export(spans), headers=key, timeout=60)
        if answer.status_code != 503:  # the service's queue is full
            break
        time.sleep(0.2)
    answer.raise_for_status()
    assert answer.json() == {}, answer.text
