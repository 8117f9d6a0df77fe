"""The capacity sheet: what a large fleet needs, from the figures of one run."""

from __future__ import annotations

import math
from typing import Final

from collector_faults import Figures

_APPLICATIONS: Final = 10_000
_CALLS_A_DAY: Final = 1_000_000_000
_PEAK: Final = 3  # times the mean
_BUSY: Final = 0.7  # the part of a core that is planned for
_GATEWAY_CORES: Final = 4
_OUTAGE_H: Final = 1
_REQUEST_SPANS: Final = 200  # at least: `min_size` in gateway.yaml
_ON_A_MACHINE: Final = 10


def sheet(found: Figures) -> list[str]:
    """Return the table: each line with its arithmetic."""
    mean = _CALLS_A_DAY / 86_400
    peak = mean * _PEAK
    agent = found.agent.cpu_s / found.spans
    gateway = sum(one.cpu_s for one in found.gateways) / found.spans
    cores = peak * gateway / _BUSY
    gateways = math.ceil(cores / _GATEWAY_CORES) + 1
    wire = found.sent_bytes / found.spans
    rate = found.spans / found.seconds
    each = peak / _APPLICATIONS
    size = found.disk_bytes
    gib = mean * 3600 * _OUTAGE_H * size / 2**30
    rows = [
        ("calls a second, mean", f"{_CALLS_A_DAY:,} / 86,400 s", f"{mean:,.0f}"),
        ("calls a second, peak", f"{_PEAK} x mean", f"{peak:,.0f}"),
        ("of one application, peak", f"{peak:,.0f} / {_APPLICATIONS:,}", f"{each:.1f}"),
        (
            f"an agent on a machine of {_ON_A_MACHINE} applications, peak",
            f"{_ON_A_MACHINE} x {each:.1f} x {agent * 1000:.2f} ms",
            f"{_ON_A_MACHINE * each * agent:.2%} of a core",
        ),
        (
            "cores of all gateways, peak",
            f"{peak:,.0f} x {gateway * 1000:.2f} ms / {_BUSY}",
            f"{cores:.1f}",
        ),
        (
            f"gateways of {_GATEWAY_CORES} cores",
            f"{cores:.1f} / {_GATEWAY_CORES}, and one that may fail",
            f"{gateways}",
        ),
        (
            "requests to Pulse a second at most, peak",
            f"{peak:,.0f} / {_REQUEST_SPANS}",
            f"{peak / _REQUEST_SPANS:,.0f}",
        ),
        (
            "to Pulse, peak",
            f"{peak:,.0f} x {wire:,.0f} bytes",
            f"{peak * wire * 8 / 1e9:.2f} Gbit/s",
        ),
        (
            f"on disk after {_OUTAGE_H} h without Pulse",
            f"{mean:,.0f} x {_OUTAGE_H * 3600:,} s x {size:,} bytes",
            f"{gib:,.0f} GiB",
        ),
        ("of it on each gateway", f"{gib:,.0f} GiB / {gateways}", f"{gib / gateways:,.1f} GiB"),
        (
            "a gateway's queue of 1 GiB (`queue_size`) lasts",
            f"{2**30:,} / ({mean:,.0f} / {gateways} x {size:,} bytes)",
            f"{2**30 / (mean / gateways * size):,.0f} s",
        ),
        (
            "services as fast as the development service here, peak",
            f"{peak:,.0f} / {rate:,.0f}",
            f"{math.ceil(peak / rate)}",
        ),
    ]
    lines = ["| | from | |", "|---|---|---|"]
    return lines + [f"| {what} | {how} | {result} |" for what, how, result in rows]
