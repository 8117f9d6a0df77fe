"""The reliability table: faults, figures to reach, and how they are measured.

`goals` has all rows. Those in `MEASURED` have a figure: a short form, which `test_reliability`
runs with every other test, and a long one. The others are held by tests that say which row they
are about, with `@pytest.mark.row("S3")`. `scripts/reliability.py` prints the table.
"""

from __future__ import annotations

from tests.reliability.disk import kills, restart, write_ahead
from tests.reliability.goals import GOALS
from tests.reliability.host import steady, waiting
from tests.reliability.links import slow_links
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
from tests.reliability.row import Goal, Measured, Reached

__all__ = ["GOALS", "MEASURED", "Goal", "Measured", "Reached"]

MEASURED = (
    Measured("N1", outage, 2, 60, "s"),
    Measured("N2", no_name, 1, 20, "s"),
    Measured("N3", hanging, 1, 5, "times"),
    Measured("N4", dripping, 1, 10, "s"),
    Measured("N5", resets, 1, 10, "rounds"),
    Measured("N6", nonsense, 1, 3, "rounds"),
    Measured("N7", lost_answers, 2, 20, "times"),
    Measured("N8", restarts, 10, 100, "restarts"),
    Measured("N12", chaos, 2_000, 20_000, "spans"),
    Measured("N13", slow_links, 4, 36, "links"),
    Measured("H6", poison, 1, 3, "bad"),
    Measured("S1", kills, 4, 200, "kills"),
    Measured("S2", restart, 1_000, 5_000, "spans"),
    Measured("S14", write_ahead, 10, 200, "batches"),
    Measured("U3", waiting, 100, 2_000, "calls"),
    Measured("U6", steady, 2, 600, "s"),
)
