"""What a program around us may notice: log lines, spans of our requests, words it kept back."""

from __future__ import annotations

import logging
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

import pulse_otel
from pulse_otel import Provider, log, observe
from pulse_otel.config import ApiKey
from pulse_otel.export.delivery import backoff
from pulse_otel.export.transport.http import Transport
from tests.conftest import KEY
from tests.export.sending import records, sending, until
from tests.export.test_key_safety import CANARY
from tests.faults import FaultServer, answer

SAID = [{"role": "user", "content": "the secret of the prompt"}]


@pytest.mark.row("U4")
def test_ten_minutes_of_an_outage_are_ten_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log's clock goes faster than ours: a minute passes after every few requests."""
    monkeypatch.setattr(backoff, "HURRIED_S", 0.001)
    now = [0.0]
    monkeypatch.setattr(log.rate_limited, "_clock", lambda: now[0])
    with (
        caplog.at_level(logging.WARNING, "pulse_otel"),
        FaultServer(then=answer(503)) as server,
        sending(server.url) as delivery,
    ):
        delivery.submit(records(5))
        for minute in range(10):
            now[0] = minute * 60.0 + 1
            seen = len(server.received)
            while len(server.received) < seen + 5:
                delivery.flush(0.02)
        lines = [r.getMessage() for r in caplog.records if "answered 503" in r.getMessage()]
        server.then = answer()
        assert delivery.flush(10) is True

    assert 9 <= len(lines) <= 10
    assert len(server.received) > 50


@pytest.mark.row("U5")
def test_our_own_requests_are_hidden_from_instrumentations(
    openai_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[bool] = []
    connect = socket.socket.connect

    with FaultServer() as server:

        def spy(self: socket.socket, address: Any) -> None:
            if address[1] == server.port:
                shown.append(is_instrumentation_enabled())
            connect(self, address)

        monkeypatch.setattr(socket.socket, "connect", spy)
        pulse_otel.init_pulse({"api_key": KEY, "api_url": server.url})
        observe(openai_client, Provider.OPENAI).chat.completions.create(model="m", messages=SAID)
        assert pulse_otel.flush_buffer(10) is True
        pulse_otel.shutdown()

    assert shown
    assert not any(shown)


@pytest.mark.row("U5")
def test_a_log_handler_that_flushes_does_not_stop_us(openai_client: Any) -> None:
    """As one that exports logs may do: our own line comes back to us."""
    handled: list[str] = []

    class Flushing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            handled.append(record.getMessage())
            pulse_otel.flush_buffer(0.1)

    handler = Flushing()
    log.logger.addHandler(handler)
    try:
        with FaultServer([answer(503), answer(503)]) as server:
            settings = {"api_key": KEY, "api_url": server.url, "protocol": "otlp"}
            pulse_otel.init_pulse(settings, batch_size=1)
            client = observe(openai_client, Provider.OPENAI)
            client.chat.completions.create(model="m", messages=SAID)
            assert until(lambda: handled)
            assert pulse_otel.flush_buffer(20) is True
            pulse_otel.shutdown()
    finally:
        log.logger.removeHandler(handler)


@pytest.mark.row("K4")
@pytest.mark.parametrize("disk", [False, True])
def test_without_content_no_word_of_it_leaves(
    disk: bool, openai_client: Any, tmp_path: Path
) -> None:
    more = {"spool_dir": str(tmp_path)} if disk else {}
    with FaultServer(then=answer(503)) as server:
        settings = {"api_key": KEY, "api_url": server.url, "protocol": "otlp", **more}
        pulse_otel.init_pulse(settings, capture_content=False, batch_size=1)
        client = observe(openai_client, Provider.OPENAI)
        done = client.chat.completions.create(model="m", messages=SAID)
        said = str(done.choices[0].message.content)
        if disk:
            assert until(lambda: pulse_otel.stats().pending_on_disk)
            written = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
            assert written.count(b"\n") >= 2
        else:
            written = b""
        server.then = answer()
        assert pulse_otel.flush_buffer(10) is True
        pulse_otel.shutdown()

    everything = written + b"".join(request.body for request in server.received)
    assert b"chat" in everything
    assert len(said) > 5
    for words in ("secret of the prompt", said):
        assert words.encode() not in everything


@pytest.mark.row("K1")
def test_a_traceback_with_all_its_variables_does_not_show_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As tools do that print the locals of every frame."""

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", broken)
    transport = Transport("http://127.0.0.1:1", ApiKey(CANARY))
    try:
        transport.post("/v1/traces", b"{}", time.monotonic() + 5)
    except ZeroDivisionError:
        kind, error, frames = sys.exc_info()
        told = traceback.TracebackException(kind or Exception, error, frames, capture_locals=True)  # type: ignore[arg-type]
        text = "".join(told.format())
    transport.close()

    assert "planted" in text
    assert "_attempt" in text  # the frames in question
    assert "canary" not in text
