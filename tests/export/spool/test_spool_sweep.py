"""What a spool lets go of, and how often it looks for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_otel.export.accounts.ledger import Ledger
from pulse_otel.export.delivery.backlog import Backlog
from pulse_otel.export.spool import files as spool_files
from pulse_otel.export.spool.spool import Spool
from tests.export.spool.test_spool import NAME, Clock, files, records


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.row("S8")
def test_the_oldest_go_first_above_the_bound_and_are_counted(tmp_path: Path, clock: Clock) -> None:
    spool = Spool(tmp_path, NAME, max_bytes=20_000, clock=clock)
    names = []
    for number in range(100):
        clock.now += 1
        names.append(spool.put(records(10, 10 * number)))

    left = files(tmp_path)
    total = sum(path.stat().st_size for path in left)
    assert 10_000 < total <= 20_000
    assert [path.name for path in left] == names[-len(left) :]
    assert {gone.file for gone in spool.gone} == set(names[: -len(left)])
    assert sum(gone.count for gone in spool.gone) == 1000 - 10 * len(left)
    assert {gone.why for gone in spool.gone} == {"spool full"}


@pytest.mark.row("S8")
def test_the_files_of_another_spool_count_for_the_bound(tmp_path: Path, clock: Clock) -> None:
    other = Spool(tmp_path, NAME, clock=clock)
    for number in range(100):
        clock.now += 1
        other.put(records(10, 10 * number))

    Spool(tmp_path, NAME, max_bytes=20_000, clock=clock).sweep()

    assert sum(path.stat().st_size for path in files(tmp_path)) <= 20_000


@pytest.mark.row("S9")
def test_what_is_too_old_expires(clock: Clock, tmp_path: Path) -> None:
    spool = Spool(tmp_path, NAME, clock=clock, steady=clock)
    spool.put(records(4))
    clock.now += 48 * 3600 + 1

    spool.sweep()

    assert files(tmp_path) == []
    assert [(gone.count, gone.why) for gone in spool.gone] == [(4, "expired on disk")]


@pytest.mark.row("S9")
def test_a_process_that_stores_nothing_counts_what_it_finds_too_old(
    clock: Clock, tmp_path: Path
) -> None:
    Spool(tmp_path, NAME, clock=clock, ours=set()).put(records(4))
    clock.now += 48 * 3600 + 1
    ledger = Ledger()

    Backlog(ledger, Spool(tmp_path, NAME, clock=clock, ours=set())).lease()

    assert ledger.snapshot().inherited_dropped == {"expired on disk": 4}


@pytest.mark.row("T1", "S9")
def test_a_step_of_the_clock_expires_nothing_that_is_new(tmp_path: Path, clock: Clock) -> None:
    steady = Clock()
    clock.now = 60.0  # 1970: nobody has set it yet
    spool = Spool(tmp_path, NAME, clock=clock, steady=steady)
    spool.put(records(3))
    clock.now = 1_800_000_000.0
    second = spool.put(records(2)) or ""
    clock.now += 49 * 3600  # wrong before, too

    spool.sweep()
    assert (spool.gone, len(files(tmp_path))) == ([], 2)
    steady.now += 47 * 3600
    leased = spool.lease(second)
    assert leased is not None
    spool.release(leased.file)
    steady.now += 3601

    spool.sweep()
    assert sorted(gone.count for gone in spool.gone) == [2, 3]
    # What another process wrote has but the age that its name says.
    spool.put(records(4))
    clock.now += 49 * 3600
    other = Spool(tmp_path, NAME, clock=clock, steady=steady, ours=set())
    assert other.adopt() is None
    assert [(gone.count, gone.why) for gone in other.gone] == [(4, "expired on disk")]


@pytest.mark.parametrize("full", [False, True])
def test_the_directory_is_not_looked_through_for_each_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    """That takes a third of a second where 20,000 files wait."""
    listed = []
    listing = spool_files.listing
    monkeypatch.setattr(
        spool_files, "listing", lambda path: [listed.append(path), listing(path)][1]
    )
    steady = Clock()
    spool = Spool(tmp_path, NAME, max_bytes=100_000 if full else 100_000_000, steady=steady)

    for number in range(200):
        steady.now += 0.5
        spool.put(records(5, 5 * number))

    assert bool(spool.gone) is full
    assert len(listed) <= (50 if full else 5)
