"""The measurements of the command: what each is, its minutes, and what makes its rows.

A row is a dict from column to a text, which names the row, a number, or the numbers of several
processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import conditions
import ending
import endurance
import exporting
import growth
import instructions
import peers
import shares
import starts
import waiting_memory

Row = dict[str, Any]


@dataclass(frozen=True)
class Measurement:
    """One table of the page."""

    name: str
    title: str
    what: str
    minutes: float
    rows: Callable[[], list[Row]]
    only_by_name: bool = False  # it is measured only if it is asked for


MEASUREMENTS = (
    Measurement(
        "instructions",
        "What recording adds to a call",
        "Thousands of instructions of the calling thread, beyond the bare call; in brackets the"
        " least and the most of five processes, which differ in their hashes and in how look-ups"
        " fall into the interpreter's cache. For each chunk of a stream the SDK takes several"
        " hundred thousand, and by that, one or two thousand more or less; so what a stream adds is"
        " less certain. The CPU time beside them is the least of 75 calls, in two more; it depends"
        " on the machine and on what else runs.",
        17,
        instructions.rows,
    ),
    Measurement(
        "peers",
        "Other libraries",
        "Thousands of instructions that each adds to the same calls, counted in one process, in an"
        " environment of its own with the same SDKs, content on, and a batch processor that sends"
        " nothing.",
        15,
        peers.rows,
        only_by_name=True,
    ),
    Measurement(
        "shares",
        "Where the work goes",
        "The share of each part in what recording adds, in percent of CPU time. The span by hand"
        " has the first two parts as well; the others are what makes ours dearer. They would have"
        " to shrink by a third for `chat small` to cost 1.2 times the floor.",
        5,
        shares.rows,
    ),
    Measurement(
        "conditions",
        "Under other settings, and with other services",
        "What is added to a bare call. The service that is down refuses connections; the one that"
        " hangs accepts them and never answers: neither changes the caller's work. The export"
        " thread applies `sample_rate`.",
        2,
        conditions.rows,
    ),
    Measurement(
        "growth",
        "Growth",
        "What is added to a bare call, or to all streams at once. A slope is that of the straight"
        " line through the points, by least squares: what each further one adds. The instructions"
        " of a chunk are as uncertain as those of the streams above.",
        4,
        growth.rows,
    ),
    Measurement(
        "export",
        "The export thread",
        "Thousands of instructions per span, by stage, beside OpenTelemetry's OTLP/HTTP exporter"
        " (stock) with the same spans; and the bytes of a span in the body of a request.",
        3,
        exporting.rows,
    ),
    Measurement(
        "waiting",
        "Memory of a span that waits",
        "The growth of the process per span in the queue, and what the queue counts for it against"
        " its bound of 320 MiB.",
        0.2,
        waiting_memory.rows,
    ),
    Measurement(
        "endurance",
        "20,000 calls",
        "At full speed after 500 others, with default settings and a service that is up.",
        4,
        endurance.rows,
    ),
    Measurement(
        "memory",
        "200,000 calls",
        "What stays in memory after each 50,000 calls and a flush.",
        8,
        endurance.rows_of_memory,
    ),
    Measurement(
        "ending",
        "The end of a process with 2,000 spans that wait",
        "The program makes 2,000 spans and returns from its last line, without a flush.",
        1,
        ending.rows,
    ),
    Measurement(
        "imports",
        "Import and set-up",
        "What a process takes beyond a Python that does nothing.",
        3,
        starts.rows,
    ),
)
