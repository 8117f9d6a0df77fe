"""Files in the spool that another version wrote, or that are links to somebody's file."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from pulse_otel.export.delivery import backlog
from pulse_otel.export.spool import files as spool_files
from pulse_otel.export.spool.spool import MAX_AGE_S, QUARANTINE, Spool
from tests.export.sending import NAME, ids_of, sending, stored, until
from tests.export.spool.test_spool import Clock, files, ids, records
from tests.faults import FaultServer

pytestmark = pytest.mark.row("S6")
HEADERS = ['{"pulse_spool":2}', '{"pulse_spool":0,"by":"x"}', '{"pulse_spool":"1.5"}']


def _of_another_version(spool: Spool, directory: Path, header: str) -> Path:
    """A file that an earlier process left, whose records this version would take for its own."""
    file = spool.put(records(2, start=100))
    assert file is not None
    path = directory / NAME / file
    _, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(header.encode() + b"\n" + rest)
    return path


@pytest.mark.parametrize("header", HEADERS)
def test_a_file_of_another_version_is_left_to_a_process_of_that_version(
    header: str, tmp_path: Path
) -> None:
    clock = Clock()
    earlier = Spool(tmp_path, NAME, clock=clock, ours=set())
    path = _of_another_version(earlier, tmp_path, header)
    content = path.read_bytes()
    clock.now += 1
    mine = earlier.put(records(3))
    clock.now += 3600
    spool = Spool(tmp_path, NAME, clock=clock, ours=set())

    found = [spool.adopt(), spool.adopt(), spool.adopt()]

    assert [ids(leased) for leased in found if leased] == [[r.span_id for r in records(3)]]
    assert found[0] is not None  # the foreign one, which is older, does not hold it up
    assert mine in found[0].file
    spool.ack(found[0].file)
    assert files(tmp_path) == [path]
    assert path.read_bytes() == content
    assert spool.gone == []
    clock.now += MAX_AGE_S
    spool.sweep()
    assert not path.exists()  # nobody came for it
    assert [gone.count for gone in spool.gone] == [2]


def test_a_process_sends_the_files_of_its_own_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "SEARCH_S", 0.05)
    clock = Clock()
    clock.now = time.time() - 3600
    earlier = Spool(tmp_path, NAME, clock=clock, ours=set())
    path = _of_another_version(earlier, tmp_path, HEADERS[0])
    earlier.put(records(3))
    with FaultServer() as server, sending(server.url, spool_dir=tmp_path) as delivery:
        assert until(lambda: delivery.snapshot().inherited_delivered == 3)
        stats = delivery.snapshot()

    assert set(stored(server.stored)) == ids_of(records(3))
    assert stats.inherited_dropped == {}
    assert files(tmp_path) == [path]


def test_a_link_to_somebody_elses_file_changes_nothing_of_it(tmp_path: Path) -> None:
    clock = Clock()
    earlier = Spool(tmp_path / "spool", NAME, clock=clock, ours=set())
    file = earlier.put(records(1))
    assert file is not None
    elsewhere = tmp_path / "diary"
    elsewhere.write_text(json.dumps({"dear": "diary"}))
    elsewhere.chmod(0o644)
    os.link(elsewhere, tmp_path / "spool" / NAME / file.replace("-1.spans", "-7.spans"))
    before = elsewhere.stat()
    clock.now += 3600
    spool = Spool(tmp_path / "spool", NAME, clock=clock, ours=set())

    found = [leased for leased in (spool.adopt(), spool.adopt(), spool.adopt()) if leased]
    for leased in found:
        spool.ack(leased.file, damaged=leased.damaged > 0)

    assert sorted((len(leased.records), leased.damaged) for leased in found) == [(0, 7), (1, 0)]
    after = elsewhere.stat()
    assert elsewhere.read_text() == '{"dear": "diary"}'
    assert (after.st_mode, after.st_mtime, after.st_size) == (
        before.st_mode,
        before.st_mtime,
        before.st_size,
    )
    assert [path.parent.name for path in files(tmp_path / "spool")] == [QUARANTINE]


def test_a_link_is_not_followed_either_that_is_made_after_the_look(tmp_path: Path) -> None:
    (tmp_path / "diary").touch()
    (tmp_path / "link").symlink_to(tmp_path / "diary")

    with pytest.raises(OSError, match="link"):
        spool_files._open_no_link(str(tmp_path / "link"), os.O_RDONLY)


def test_a_linked_copy_of_a_spool_file_outlives_its_delivery(tmp_path: Path) -> None:
    """As a backup by hard links makes it."""
    spool = Spool(tmp_path / "spool", NAME)
    file = spool.put(records(3))
    assert file is not None
    path = tmp_path / "spool" / NAME / file
    os.link(path, tmp_path / "backup")
    content = path.read_bytes()

    leased = spool.lease(file)
    assert leased is not None
    spool.ack(leased.file)

    assert ids(leased) == [record.span_id for record in records(3)]
    assert files(tmp_path / "spool") == []
    assert (tmp_path / "backup").read_bytes() == content
