"""`pulse-otel tail`, in a real terminal."""

from __future__ import annotations

import re
import signal
import time
import uuid

import pytest

from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import serving
from pulse_otel.terminal.commands import run
from tests.conftest import KEY
from tests.faults import FaultServer, answer
from tests.local.legacy_client import LegacyClient
from tests.local.legacy_client import trace as legacy_trace
from tests.local.service_client import START_MS, Client, span
from tests.terminal.test_traces import CALL
from tests.test_terminal import found_in, read_until, terminal

pytestmark = pytest.mark.timeout(60)

# A shell's background job ignores SIGINT, and what it starts inherits that.
SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pulse_otel.cli import main
from pulse_otel.terminal import tail
tail.POLL_S = 0.1
sys.argv[1:1] = ["tail"]
main()
"""
COMMAND = ("-c", SCRIPT)


def now(ago_s: float = 0) -> int:
    """A start for `span`: so many seconds ago."""
    return int((time.time() - ago_s) * 1000) - START_MS


def call(text: str, ago_s: float = 0) -> dict[str, object]:
    return span({**CALL, "pulse.output_text": text}, start=now(ago_s))


def test_calls_as_they_come() -> None:
    """Each once, also one that began before another; a service that restarts is waited for."""
    with serving(create_app()) as url:
        client, port = Client(url, KEY), int(url.rpartition(":")[2])
        client.send(
            *(call(f"old {number}", ago_s) for number, ago_s in enumerate((99_999, 3600, 60)))
        )
        client.stored(3)
        environ = {"PULSE_API_KEY": KEY, "PULSE_API_URL": url, "COLUMNS": "80"}
        running = terminal(*COMMAND, "-n", "2", **environ)
        process, descriptor = running.__enter__()
        told = read_until(descriptor, "old 2")
        client.send(call("new 1"))
        told += read_until(descriptor, "new 1")
        client.send(call("a long one", 30), call("new 2"))
        told += read_until(descriptor, "new 2")
    told += read_until(descriptor, "Waiting for it.")
    with serving(create_app(), port=port):
        told += read_until(descriptor, "answers again.")
        client.send(call("new 3"))
        told += read_until(descriptor, "new 3")
        process.send_signal(signal.SIGINT)
        told += read_until(descriptor)
    status = process.wait(10)
    running.__exit__(None, None, None)
    client.close()

    answers = re.findall(r"old \d|new \d|a long one", told)
    assert answers == ["old 1", "old 2", "new 1", "a long one", "new 2", "new 3"]
    assert told.count("Waiting for it.") == 1
    assert told.count("time           model") == 1
    assert told.splitlines()[-1] == "Stopped."
    assert status == 0
    assert found_in(told) == []
    assert max(len(row) for row in told.splitlines() if " gpt-4o" in row) <= 80


def test_calls_of_a_legacy_service_as_json() -> None:
    """A filter holds for what comes later, too."""
    with serving(create_legacy_app()) as url:
        client = LegacyClient(url, KEY)
        environ = {"PULSE_API_KEY": KEY, "PULSE_API_URL": url}
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}.000Z"
        with terminal(*COMMAND, "--json", "--session", "mine", **environ) as (process, descriptor):
            for name in ("other", "mine"):
                one = legacy_trace(
                    timestamp=stamp, session_id=str(uuid.uuid4()), metadata={"session_id": name}
                )
                client.upload("batch", [one])
            told = read_until(descriptor, "}\r\n")
            process.send_signal(signal.SIGINT)
            told += read_until(descriptor)
            status = process.wait(10)
        client.close()

    assert status == 0
    assert '"session_id":"mine"' in told
    assert '"session_id":"other"' not in told


def test_what_will_not_pass_is_not_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong key is an error at once, and so is none."""
    with FaultServer(then=answer(401, b'{"error":"Invalid API key"}')) as server:
        monkeypatch.setenv("PULSE_API_URL", server.url)
        assert run("tail", []) == 1
        assert "check api_key / PULSE_API_KEY" in capsys.readouterr().err
        monkeypatch.delenv("PULSE_API_KEY")
        assert run("tail", []) == 2
        assert "set PULSE_API_KEY" in capsys.readouterr().err
