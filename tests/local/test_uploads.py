"""Slow and giant uploads: the local servers stay small, end them, and serve the others."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from pulse_otel.local import upload_time
from pulse_otel.local.provider.server import ScriptedProvider
from pulse_otel.local.service import web
from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from tests.conftest import ROOT
from tests.local.service_client import TIMEOUT_S

HEAD = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer pulse_sk_x\r\n"
MIB = 1 << 20


@pytest.fixture(params=["service", "provider"])
def short_tempered(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of a server that waits a fraction of the usual times."""
    monkeypatch.setattr(upload_time, "HEAD_S", 0.2)
    monkeypatch.setattr(upload_time, "BODY_S", 0.3)
    with contextlib.ExitStack() as stack:
        if request.param == "provider":
            yield stack.enter_context(ScriptedProvider()).url
        else:
            yield stack.enter_context(serving(create_app()))


def _connected(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname or "", address.port or 0), TIMEOUT_S)


def _rest(raw: socket.socket) -> bytes:
    """What comes until the server closes the connection; fails if it does not."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while piece := raw.recv(4096):
            got += piece
    return got


@pytest.mark.parametrize(
    "sent",
    ["", "GET /", HEAD, HEAD + "X: " + "x" * 2000],
    ids=["nothing", "a part of a line", "no end of the head", "a long line"],
)
def test_a_head_that_does_not_end_is_cut_off(short_tempered: str, sent: str) -> None:
    with _connected(short_tempered) as raw:
        raw.sendall(sent.encode())
        assert _rest(raw) == b""


def test_a_second_head_that_does_not_end_is_cut_off(short_tempered: str) -> None:
    with _connected(short_tempered) as raw:
        raw.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health HT")
        assert _rest(raw).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("form", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_end_is_cut_off(short_tempered: str, form: str) -> None:
    with _connected(short_tempered) as raw:
        raw.sendall(f"{HEAD}{form}\r\n\r\n1\r\n{{\r\n".encode())
        answer = _rest(raw).lower()
    assert answer.startswith((b"http/1.1 408 ", b"http/1.1 404 "))
    assert b"connection: close" in answer


def test_bytes_that_come_one_by_one_gain_no_time(short_tempered: str) -> None:
    with _connected(short_tempered) as raw:
        raw.sendall(f"{HEAD}Content-Length: 1000000\r\n\r\n".encode())
        ended = threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not ended.wait(0.05):
                    raw.sendall(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        answer = _rest(raw)
        ended.set()
        dripping.join()
    assert answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 404 "))


def test_others_are_served_beside_slow_ones(short_tempered: str) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(60):
            raw = stack.enter_context(_connected(short_tempered))
            raw.sendall((HEAD + ("Content-Length: 9\r\n\r\n" if number % 2 else "")).encode())
        for _ in range(5):
            assert requests.get(f"{short_tempered}/health", timeout=TIMEOUT_S).status_code < 500


@contextlib.contextmanager
def _serve() -> Iterator[tuple[str, int]]:
    """`pulse-otel serve` in a process of its own: its URL and its number."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pulse_otel.cli", "serve", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        try:
            yield next(word for word in words if word.startswith("http://")).strip(","), process.pid
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=20)
        assert errors == ""


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_giant_uploads_are_refused_in_bounded_memory() -> None:
    """A gigabyte announced, and chunks without end."""
    with _serve() as (url, pid):
        assert requests.get(f"{url}/health", timeout=TIMEOUT_S).ok
        before = _peak_mib(pid)
        with _connected(url) as raw:
            raw.sendall(f"{HEAD}Content-Length: {1 << 30}\r\n\r\n{{".encode())
            assert _rest(raw).startswith(b"HTTP/1.1 413 ")
        assert _peak_mib(pid) - before < 16
        with _connected(url) as raw:
            raw.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
            sent, chunk = 0, b"100000\r\n" + b"x" * MIB + b"\r\n"
            with contextlib.suppress(OSError):
                while sent < 4 * web.MAX_BODY_BYTES:
                    raw.sendall(chunk)
                    sent += MIB
                    if sent % (16 * MIB) == 0:
                        assert requests.get(f"{url}/health", timeout=TIMEOUT_S).ok
        assert sent < 2 * web.MAX_BODY_BYTES
        assert (_peak_mib(pid) - before) * MIB < 3 * web.MAX_BODY_BYTES
        assert requests.get(f"{url}/health", timeout=TIMEOUT_S).ok


def test_a_client_that_goes_away_leaves_no_trace_in_the_terminal() -> None:
    with _serve() as (url, _):
        with _connected(url) as raw:
            raw.sendall(f"{HEAD}Content-Length: 1000\r\n\r\n{{".encode())
        assert requests.get(f"{url}/health", timeout=TIMEOUT_S).ok
