"""Text from a provider or a service, in a real terminal: none of it is obeyed."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from rich.console import Console
from rich.text import Text

from pulse_otel.local.demo.calls import calls_for
from pulse_otel.local.demo.traces import MadeCall, trace_table
from pulse_otel.local.provider.replies import chat, message, openai_error
from pulse_otel.local.provider.server import ScriptedProvider
from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from pulse_otel.printable import printable
from tests import programs
from tests.conftest import KEY, ROOT
from tests.faults import Action, FaultServer, Request, answer

SEQUENCES = {
    "colour": "\x1b[31mred",
    "clear": "\x1b[2J\x1b[Hgone",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "answer back": "\x1b[6n\x1b[c\x05",
    "C1": "\x9b31mred\x9d0;owned\x9c\x90\x98\x85",
    "line": "one\r\ntwo\x08\x08\x0b\x0c\x7f",
    "reversed": "\u202eevil\u202c \u2066a\u2069 \u200e\u200f",
    "lines": "a\u2028b\u2029c",
    "mark-up": "[link=https://evil.example]click[/link][red]red[/red]",
}
HOSTILE = "hostile " + " ".join(SEQUENCES.values())
OWN = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|[0-9]*[AK])")  # rich's colours and its one line
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def found_in(text: str) -> list[str]:
    """What a terminal would obey in `text`, but for the colours that are ours."""
    return FORBIDDEN.findall(OWN.sub("", text))


@contextlib.contextmanager
def terminal(*command: str, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process, and the other side of its terminal."""
    ours, its = pty.openpty()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "OTEL_"))}
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**inherited, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.DEVNULL,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(descriptor: int, end: str = "") -> str:
    """What the terminal shows until `end`, or else the end of the process."""
    shown = b""
    while not end or end.encode() not in shown:
        try:
            piece = os.read(descriptor, 65_536)
        except OSError:  # nobody has the other side any more
            break
        if not piece:
            break
        shown += piece
    return shown.decode("utf-8")


def shown_by(*command: str, **environ: str) -> str:
    with terminal(*command, **environ) as (_, descriptor):
        return read_until(descriptor)


@pytest.mark.parametrize("name", SEQUENCES)
def test_no_sequence_is_left(name: str) -> None:
    text = SEQUENCES[name]

    assert found_in(printable(text)) == []
    assert len(printable(text)) == len(text)
    assert printable("Grüße, 你好 👋 [a]") == "Grüße, 你好 👋 [a]"


def test_a_terminal_shows_what_is_not_made_safe() -> None:
    """The tests of this file can fail."""
    shown = shown_by("-c", f"print({HOSTILE!r})")

    assert set(found_in(shown)) >= {"\x1b", "\x9b", "\x07", "\u202e", "\u2066"}


def test_demo_with_a_hostile_provider() -> None:
    """In answers and in errors."""
    with ScriptedProvider() as provider, serving(create_app()) as url:
        refused = openai_error(400, HOSTILE)
        # The tool call is refused, so its result is not asked for.
        provider.enqueue(chat(HOSTILE), refused, refused, chat(HOSTILE), message(HOSTILE), refused)
        provider.enqueue(openai_error(404, HOSTILE))
        shown = shown_by(
            "-m",
            "pulse_otel.cli",
            "demo",
            "--live",
            OPENAI_API_KEY="sk-x",
            OPENAI_BASE_URL=provider.openai_url,
            ANTHROPIC_API_KEY="sk-x",
            ANTHROPIC_BASE_URL=provider.anthropic_url,
            PULSE_API_KEY=KEY,
            PULSE_API_URL=url,
            COLUMNS="200",
        )

    assert "hostile" in shown
    assert "traces are not correct" in shown
    assert found_in(shown) == []


def _hostile_service(number: int, request: Request) -> Action:
    if request.method == "POST":
        body = {"partialSuccess": {"rejectedSpans": 1, "errorMessage": HOSTILE}}
        return answer(200, json.dumps(body).encode())
    return answer(500, HOSTILE.encode(), {"X": "x"}, close=True)


def test_demo_with_a_hostile_service() -> None:
    with ScriptedProvider() as provider, FaultServer(_hostile_service) as service:
        shown = shown_by(
            "-m",
            "pulse_otel.cli",
            "demo",
            "--live",
            OPENAI_API_KEY="sk-x",
            OPENAI_BASE_URL=provider.openai_url,
            PULSE_API_KEY=KEY,
            PULSE_API_URL=service.url,
        )

    assert "hostile" in shown
    assert "cannot read traces" in shown
    assert found_in(shown) == []


def test_the_table_of_a_hostile_service() -> None:
    """Each field of a trace; a console in a terminal would make links of marked-up text."""
    call = calls_for(frozenset({"openai"}))[0]
    made = MadeCall(call, "s-chat")
    fields = ("provider", "modelRequested", "timestamp", "inputTokens", "outputTokens")
    trace: dict[str, Any] = dict.fromkeys((*fields, "outputText", "status"), HOSTILE)
    failed = {**trace, "status": "error", "error": {"message": HOSTILE}}
    for one in (trace, failed):
        console = Console(force_terminal=True, width=2000, color_system="truecolor")
        with console.capture() as captured:
            for line in trace_table([made], {call.key: one}):
                console.print(Text(line))
        shown = captured.get()

        assert "[link=https://evil.example]" in shown  # as it stands
        assert found_in(shown) == []


ANSWERS: dict[str, Callable[[], Action]] = {
    "partial success": lambda: _hostile_service(1, Request("POST", "/", {})),
    "400": lambda: answer(400, json.dumps({"error": HOSTILE}).encode()),
    "401": lambda: answer(401, json.dumps({"error": HOSTILE, "message": HOSTILE}).encode()),
    "500": lambda: answer(500, HOSTILE.encode(), content_type="text/html"),
    "redirect": lambda: answer(302, b"", {"Location": "http://x/\x1b]0;owned\x07"}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_log_lines_about_a_hostile_service(name: str) -> None:
    with FaultServer(then=ANSWERS[name]()) as service:
        script = programs.START + "pulse_otel.flush_buffer(1)\npulse_otel.shutdown(1)"
        environ = {"PULSE_API_KEY": KEY, "PULSE_API_URL": service.url, "PULSE_SPOOL\x1b[2J": "x"}
        shown = shown_by("-c", script, **environ)

    assert "pulse-otel: " in shown
    assert found_in(shown) == []


def test_a_variable_with_a_hostile_name() -> None:
    shown = shown_by("-c", programs.START, **{"PULSE_SPOOL_DIR\x1b[2J": "x", "PULSE_API_KEY": KEY})

    assert "is not a setting; did you mean PULSE_SPOOL_DIR?" in shown
    assert found_in(shown) == []


@pytest.mark.parametrize("form", [[], ["--legacy"]])
def test_serve_with_hostile_requests(form: list[str], tmp_path: Path) -> None:
    """Its own errors too: a program breaks its database, and each request fails."""
    db = tmp_path / "\x1b[2J.db"
    command = ["-m", "pulse_otel.cli", "serve", "--port", "0", "--db", str(db), *form]
    with terminal(*command) as (process, descriptor):
        shown = read_until(descriptor, "Ready.")
        address = urlsplit(re.findall(r"http://127\.0\.0\.1:\d+", shown)[0])
        for line in (f"GET /{HOSTILE} HTTP/1.1", "GET / HTTP/1.1", "\x1b]0;owned\x07"):
            with socket.create_connection((address.hostname or "", address.port or 0), 10) as raw:
                sent = f"{line}\r\nHost: localhost\r\nX: {HOSTILE}\r\nConnection: close\r\n\r\n"
                raw.sendall(sent.encode())
                while raw.recv(65_536):
                    pass
        process.send_signal(signal.SIGTERM)
        shown += read_until(descriptor)

    assert "Stopped." in shown
    assert found_in(shown) == []


def test_an_error_of_the_service_in_the_log() -> None:
    """The log of `pulse-otel serve` and the demo, with an error that quotes a request."""
    script = f"""
import logging
from pulse_otel.local.commands import _printable_log
with _printable_log():
    try:
        raise RuntimeError({HOSTILE!r})
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("hostile %s", {HOSTILE!r})
"""
    shown = shown_by("-c", script)

    assert "Traceback (most recent call last):" in shown
    assert "hostile" in shown
    assert found_in(shown) == []
