"""The command line."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

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
    assert f'"api_url": "{url}"' in text
    assert f"PULSE_API_URL={url}" in text
    assert process.returncode == 0, errors
    assert rest == "Stopped.\n"
    assert errors == ""
    assert db.exists()


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
