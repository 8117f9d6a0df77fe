"""The command line."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pulse_otel.local.storage.legacy_traces import LegacyStore
from pulse_otel.local.storage.spans import Store
from tests.local.service_client import eventually
from tests.local.storage.test_retention import legacy_row
from tests.local.storage.test_summaries import row

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "pulse_otel.cli"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize(
    ("options", "ending", "path", "other_path"),
    [
        ([], signal.SIGINT, "/v1/traces", "/v1/traces/batch"),
        ([], signal.SIGTERM, "/v1/traces", "/v1/traces/batch"),
        (["--legacy"], signal.SIGTERM, "/v1/traces/batch", "/v1/traces"),
    ],
)
def test_serve(
    options: list[str], ending: signal.Signals, path: str, other_path: str, tmp_path: Path
) -> None:
    """It answers at the address it prints, in its form and to its names only, and ends cleanly."""
    db = tmp_path / "traces.db"
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--db", str(db), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores SIGINT, and what it starts inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        url = next(word for word in words if word.startswith("http://127.0.0.1:")).strip(",")
        key = {"Authorization": "Bearer pulse_sk_local"}
        answer = requests.get(f"{url}/v1/traces", headers=key, timeout=10)
        rebound = requests.get(url, headers={"Host": "evil.example"}, timeout=10)
        # Nobody takes a null, but the one that speaks the form says so.
        statuses = [
            requests.post(url + one, data=b"null", headers=key, timeout=10).status_code
            for one in (path, other_path)
        ]
        # Until the last line is out, the signal could come before anybody waits for it.
        text = "".join(iter(process.stdout.readline, "Ready.\n"))
        process.send_signal(ending)
        rest, errors = process.communicate(timeout=20)

    assert answer.json()["traces"] == []
    assert rebound.status_code == 421
    assert statuses == [400, 404]
    assert f'api_url="{url}"' in text
    assert f"PULSE_API_URL={url}" in text
    assert process.returncode == 0, errors
    assert rest == "Stopped.\n"
    assert errors == ""
    assert db.exists()


@contextlib.contextmanager
def served(*options: str, **variables: str) -> Iterator[tuple[str, str, str]]:
    """`serve`, once it is ready: its address, what it says, and what it writes to a browser."""
    with tempfile.TemporaryDirectory() as folder:
        opened = Path(folder, "opened")
        browser = Path(folder, "browser")
        browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
        browser.chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if key != "CI"}
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *options],
            cwd=ROOT,
            env={**environment, "BROWSER": f"{browser} %s", **variables},
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            try:
                said = "".join(iter(process.stdout.readline, "Ready.\n"))
                url = re.search(r"http://127\.0\.0\.1:[0-9]+", said)
                assert url
                yield url[0], said, opened.read_text() if opened.exists() else ""
            finally:
                process.terminate()


def test_serve_opens_its_address_in_a_browser_when_it_is_asked_to() -> None:
    """It asks the reader to open it otherwise, and in CI."""
    with served("--open") as (url, _, opened):
        assert opened == url
    with served() as (_, said, opened):
        assert opened == ""
        assert "Open this address in a browser" in said
    with served("--open", CI="true") as (_, _, opened):
        assert opened == ""


@pytest.mark.parametrize("form", [[], ["--legacy"]])
def test_serve_deletes_what_is_older_than_it_keeps(form: list[str], tmp_path: Path) -> None:
    """A new trace stays; an old one goes, soon after the start."""
    db = tmp_path / "traces.db"
    now = time.time_ns() // 1_000_000
    times = {"old": now - 8 * 86_400_000, "new": now - 6 * 86_400_000}
    if form:
        LegacyStore(str(db)).insert([legacy_row(name, at) for name, at in times.items()])
    else:
        Store(str(db)).insert([row(n, trace_id=n, timestamp=at) for n, at in times.items()])
    with served(*form, "--db", str(db), "--keep", "7d") as (url, said, _):
        assert re.search(r"traces in \S+traces\.db, [0-9.]+ (kB|MB)\.", said)
        address = f"{url}/dashboard/traces/"
        eventually(lambda: "No such trace" in requests.get(f"{address}old", timeout=10).text, bool)
        assert "No such trace" in requests.get(f"{address}old", timeout=10).text
        assert "No such trace" not in requests.get(f"{address}new", timeout=10).text
        overview = requests.get(f"{url}/overview", timeout=10).text
    assert "older than 7 days" in overview


@pytest.mark.parametrize("time", ["7", "d", "0d", "-1d", "7 days", "1.5h"])
def test_a_time_to_keep_that_is_none_is_explained(time: str) -> None:
    """The message says how a time is written."""
    done = run("serve", "--port", "0", "--keep", time)

    assert done.returncode == 2
    assert "such as 12h or 7d" in done.stderr


def test_port_taken() -> None:
    """A port that is taken is explained, with a way out."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = run("serve", "--port", str(port))

    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is in use" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_unusable_database(tmp_path: Path) -> None:
    """A database that cannot be opened is explained."""
    done = run("serve", "--port", "0", "--db", str(tmp_path / "missing" / "traces.db"))

    assert done.returncode == 1
    assert "cannot use" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_says_what_it_is_for() -> None:
    """Nobody should take the service for a production one."""
    done = run("serve", "--help")

    assert done.returncode == 0
    assert "For development and tests only" in done.stdout


@pytest.mark.parametrize("missing", ["click", "rich", "starlette", "uvicorn", "openai"])
def test_without_the_extra(missing: str) -> None:
    """What is not installed is named in one line, with the command that installs it."""
    program = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = ['demo'];"
        "from pulse_otel.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last == f'pulse-otel needs {missing}: pip install "pulse-otel[local]"'
    assert "Traceback" not in done.stderr
