"""The spool on its own: a directory whose files survive anything, and are never in two hands."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_otel.config import ApiKey
from pulse_otel.export.records.record import Record, Usage
from pulse_otel.export.spool.batch import dump, load
from pulse_otel.export.spool.spool import QUARANTINE, Spool, directory_name
from tests.export.payloads.test_traces_form import PLAIN

NAME = "0123456789abcdef"


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Spool:
    return Spool(tmp_path, NAME, clock=clock, steady=clock)


def records(count: int, start: int = 0) -> list[Record]:
    return [replace(PLAIN, span_id=f"{start + n:016x}") for n in range(count)]


def ids(found: Any) -> list[str]:
    return [record.span_id for record in found.records]


def files(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / NAME).rglob("*") if path.is_file())


texts = st.text(st.characters(codec="utf-8"), max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.row("E1")
@given(
    output=st.none() | texts,
    request=st.none() | st.dictionaries(texts, plain, min_size=1, max_size=3),
    usage=st.builds(Usage, input=st.none() | st.integers(0, 10**9), cache_read=st.integers(0, 9)),
    attributes=st.dictionaries(texts, plain, max_size=3),
    tool_output=plain,
    is_error=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_a_record_survives_the_disk(**values: Any) -> None:
    record = replace(PLAIN, **{k: v for k, v in values.items() if k not in ("output", "usage")})
    record = replace(record, output_text=values["output"], usage=values["usage"])
    line = dump(record).decode()

    loaded = load(line)

    assert "\n" not in line
    # NUL and lone surrogates are scrubbed on their way, as on every other way to the service.
    assert load(dump(loaded)) == loaded
    if "\\u0000" not in line and "�" not in line and values["tool_output"] not in (False, {}):
        assert loaded == record


@pytest.mark.row("S3")
@pytest.mark.parametrize(
    "wrong",
    [{"trace_id": 1}, {"start_ns": "1"}, {"metadata": []}, {"attributes": None}, {"kind": "x"}],
)
def test_a_line_with_a_value_of_a_wrong_type_is_no_record(wrong: dict[str, Any]) -> None:
    fields = json.loads(dump(PLAIN))
    assert load(json.dumps(fields)) == PLAIN

    with pytest.raises(ValueError, match="no record"):
        load(json.dumps({**fields, **wrong}))


def test_what_is_put_is_leased_once_and_gone_after_the_ack(spool: Spool, tmp_path: Path) -> None:
    file = spool.put(records(3))
    assert file is not None
    leased = spool.lease(file)

    assert leased is not None
    assert ids(leased) == [record.span_id for record in records(3)]
    assert leased.records == records(3)
    assert spool.lease(file) is None  # it is taken
    spool.ack(leased.file)
    assert files(tmp_path) == []


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is a living one also to those here that stand for other processes."""
    monkeypatch.setattr("pulse_otel.export.spool.files.alive", lambda pid: True)


@pytest.mark.row("S5")
@pytest.mark.usefixtures("alive")
def test_a_lease_that_ran_out_is_taken_over(spool: Spool, clock: Clock, tmp_path: Path) -> None:
    other = Spool(tmp_path, NAME, clock=clock, ours=set())
    leased = spool.lease(spool.put(records(2)) or "")
    assert leased is not None
    assert other.adopt() is None

    clock.now += 61
    taken = other.adopt()

    assert taken is not None
    assert ids(taken) == ids(leased)
    spool.ack(leased.file)  # too late: it is not ours any more
    assert len(files(tmp_path)) == 1
    assert spool.release(leased.file) is None
    other.ack(taken.file)
    assert files(tmp_path) == []


@pytest.mark.row("T1")
@pytest.mark.parametrize("step_s", [-3600.0, 3600.0, -10 * 365 * 86400.0])
def test_a_step_of_the_clock_locks_nothing_up(
    spool: Spool, clock: Clock, tmp_path: Path, step_s: float
) -> None:
    assert spool.lease(spool.put(records(1)) or "") is not None

    clock.now += step_s

    assert Spool(tmp_path, NAME, clock=clock, ours=set()).adopt() is not None


@pytest.mark.row("S5")
@pytest.mark.usefixtures("alive")
def test_a_renewed_lease_is_not_taken_over(spool: Spool, clock: Clock, tmp_path: Path) -> None:
    leased = spool.lease(spool.put(records(1)) or "")
    assert leased is not None
    clock.now += 50
    file = spool.renew(leased.file)
    clock.now += 50

    assert Spool(tmp_path, NAME, clock=clock, ours=set()).adopt() is None
    assert spool.release(file) is not None


@pytest.mark.row("S4")
def test_the_lease_of_a_process_that_ended_is_taken_over_at_once(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spool.lease(spool.put(records(1)) or "") is not None
    monkeypatch.setattr("pulse_otel.export.spool.files.alive", lambda pid: False)

    assert Spool(tmp_path, NAME, clock=spool._clock, ours=set()).adopt() is not None


@pytest.mark.row("S10")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_no_other_user_can_read_it(spool: Spool, tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        file = spool.put(records(1))
    finally:
        os.umask(before)

    assert file is not None
    for path in (tmp_path / NAME, tmp_path / NAME / QUARANTINE):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / NAME / file).stat().st_mode) == 0o600
    assert spool.lease(file) is not None


@pytest.mark.row("S10")
@pytest.mark.parametrize("which", ["", NAME])
def test_a_link_in_the_place_of_the_directory_is_refused(tmp_path: Path, which: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    root = tmp_path / "root"
    if which:
        root.mkdir()
    (root / which).symlink_to(elsewhere)
    spool = Spool(root, NAME)

    assert spool.put(records(1)) is None
    assert spool.adopt() is None
    assert list(elsewhere.iterdir()) == []


@pytest.mark.row("S10")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.parametrize("which", ["root", "ours"])
def test_a_directory_of_another_user_is_refused(spool: Spool, tmp_path: Path, which: str) -> None:
    (tmp_path / NAME).mkdir(mode=0o700)
    os.chown(tmp_path if which == "root" else tmp_path / NAME, 12345, -1)

    assert spool.put(records(1)) is None


@pytest.mark.row("S10")
def test_a_directory_that_everybody_may_write_to_is_refused(spool: Spool, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert spool.put(records(1)) is None
    assert not (tmp_path / NAME).exists()


@pytest.mark.row("S11", "S13")
def test_neither_key_nor_address_can_be_read_off_the_directory() -> None:
    names = {
        directory_name(url, ApiKey(key))
        for url in ("http://a.example", "http://b.example")
        for key in ("pulse_sk_one", "pulse_sk_two")
    }

    assert len(names) == 4  # no two of them share a directory
    assert all(len(name) == 16 and "one" not in name and "a.e" not in name for name in names)


WORKER = """
import sys, time
from dataclasses import replace
from pulse_otel.export.spool.spool import Spool
spool = Spool(sys.argv[1], sys.argv[2])
found = []
while (leased := spool.adopt()) is not None:
    found += [record.span_id for record in leased.records]
    spool.ack(leased.file)
print("\\n".join(found))
"""


@pytest.mark.row("S3")
def test_eight_processes_share_a_directory(tmp_path: Path) -> None:
    """2,000 files left behind by a process that is gone: each goes to exactly one of them."""
    spool = Spool(tmp_path, NAME)
    for number in range(2000):
        spool.put(records(1, number))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), NAME], stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    # This process's number stands in the names: to them it must be one that has ended.
    for path in files(tmp_path):
        path.rename(path.with_name(path.name.replace(f"-{os.getpid()}-", "-4194999-")))
    outputs = [worker.communicate(timeout=50)[0].split() for worker in workers]
    rest = Spool(tmp_path, NAME, ours=set())  # what was listed before it was renamed
    found = Counter(span_id for output in outputs for span_id in output)
    while (leased := rest.adopt()) is not None:
        found.update(ids(leased))
        rest.ack(leased.file)

    assert len(found) == 2000
    assert set(found.values()) == {1}
    assert files(tmp_path) == []


@pytest.mark.row("S6")
def test_a_foreign_thing_in_the_directory_is_left_alone(spool: Spool, tmp_path: Path) -> None:
    file = spool.put(records(1))
    (tmp_path / NAME / "notes.txt").write_text("mine")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / NAME / "s"))

    spool.sweep()

    assert (tmp_path / NAME / "notes.txt").read_text() == "mine"
    assert spool.lease(file or "") is not None


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not list them")
def test_no_file_is_left_open(spool: Spool) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    spool.put(records(1))
    before = opened()
    for n in range(20):
        spool.put(records(1, n))

    assert opened() == before


def test_nothing_is_remembered_of_a_file_that_is_gone(spool: Spool) -> None:
    before = {name: len(value) for name, value in vars(spool).items() if hasattr(value, "__len__")}
    for n in range(20):
        leased = spool.lease(spool.put(records(1, n)) or "")
        assert leased is not None
        spool.ack(leased.file)

    after = {name: len(value) for name, value in vars(spool).items() if hasattr(value, "__len__")}
    assert after == before
