"""The API key is in one place only: the Authorization header of a request to the service."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from pulse_otel.config import ApiKey, Config, load_config
from pulse_otel.export.exporter import PulseSpanExporter
from pulse_otel.export.records.duplicates.same_span import destination
from pulse_otel.export.transport.http import Transport
from pulse_otel.export.transport.outcome import Outcome, Verdict
from pulse_otel.settings import ConfigError
from tests import faults
from tests.conftest import RunPython
from tests.faults import FaultServer

CANARY = "pulse_sk_canary_0123456789"
Post = Callable[..., Outcome]


@pytest.mark.row("K1")
def test_the_key_masks_itself() -> None:
    key = ApiKey(CANARY)
    config = Config(api_key=key)
    shown = [repr(key), str(key), f"{key}", f"{key!s:>40}", format(key)]
    shown += [repr(config), str(config._asdict()), repr(copy.deepcopy(config))]
    shown += [json.dumps(key, default=repr), repr([key]), repr(Transport("http://[::1]", key))]
    shown += [repr(vars(Transport("http://[::1]", key)))]

    assert "canary" not in "".join(shown)
    assert copy.deepcopy(config).api_key is key
    assert key.reveal() == CANARY
    for value in (key, config, Transport("http://[::1]", key)):
        with pytest.raises(TypeError) as caught:
            pickle.dumps(value)
        assert "canary" not in str(caught.value)


def test_no_module_keeps_it() -> None:
    exporter = PulseSpanExporter(CANARY, "http://[::1]")
    exporter.shutdown()

    kept = [vars(module) for name, module in sys.modules.items() if name.startswith("pulse_otel")]
    held = [value for names in kept for name, value in names.items() if name != "__builtins__"]
    assert len(held) > 1000
    assert "canary" not in repr(held)


def test_no_variable_of_the_exporter_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crash reports show the variables of the functions in a traceback."""

    def fails(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("pulse_otel.export.exporter.add_exporter", fails)
    with pytest.raises(MemoryError) as caught:
        PulseSpanExporter(CANARY, "http://[::1]")

    ours = [entry for entry in caught.traceback if "pulse_otel" in str(entry.path)]
    assert [entry.name for entry in ours] == ["__init__", "_start"]
    assert not any("canary" in repr(entry.frame.f_locals) for entry in ours)


def test_projects_are_told_apart() -> None:
    one = destination("http://[::1]", ApiKey(CANARY))

    assert destination("http://[::1]", ApiKey(CANARY)) == one
    assert destination("http://[::2]", ApiKey(CANARY)) != one
    assert destination("http://[::1]", ApiKey(CANARY + "0")) != one
    assert "canary" not in one


@pytest.mark.row("K5")
@pytest.mark.parametrize(
    "wrong", ["\nX-Injected: ", "\r", "\x00", "\x85", "\u2028", " ", "ä"], ids=repr
)
def test_a_key_that_breaks_out_of_its_header_is_refused(wrong: str) -> None:
    secret = f"{CANARY}{wrong}1"
    for make in (ApiKey, lambda text: load_config({"api_key": text}, environ={})):
        with pytest.raises(ConfigError, match="api_key: expected printable ASCII") as caught:
            make(secret)
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize("secret", ["canary", "", "pulse_sk_"])
def test_what_is_no_key_is_refused(secret: str) -> None:
    with pytest.raises(ConfigError, match="api_key: expected a string that starts with") as caught:
        ApiKey(secret)
    assert "canary" not in str(caught.value)


@pytest.mark.row("K1")
def test_a_printed_header_does_not_show_it() -> None:
    transport = Transport("http://[::1]", ApiKey(CANARY))
    request = transport._authorize(requests.Request("POST", "http://[::1]").prepare())

    assert request.headers["Authorization"] == f"Bearer {CANARY}"
    assert "canary" not in repr(request.headers) + repr(dict(request.headers))
    transport.close()


@pytest.mark.row("K1")
def test_nothing_that_can_be_switched_on_prints_it(run_python: RunPython) -> None:
    script = f"""
import http.client, logging, sys, time
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
http.client.HTTPConnection.debuglevel = 1
import urllib3
urllib3.add_stderr_logger()
from pulse_otel.config import ApiKey
from pulse_otel.export.transport.http import Transport
from tests import faults
actions = [faults.answer(), faults.answer(401), faults.redirect(302, "http://127.0.0.1:1/"),
    faults.reset(), faults.reset("half"), faults.reset("body"), faults.garbage(),
    faults.huge_header(1 << 17), faults.short_body(), faults.drip("header", 0.05)]
key = ApiKey({CANARY!r})
with faults.FaultServer(actions) as server:
    for url in [server.url] * 12 + [server.url.replace("http", "https"), "http://127.0.0.1:1"]:
        transport = Transport(url, key)
        print(transport.post("/v1/traces", b" " * 100_000, time.monotonic() + 0.5))
        transport.close()
    print(len(server.received))
"""
    done = run_python(script)

    assert done.returncode == 0, done.stderr
    assert "Starting new HTTP connection" in done.stdout  # it is switched on
    assert "POST /v1/traces" in done.stdout
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.row("K1")
def test_netrc_never_replaces_it(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with FaultServer() as server:
        assert requests.post(server.url, timeout=5).ok
        post(server.url)

    assert [request.headers["authorization"][:6] for request in server.received] == [
        "Basic ",
        "Bearer",
    ]


def test_no_cookie_is_kept(transport_to: Callable[..., Transport]) -> None:
    with FaultServer(then=faults.answer(headers={"Set-Cookie": "a=1"})) as server:
        transport = transport_to(server.url)
        for _ in range(2):
            transport.post("/", b"{}", time.monotonic() + 10)

    assert len(server.received) == 2
    assert "cookie" not in server.received[1].headers


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("http://pulse.example:3000", True),
        ("HTTP://10.0.0.1", True),
        ("http://localhost.example", True),
        ("http://127.example", True),
        ("http://127.0.0.1.example", True),
        ("http://localhost:3000", False),
        ("http://LOCALHOST.", False),
        ("http://pulse.localhost", False),
        ("http://127.1.2.3:80", False),
        ("http://[::1]:3000/base", False),
        ("https://pulse.example", False),
    ],
)
def test_plain_http_to_another_machine_warns_once(
    url: str, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            Transport(url, ApiKey(CANARY))

    said = [record.getMessage() for record in caplog.records]
    assert [("plain http" in line, "canary" in line) for line in said] == [(True, False)] * warns


@pytest.mark.row("K1", "H5")
def test_a_redirect_to_another_host_carries_nothing(post: Any) -> None:
    with FaultServer() as other, FaultServer(then=faults.redirect(307, other.url)) as server:
        outcome = post(server.url, key=CANARY)

    assert outcome.verdict is Verdict.PAUSED
    assert other.connections == 0
    assert "canary" not in repr(outcome)
