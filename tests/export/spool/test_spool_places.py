"""A spool shared by containers or machines: a process's number means something in its own only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pulse_otel.export.spool import files as spool_files
from pulse_otel.export.spool.spool import Spool
from tests.conftest import ROOT
from tests.export.spool.test_spool import NAME, Clock, ids, records


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.row("S3", "S5")
@pytest.mark.parametrize("leased", [False, True])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_same_number_in_another_container(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, elsewhere: bool, leased: bool
) -> None:
    """Both are process 1, as it were. Here, the one of before has ended; there, it may be alive."""
    other = Spool(tmp_path, NAME, clock=clock, ours=set())
    with monkeypatch.context() as there:
        if elsewhere:
            there.setattr(spool_files, "_here", lambda: "00000000")
        file = other.put(records(3)) or ""
        assert not leased or other.lease(file)
    spool = Spool(tmp_path, NAME, clock=clock, ours=set())

    if elsewhere:
        assert spool.adopt() is None
        clock.now += 59
        assert spool.adopt() is None
        clock.now += 2
    found = spool.adopt()

    assert found is not None
    assert ids(found) == [record.span_id for record in records(3)]


@pytest.mark.long
def test_a_name_space_of_processes_is_another_place() -> None:
    program = [
        sys.executable,
        "-c",
        "from pulse_otel.export.spool import files as f; print(f._here())",
    ]
    apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    try:
        subprocess.run([*apart, "true"], check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no name spaces here")

    found = [
        subprocess.run([*way, *program], cwd=ROOT, check=True, capture_output=True).stdout
        for way in ([], [], apart, apart)
    ]

    assert found[0] == found[1]
    assert len({found[0], found[2]}) == 2
