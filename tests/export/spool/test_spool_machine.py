"""Three processes at one directory, in any order of steps, beside a model of what must be there."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pulse_otel.export.spool import files as spool_files
from pulse_otel.export.spool import spool
from pulse_otel.export.spool.spool import ADOPT_S, Leased, Spool
from tests.export.spool.test_spool import NAME, Clock, ids, records

LEASE_S, MAX_AGE_S, MAX_BYTES = 60.0, 4 * 3600.0, 4000
processes = st.integers(0, 2)


@dataclass
class Process:
    """One of three; after a crash another one has its place, with a number of its own."""

    pid: int
    spool: Spool
    ours: set[str] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)  # what it believes: waiting name -> name


@dataclass
class File:
    """What the model knows of a file."""

    spans: list[str]
    made: float
    pid: int  # of the process that has it, or else wrote it
    name: str
    until: float | None = None


class Machine(RuleBasedStateMachine):
    """The rules are the steps; the invariant compares the directory with `files`."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.root = tempfile.mkdtemp()
        self.files: dict[str, File] = {}
        self.next = 1
        self.pid = 0
        self.three = [self.born() for _ in range(3)]

    def born(self) -> Process:
        self.pid += 1
        its = Spool(
            self.root,
            NAME,
            max_bytes=MAX_BYTES,
            max_age_s=MAX_AGE_S,
            lease_s=LEASE_S,
            steady=self.clock,
            clock=self.clock,
            ours=set(),
        )
        return Process(self.pid, its)

    @contextlib.contextmanager
    def acting(self, which: int) -> Iterator[Process]:
        """As the process that it is; afterwards, what its spool dropped is checked."""
        process = self.three[which]
        others = {other.pid for other in self.three} - {process.pid}
        with (
            patch("os.getpid", lambda: process.pid),
            patch.object(spool_files, "alive", others.__contains__),
            patch.object(spool, "_LISTED_FOR_S", 1e9),  # of the real time: runs must be alike
        ):
            yield process
        self.let_go(process)

    def sent(self, process: Process, name: str) -> bool:
        """Whether a process has the file, and time left."""
        file, others = self.files[name], {p.pid for p in self.three} - {process.pid}
        runs = file.until is not None and 0 <= file.until - self.clock.now <= 2 * LEASE_S
        return runs and (name in process.ours or file.pid in others)

    def let_go(self, process: Process) -> None:
        its = process.spool
        for gone in sorted(its.gone, key=lambda one: one.file):
            assert not self.sent(process, gone.file)
            file = self.files.pop(gone.file)
            assert gone.count == len(file.spans)
            if gone.why == "expired on disk":
                assert self.clock.now - file.made > MAX_AGE_S
            else:
                assert gone.why == "spool full"
                free = [f.made for f in self.free(process)]
                assert file.made <= min(free, default=file.made)
        its.gone.clear()

    def free(self, process: Process) -> list[File]:
        """What may be dropped, if it must be."""
        names = (n for n, f in self.files.items() if not f.name.startswith("."))
        return [self.files[name] for name in names if not self.sent(process, name)]

    @rule(which=processes, count=st.integers(1, 4))
    def put(self, which: int, count: int) -> None:
        batch = records(count, self.next)
        self.next += count
        self.clock.now += 0.001  # so that names sort as they were made
        with self.acting(which) as process:
            name = process.spool.put(batch)
            assert name is not None
            made = self.said(name).made
            assert abs(made - self.clock.now) < 1e-5
            self.files[name] = File([r.span_id for r in batch], made, process.pid, name)
            process.ours.add(name)

    def said(self, name: str) -> spool_files.Name:
        """What a name says of times, to the last digit."""
        found = spool_files.parse(name)
        assert found is not None
        return found

    def took(self, process: Process, leased: Leased) -> None:
        name = leased.file.partition(".spans")[0] + ".spans"
        file = self.files[name]
        assert (ids(leased), leased.damaged) == (file.spans, 0)
        file.name, file.pid, file.until = leased.file, process.pid, self.said(leased.file).until
        assert abs(self.clock.now + LEASE_S - (file.until or 0)) < 0.01
        process.ours.add(name)
        process.held[name] = leased.file

    @precondition(lambda self: self.files)
    @rule(which=processes, data=st.data())
    def lease(self, which: int, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        with self.acting(which) as process:
            leased = process.spool.lease(name)
            assert (leased is not None) == (self.files[name].name == name)
            if leased is not None:
                self.took(process, leased)

    def orphans(self, process: Process) -> set[str]:
        """The files that `process` may adopt: of dead or slow processes, and abandoned ones."""
        now, alive = self.clock.now, {p.pid for p in self.three} - {process.pid}
        found = set()
        for name, file in self.files.items():
            if name in process.ours:
                continue
            if file.name.startswith("."):
                free = not 0 <= now - file.made <= LEASE_S
            elif file.until is not None:
                free = not now <= file.until <= now + 2 * LEASE_S or file.pid not in alive
            else:
                free = not 0 <= now - file.made <= ADOPT_S or file.pid not in alive
            if free:
                found.add(name)
        return found

    @rule(which=processes)
    def adopt(self, which: int) -> None:
        with self.acting(which) as process:
            # The first look may be at an earlier listing.
            leased = process.spool.adopt() or process.spool.adopt()
            self.let_go(process)
            if leased is None:
                unfinished = {n for n, f in self.files.items() if f.name.startswith(".")}
                # One that has just been found unfinished is as new as what is written now.
                assert self.orphans(process) <= unfinished
            else:
                name = leased.file.partition(".spans")[0] + ".spans"
                assert name in self.orphans(process)
                self.took(process, leased)

    def one_held(self, process: Process, data: Any) -> tuple[str, str, bool] | None:
        """A lease that it has, or believes to have; and whether it is right."""
        if not process.held:
            return None
        name = data.draw(st.sampled_from(sorted(process.held)))
        held = process.held[name]
        return name, held, name in self.files and self.files[name].name == held

    @rule(which=processes, data=st.data())
    def renew(self, which: int, data: Any) -> None:
        with self.acting(which) as process:
            if one := self.one_held(process, data):
                name, held, right = one
                process.held[name] = renewed = process.spool.renew(held)
                if right:
                    self.files[name].name = renewed
                    self.files[name].until = self.said(renewed).until
                else:
                    assert renewed == held

    @rule(which=processes, data=st.data())
    def release(self, which: int, data: Any) -> None:
        with self.acting(which) as process:
            if one := self.one_held(process, data):
                name, held, right = one
                assert process.spool.release(held) == (name if right else None)
                process.spool.leave(name)
                process.ours.discard(name)
                del process.held[name]
                if right:
                    file = self.files[name]
                    file.name, file.until = name, None
                    file.pid = int(name.split("-")[1])

    @rule(which=processes, data=st.data())
    def ack(self, which: int, data: Any) -> None:
        with self.acting(which) as process:
            if one := self.one_held(process, data):
                name, held, right = one
                process.spool.ack(held)
                process.ours.discard(name)
                del process.held[name]
                if right:
                    del self.files[name]

    @rule(seconds=st.sampled_from([0.5, 30, 61, 3600, -3600, 15000]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(which=processes)
    def sweep(self, which: int) -> None:
        with self.acting(which) as process:
            process.spool.sweep()
            self.let_go(process)
            free = self.free(process)
            assert all(self.clock.now - file.made <= MAX_AGE_S for file in free)
            named = [f for f in self.files.values() if not f.name.startswith(".")]
            size = sum(self.path(file).stat().st_size for file in named)
            assert size <= MAX_BYTES or not free

    @rule(which=processes, count=st.integers(0, 3))
    def crash(self, which: int, count: int) -> None:
        """With `count` spans that are written in full, but whose file is not renamed yet."""
        if count:
            self.put(which, count)
            name = max(self.files, key=lambda one: self.files[one].spans)
            file = self.files[name]
            if file.name == name and file.pid == self.three[which].pid:
                file.name = f".{name}.tmp"
                Path(self.root, NAME, name).rename(self.path(file))
        self.three[which] = self.born()

    def path(self, file: File) -> Path:
        return Path(self.root, NAME, file.name)

    @invariant()
    def the_directory_is_what_the_model_says(self) -> None:
        directory = Path(self.root, NAME)
        found = {path.name for path in directory.glob("*") if path.is_file()}
        # A listing gives what was left unfinished its name.
        for name, file in self.files.items():
            if file.name.startswith(".") and name in found:
                file.name = name
        assert found == {file.name for file in self.files.values()}

    def teardown(self) -> None:
        shutil.rmtree(self.root)


@pytest.mark.row("S12")
@pytest.mark.parametrize(
    "runs",
    [
        10,
        pytest.param(500, marks=pytest.mark.long),
        pytest.param(20_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
    ],
)
def test_any_order_of_steps(runs: int) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=40,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
