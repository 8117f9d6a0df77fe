"""Forked children: they share no connection, no lock and no account with their parent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.sending import stored
from tests.faults import FaultServer
from tests.programs import count, files_below, run

PREFORK = """
assert pulse_otel.flush_buffer(10)  # a connection is open, and kept
children = []
for number in range(8):
    pid = os.fork()
    if not pid:
        for _ in range(4):
            spans(10)
            pulse_otel.flush_buffer(10)
        sys.exit()
    children.append(pid)
    spans(1)
for pid in children:
    os.waitpid(pid, 0)
"""


@pytest.mark.row("P6", "P9")
@pytest.mark.parametrize("disk", [False, True])
def test_children_of_a_preloaded_server_share_no_connection(
    disk: bool, server: FaultServer, tmp_path: Path
) -> None:
    code, _, err = run(PREFORK, server.url, **({"PULSE_SPOOL_DIR": str(tmp_path)} if disk else {}))

    assert code == 0, err
    arrived = stored(server.stored)
    assert len(arrived) == 10 + 8 * 40 + 8
    if not disk:
        assert set(arrived.values()) == {1}
    assert files_below(tmp_path) == []


LOCKED = """
# Other threads are busy in our locks all the time, while the process is copied.
stop = False
def busy():
    while not stop:
        spans(1)
        time.sleep(0.0002)  # or nothing else gets the processor
threads = [threading.Thread(target=busy, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
for number in range({forks}):
    pid = os.fork()
    if not pid:
        spans(2)
        os._exit(0 if pulse_otel.flush_buffer(20) else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
stop = True
for thread in threads:
    thread.join()
pulse_otel.shutdown(0)
"""


@pytest.mark.row("P10")
@pytest.mark.parametrize("forks", [10, pytest.param(100, marks=pytest.mark.long)])
def test_a_fork_inside_our_locks_deadlocks_nobody(forks: int, server: FaultServer) -> None:
    code, _, err = run(LOCKED.format(forks=forks), server.url)
    assert code == 0, err


@pytest.mark.row("P6")
def test_the_accounts_of_a_child_begin_at_the_fork(server: FaultServer) -> None:
    script = """
failing = lambda text: 1 / 0
pulse_otel.init_pulse(redact=failing)
spans(1)
pulse_otel.flush_buffer(10)
assert pulse_otel.stats().redaction_failures
pid = os.fork()
if not pid:
    spans(3)
    stats = pulse_otel.stats()
    os._exit(stats.ended * 10 + stats.unaccounted + stats.redaction_failures)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 30
"""
    code, _, err = run(script, server.url)
    assert code == 0, err
    assert count(server) == 14
