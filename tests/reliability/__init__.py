"""The rows of the reliability table: a fault, a figure to reach, and how to measure it.

Each has a short form, which `test_reliability` runs with every other test, and a long one. The
table is printed by `scripts/reliability.py`.
"""

from __future__ import annotations

from tests.reliability.disk import kills, restart, write_ahead
from tests.reliability.network import (
    chaos,
    dripping,
    hanging,
    lost_answers,
    no_name,
    nonsense,
    outage,
    poison,
    resets,
    restarts,
)
from tests.reliability.row import Reached, Row

__all__ = ["ROWS", "Reached", "Row"]

ROWS = (
    Row("N1", "refused, 50 spans/s", "lost 0, backlog gone in 30 s", outage, 3, 60, "s"),
    Row("N2", "name unknown, then known", "lost 0", no_name, 1, 20, "s"),
    Row("N3", "no answer", "lost 0, export <= 2.5 s", hanging, 1, 5, "times"),
    Row("N4", "answers byte by byte", "<= 0.5 s over the deadline", dripping, 1, 10, "s"),
    Row("N5", "reset at every point, FIN", "lost 0", resets, 1, 10, "rounds"),
    Row("N6", "garbage, huge header, 200 MB", "lost 0, bounded memory", nonsense, 1, 3, "rounds"),
    Row("N7", "stored, answer lost", "lost 0, <= 1 batch twice", lost_answers, 2, 20, "times"),
    Row("N8", "restarted under load", "lost 0", restarts, 10, 100, "restarts"),
    Row("N12", "random faults, 4 threads", "lost 0, accounts hold", chaos, 2_000, 20_000, "spans"),
    Row("H6", "bad ones among 512", "others arrive, <= 19 / 60 requests", poison, 1, 3, "bad"),
    Row("S1", "kill -9 at random", "lost 0", kills, 3, 200, "kills"),
    Row("S2", "restart with a full spool", "all delivered", restart, 1_000, 5_000, "spans"),
    Row("S14", "512 records to disk", "p50 <= 25 ms of CPU", write_ahead, 10, 200, "batches"),
)  # fmt: skip
