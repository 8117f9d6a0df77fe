"""What happens to a disk: torn, foreign and unreadable files, and none to write to."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pulse_otel.export.accounts.ledger import Ledger
from pulse_otel.export.delivery import backlog
from pulse_otel.export.delivery.backlog import Backlog
from pulse_otel.export.spool.spool import QUARANTINE, Spool
from tests.export.sending import ids_of, until
from tests.export.spool.test_spool import NAME, Clock, files, ids, records


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Spool:
    return Spool(tmp_path, NAME, clock=clock)


@pytest.mark.row("S6")
def test_of_a_file_torn_anywhere_the_whole_records_survive(spool: Spool, tmp_path: Path) -> None:
    file = spool.put(records(3))
    assert file is not None
    path = tmp_path / NAME / file
    whole = path.read_bytes()
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]

    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        leased = spool.lease(file)

        assert leased is not None
        # A record counts from its closing brace on, one byte before the line's end.
        complete = sum(length >= end for end in ends[1:])
        assert ids(leased) == [record.span_id for record in records(3)][:complete]
        assert leased.damaged == 3 - complete
        assert spool.release(leased.file) == file


@pytest.mark.row("S6")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        b"\xff\xfe" * 100,
        b"[" * 100_000,
        b'{"pulse_spool":1}\n' + b'{"a":' * 50_000 + b"\n",
        b'{"pulse_spool":1}\n[]\nnull\n{"kind":"llm_call"}\n',
        b'{"pulse_spool":1}\n{"kind":"x","trace_id":"1","span_id":"1","name":"","start_ns":0,"end_ns":0}\n',
    ],
)
def test_a_file_of_anything_is_no_record(spool: Spool, tmp_path: Path, content: bytes) -> None:
    file = spool.put(records(2))
    assert file is not None
    (tmp_path / NAME / file).write_bytes(content)

    leased = spool.lease(file)

    assert leased is not None
    assert (leased.records, leased.damaged) == ([], 2)
    spool.ack(leased.file, damaged=True)
    assert [path.parent.name for path in files(tmp_path)] == [QUARANTINE]


@pytest.mark.row("S6")
@pytest.mark.parametrize("thing", ["directory", "link", "dangling", "fifo", "1 GB"])
def test_what_is_no_file_is_put_aside(spool: Spool, tmp_path: Path, thing: str) -> None:
    file, good = spool.put(records(1)), spool.put(records(1, 7))
    assert file is not None
    assert good is not None
    path = tmp_path / NAME / file
    foreign = tmp_path / "foreign"  # records, but not of this spool
    path.rename(foreign)
    before = foreign.read_bytes()
    if thing == "directory":
        path.mkdir()
    elif thing in ("link", "dangling"):
        path.symlink_to(foreign if thing == "link" else tmp_path / "nowhere")
    elif thing == "fifo":
        os.mkfifo(path)
    else:
        with path.open("wb") as sparse:
            sparse.truncate((64 << 20) + 1)

    leased = spool.lease(file)

    assert leased is not None
    assert (leased.records, leased.damaged) == ([], 1)
    spool.ack(leased.file, damaged=True)
    other = spool.lease(good)
    assert other is not None
    assert len(other.records) == 1
    assert foreign.read_bytes() == before


@pytest.mark.row("S6")
def test_what_was_being_written_at_a_crash_counts_as_far_as_it_got(
    spool: Spool, clock: Clock, tmp_path: Path
) -> None:
    file = spool.put(records(3))
    assert file is not None
    path = tmp_path / NAME / file
    data = path.read_bytes()
    path.unlink()
    spool.leave(file)  # its process has crashed
    (tmp_path / NAME / f".{file}.tmp").write_bytes(data[:-10])
    assert spool.adopt() is None  # it may be being written

    clock.now += 61
    leased = spool.adopt()

    assert leased is not None
    assert (ids(leased), leased.damaged) == ([record.span_id for record in records(2)], 1)


@contextmanager
def full_disk() -> Iterator[None]:
    """Files may not grow beyond 8 KiB."""
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.row("S7")
def test_a_full_disk_leaves_no_half_of_a_file(spool: Spool, tmp_path: Path) -> None:
    with full_disk():
        assert spool.put(records(500)) is None
    assert files(tmp_path) == []
    assert spool.put(records(500)) is not None  # there is room again


@pytest.mark.row("S7")
def test_a_deleted_directory_is_made_again(spool: Spool, tmp_path: Path) -> None:
    spool.put(records(1))
    for path in files(tmp_path):
        path.unlink()
    (tmp_path / NAME / QUARANTINE).rmdir()
    (tmp_path / NAME).rmdir()

    assert spool.adopt() is None
    spool.sweep()
    assert spool.put(records(1)) is not None


@contextmanager
def no_descriptors() -> Iterator[None]:
    """All are in use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            os.dup(0)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.row("S7")
def test_no_file_descriptors_left(spool: Spool, clock: Clock, tmp_path: Path) -> None:
    first, second = spool.put(records(3)) or "", spool.put(records(3, 3)) or ""
    other = Spool(tmp_path, NAME, clock=clock, ours=set())
    leased = other.adopt()  # now it knows of the second one, too
    assert leased is not None
    other.release(leased.file)

    with no_descriptors():
        assert spool.put(records(1)) is None
        assert spool.lease(first) is None
        assert spool.adopt() is None
        assert other.adopt() is None
        assert (spool.waits(first), spool.waits(second)) == (first, second)

    assert {path.name for path in files(tmp_path)} == {first, second}
    assert spool.put(records(1)) is not None
    for name in (first, second):
        leased = spool.lease(name)
        assert leased is not None
        assert (len(leased.records), leased.damaged) == (3, 0)
        assert spool.waits(name) is None


@pytest.mark.row("S7")
def test_what_cannot_be_read_for_now_is_sent_later(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "_UNREADABLE_S", 0.2)
    ledger = Ledger()
    batches = Backlog(ledger, spool)
    for start in (0, 2):
        ledger.taken()
        ledger.taken()
        batches.store(records(2, start))

    with no_descriptors():
        batches.lease()
        assert not batches.ready
        assert batches.wait_s()  # no loop that asks all the time
        batches.lease()
    assert ledger.snapshot().pending_on_disk == 4
    assert until(lambda: batches.lease() or len(batches.ready) == 4)

    assert {entry.record.span_id for entry in batches.ready} == ids_of(records(4))
    assert ledger.snapshot().taken_over == 0
