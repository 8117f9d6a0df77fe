"""`pulse-otel doctor`: a healthy set-up, and broken ones."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from pulse_otel import AnthropicInstrumentor, OpenAIInstrumentor
from pulse_otel.config import ApiKey
from pulse_otel.export.spool.files import new_name
from pulse_otel.export.spool.spool import directory_name
from pulse_otel.terminal.commands import run
from pulse_otel.terminal.doctor.environment import TESTED
from tests.conftest import KEY
from tests.export.transport.test_routes import resolve as resolve  # a fixture
from tests.faults import Action, FaultServer, Request, answer, redirect
from tests.test_pins import requirements

NO_TRACE = answer(404, b'{"error":"Trace not found"}')
FAR = "http://service.example"

Found = dict[str, list[tuple[str, str, str]]]
Examine = Callable[..., tuple[int, Found]]


@pytest.fixture
def examine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Examine:
    """The exit status, and status, text and remedy of the findings by check."""

    def with_settings(*options: str, **settings: str) -> tuple[int, Found]:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        status = run("doctor", ["--json", "--wait", "0", *options])
        out, err = capsys.readouterr()
        assert KEY not in out + err
        found: Found = defaultdict(list)
        for one in json.loads(out)["checks"]:
            found[one["check"]].append((one["status"], one["found"], one["remedy"]))
        return status, found

    return with_settings


def statuses(found: Found) -> dict[str, str]:
    return {name: rows[0][0] for name, rows in found.items()}


def acts(action: Action, *, get: Action = NO_TRACE) -> Callable[[int, Request], Action]:
    """A service that answers every span in one way, and speaks the current form."""

    posts: list[Request] = []

    def one(number: int, request: Request) -> Action:
        if request.path == "/health":
            return answer(200, b'{"status":"ok","service":"pulse"}')
        if request.method == "GET":
            return get
        posts.append(request)
        return answer() if len(posts) == 1 else action  # the first one asks for the form

    return one


def test_a_healthy_set_up(examine: Examine, current_url: str) -> None:
    """Every check is made and passes, and the span is stored as no call."""
    status, found = examine("--wait", "10", PULSE_API_URL=current_url)

    assert status == 0
    assert {name for name, one in statuses(found).items() if one != "ok"} <= {"SDKs"}
    assert len(found) == 14
    assert found["form"][0][1] == "current (otlp)"
    assert found["span"][0][1].startswith("sent, and read back after")
    stored = requests.get(
        f"{current_url}/v1/traces", headers={"Authorization": f"Bearer {KEY}"}, timeout=10
    ).json()["traces"]
    assert [one["kind"] for trace in stored for one in trace["spans"]] == ["notification"]
    assert stored[0]["summary"] == "sent by pulse-otel doctor to see whether it is stored"


def test_a_legacy_service_gets_a_span_only_if_it_is_asked_for(
    examine: Examine, legacy_url: str
) -> None:
    """There it is a call, and would be counted as one."""
    status, found = examine(PULSE_API_URL=legacy_url)
    assert status == 0
    assert found["form"][0][1] == "legacy (traces)"
    assert found["span"][0][0] == "skipped"
    assert "--send" in found["span"][0][1]

    status, found = examine("--send", "--wait", "10", PULSE_API_URL=legacy_url)
    assert status == 0
    assert found["span"][0][:1] == ("ok",)


def test_a_service_that_stores_nothing(examine: Examine) -> None:
    """A 200 is not enough: the span is looked for."""
    with FaultServer(acts(answer())) as server:
        status, found = examine(PULSE_API_URL=server.url)

    assert status == 1
    assert statuses(found)["key accepted"] == "ok"
    kind, said, remedy = found["span"][0]
    assert (kind, said) == (
        "error",
        "the service accepted the span, and has not stored it after 0 s",
    )
    assert "migration" in remedy


def test_a_service_that_refuses_the_span(examine: Examine) -> None:
    """It answers 200, too, and says so in the body."""
    body = {"partialSuccess": {"rejectedSpans": 1, "errorMessage": "Invalid\x1b[2J option"}}
    with FaultServer(acts(answer(200, json.dumps(body).encode()))) as server:
        status, found = examine(PULSE_API_URL=server.url)

    assert status == 1
    assert found["span"][0][:2] == ("error", "the service refused 1 span (Invalid [2J option)")


def test_a_span_that_cannot_be_read_back(examine: Examine) -> None:
    """The key may only write, or a gateway hides the route."""
    with FaultServer(acts(answer(), get=answer(403))) as server:
        status, found = examine(PULSE_API_URL=server.url)

    assert status == 1
    assert "cannot be read back" in found["span"][0][1]
    assert "403" in found["span"][0][1]


def test_no_service_on_this_machine(examine: Examine) -> None:
    """The command that starts one is named, and what needs a service is left out."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, found = examine(PULSE_API_URL=f"http://127.0.0.1:{port}")

    assert status == 1
    kind, said, remedy = found["service"][0]
    assert (kind, said) == ("error", "the service cannot be reached (connection refused)")
    assert f"pulse-otel serve --port {port}" in remedy
    left_out = {name for name, one in statuses(found).items() if one == "skipped"}
    assert left_out == {"form", "key accepted", "span", "clock"}


def test_an_unknown_host(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable with the address is named."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    status, found = examine(PULSE_API_URL=FAR)

    assert status == 1
    assert "unknown host name" in found["service"][0][1]
    assert "PULSE_API_URL" in found["service"][0][2]
    assert found["certificate"][0][0] == "warning"  # plain http, and not on this machine


@pytest.mark.parametrize(
    ("action", "check", "said", "remedy"),
    [
        (answer(401, b'{"error":"Invalid API key"}'), "key accepted", "401", "PULSE_API_KEY"),
        (answer(403, b'{"error":"no"}'), "key accepted", "403", "PULSE_API_KEY"),
        (answer(200, b"<html>", content_type="text/html"), "form", "web page", "PULSE_API_URL"),
        (answer(404, b"404 Not Found"), "form", "no trace endpoint", "PULSE_API_URL"),
        (answer(503), "form", "503", "who runs the service"),
        (redirect(302, "https://x.example/\x1b[2J"), "service", "redirects", "https://x.example/"),
    ],
    ids=["wrong key", "key without rights", "web page", "no endpoint", "overloaded", "redirect"],
)
def test_services_that_do_not_take_spans(
    examine: Examine, action: Action, check: str, said: str, remedy: str
) -> None:
    """Each is an error of its own check, with a remedy, and no span is sent."""
    with FaultServer(then=action) as server:
        status, found = examine(PULSE_API_URL=server.url)

    assert status == 1
    assert found[check][0][0] == "error"
    assert said in found[check][0][1]
    assert remedy in found[check][0][2]
    assert found["span"][0][0] == "skipped"
    assert not [one for one in server.received if b"spanId" in one.body]


def test_an_address_with_a_path_too_many(examine: Examine, current_url: str) -> None:
    """The route of the upload is often taken for the address: the right one is named."""
    status, found = examine("--api-url", f"{current_url}/v1/traces")

    assert status == 1
    assert found["form"][0][2].endswith(f"alone: {current_url}")


def test_an_authority_that_is_not_trusted(examine: Examine, tmp_path: Path) -> None:
    """The error is that of the certificate, and goes once the authority is named."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with FaultServer(acts(answer()), tls=context) as server:
        _, before = examine(PULSE_API_URL=server.url)
        _, after = examine(PULSE_CA_FILE=str(tmp_path / "ca.pem"))

    assert before["service"][0][0] == "error"
    assert "not trusted" in before["service"][0][1]
    assert "PULSE_CA_FILE" in before["service"][0][2]
    assert after["service"][0][0] == "ok"
    assert after["certificate"][0][1].endswith("ca.pem (PULSE_CA_FILE): 1")


def test_a_proxy_that_is_not_there(examine: Examine) -> None:
    """The proxy is named, without its password."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, found = examine(PULSE_API_URL=FAR, HTTP_PROXY=f"http://me:pa55word@127.0.0.1:{port}")

    assert status == 1
    assert found["proxy"][0][1] == f"http://127.0.0.1:{port}, from the environment"
    assert found["service"][0][1] == "the proxy cannot be reached"
    assert "pa55word" not in json.dumps(found)


@pytest.mark.parametrize(
    ("key", "said", "remedy"),
    [
        ("", "is not set", "pulse_sk_local"),
        ("sk-proj-abcdefgh", "starts with 'pulse_sk_'", "key of your project"),
        (f'"{KEY}"', "starts with 'pulse_sk_'", "quotation marks"),
        (f"{KEY} {KEY}", "without spaces", "key of your project"),
    ],
    ids=["none", "a provider's", "in quotes", "with a space"],
)
def test_keys_that_are_none(
    examine: Examine, current_url: str, key: str, said: str, remedy: str
) -> None:
    """None is shown; the service is asked all the same, without it."""
    status, found = examine(PULSE_API_URL=current_url, PULSE_API_KEY=key)

    assert status == 1
    assert found["key"][0][0] == "error"
    assert said in found["key"][0][1]
    assert remedy in found["key"][0][2]
    assert not key or key not in json.dumps(found)
    assert statuses(found)["form"] == "ok"
    assert statuses(found)["span"] == "skipped"


def test_the_placeholder_of_the_readme(
    examine: Examine, current_url: str, resolve: Callable[..., None]
) -> None:
    """It is enough for a service on this machine, and an error towards any other host."""
    settings = {"PULSE_API_KEY": "pulse_sk_..."}
    _, here = examine("--wait", "10", PULSE_API_URL=current_url, **settings)
    with FaultServer(acts(answer())) as server:
        resolve(("127.0.0.1", server.port))
        status, there = examine(PULSE_API_URL=f"{FAR}:{server.port}", **settings)

    assert here["key"][0][0] == "ok"
    assert here["span"][0][0] == "ok"
    assert status == 1
    assert there["key"][0][0] == "error"
    assert there["span"][0][0] == "skipped"


def test_a_clock_that_is_wrong(examine: Examine) -> None:
    """An hour is too much, and the tolerance is stated."""
    late = {"Date": formatdate(time.time() - 3600, usegmt=True)}
    with FaultServer(then=answer(200, headers=late)) as server:
        _, found = examine(PULSE_API_URL=server.url)

    kind, said, remedy = found["clock"][0]
    assert kind == "warning"
    assert "ahead of the service's; up to 5 s are fine" in said
    assert "NTP" in remedy


def test_settings_that_are_wrong(examine: Examine, current_url: str) -> None:
    """Each has a finding, not the first alone; a misspelt one and a switch are warnings."""
    status, found = examine(
        "--wait",
        "10",
        PULSE_API_URL=current_url,
        PULSE_FLUSH_INTERVAL="5",
        PULSE_SAMPLE_RATE="2",
        PULSE_BATCH_SIZES="10",
        PULSE_ENABLED="0",
        PULSE_PROTOCOL="traces",
    )

    assert status == 1
    kinds = [(kind, said) for kind, said, _ in found["settings"]]
    assert [kind for kind, _ in kinds] == ["error", "error", "warning", "warning"]
    for said in ("flush_interval", "sample_rate", "PULSE_BATCH_SIZE?", "recording is off"):
        assert said in str(kinds)
    assert found["form"][0][0] == "error"
    assert "PULSE_PROTOCOL says traces" in found["form"][0][1]


def test_where_content_goes(examine: Examine, current_url: str) -> None:
    """On or off, and why; a redact function is tried."""
    settings = {"PULSE_API_URL": current_url}
    _, on = examine(OTEL_TRACES_EXPORTER="pulse,console", **settings)
    _, redacted = examine(PULSE_REDACT="builtins:print", PULSE_SAMPLE_RATE="0.1")
    _, off = examine(PULSE_CAPTURE_CONTENT="false")

    said = on["content"][0][1]
    assert "recorded (the default), not redacted" in said
    assert said.endswith(f"go to {current_url} and the exporter console")
    assert redacted["content"][1][0] == "error"
    assert "returns NoneType" in redacted["content"][1][1]
    assert redacted["content"][2][1] == "0.1 of the traces are sent, and every failed call"
    assert "no prompts and no answers are recorded (PULSE_CAPTURE_CONTENT)" in off["content"][0][1]


def test_a_spool(examine: Examine, current_url: str, tmp_path: Path) -> None:
    """What waits in it is counted, what it is told, and nothing in it is changed."""
    tmp_path.chmod(0o700)
    project = tmp_path / directory_name(current_url, ApiKey(KEY))
    project.mkdir(mode=0o700)
    for age_s in (30 * 3600, 60):
        (project / new_name(time.time() - age_s, 7)).write_bytes(b"x" * 2_000_000)
    settings = {"PULSE_API_URL": current_url, "PULSE_SPOOL_DIR": str(tmp_path)}
    before = sorted(tmp_path.rglob("*"))

    _, found = examine(**settings)
    assert sorted(tmp_path.rglob("*")) == before
    kind, said, _ = found["spool"][0]
    assert kind == "warning", said  # it will be dropped soon
    assert "14 spans in 4.0 MB, the oldest for 30 h" in said
    assert "(mode 700)" in said

    tmp_path.chmod(0o777)
    status, found = examine(**settings)
    assert status == 1
    assert found["spool"][0][0] == "error"


def test_what_is_installed(
    examine: Examine, current_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions outside of the tested range, and an instrumentor that records calls again."""
    for name, release in (("openai", "0.28.1"), ("anthropic", "99.0.0"), ("other_openai", "1.2")):
        folder = tmp_path / f"{name}-{release}.dist-info"
        folder.mkdir()
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n"
        (folder / "METADATA").write_text(about)
    points = "[opentelemetry_instrumentor]\nopenai = vendor.openai:Instrumentor\n"
    (folder / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(tmp_path)

    _, found = examine(PULSE_API_URL=current_url)
    said = [(kind, text) for kind, text, _ in found["SDKs"]]
    assert said[0] == ("warning", "openai 0.28.1 is too old")
    assert said[1][0] == "warning"
    assert "newer than the tests know" in said[1][1]
    doubled = [one for one in found["instrumentors"] if one[0] == "warning"]
    assert len(doubled) == 1
    assert "other-openai 1.2 records calls of openai as well" in doubled[0][1]

    _, found = examine(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="openai")
    assert not [one for one in found["instrumentors"] if one[0] == "warning"]


def test_the_tested_versions_are_those_of_the_tests() -> None:
    """The oldest that the instrumentors take, and the pinned one."""
    oldest = {one.sdk: one.dependency for one in (OpenAIInstrumentor, AnthropicInstrumentor)}
    pins = dict(pin.split("==") for pin in requirements("pins") if ";" not in pin)

    for sdk, (first, last) in TESTED.items():
        assert oldest[sdk] == f"{sdk} >= {first}"
        assert pins[sdk].startswith(f"{last}.")


def test_the_plain_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], current_url: str
) -> None:
    """A line for each finding, uncut in a pipe, its remedy below, and the sum at the end."""
    monkeypatch.setenv("PULSE_API_URL", current_url)
    monkeypatch.setenv("PULSE_API_KEY", "pulse-sk-wrong")
    monkeypatch.setenv("COLUMNS", "20")

    assert run("doctor", []) == 1

    out = capsys.readouterr().out
    assert "error   key           api_key: expected a string that starts with 'pulse_sk_'" in out
    assert "\n                      Fix: set it to a key of your project" in out
    assert "1 error, " in out.splitlines()[-1]
    assert "pulse-sk-wrong" not in out


COLLECTOR = {"PULSE_PROTOCOL": "collector"}


def _collector(refusal: Action | None = None) -> Callable[[int, Request], Action]:
    """It has one route, and answers an empty request in OpenTelemetry's words."""

    def one(number: int, request: Request) -> Action:
        if (request.method, request.path) != ("POST", "/v1/traces"):
            return answer(404, b"404 page not found\n", content_type="text/plain")
        return refusal or answer(200, b'{"partialSuccess":{}}')

    return one


def test_a_collector(examine: Examine) -> None:
    """It gets a span and no key; what it does with them cannot be seen from here."""
    with FaultServer(_collector()) as server:
        status, found = examine(PULSE_API_URL=server.url, **COLLECTOR)

    assert status == 0
    assert found["key"] == [
        ("ok", "none needed: the Collector adds it; PULSE_API_KEY is set, and not used", "")
    ]
    assert found["form"][0][1] == "OpenTelemetry Collector (collector)"
    assert found["key accepted"][0][0] == "skipped"
    (span,) = server.received[-1].json()["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert found["span"][0][1].endswith(f"look there for the trace {span['traceId']}")
    assert not any("authorization" in request.headers for request in server.received)


def test_a_misspelt_protocol_sends_no_key(examine: Examine) -> None:
    """It may mean a Collector."""
    with FaultServer(_collector()) as server:
        status, found = examine(PULSE_API_URL=server.url, PULSE_PROTOCOL="Collector")

    assert status == 1
    assert found["form"][0][1:] == (
        "not asked: PULSE_PROTOCOL is wrong, and a Collector gets no key",
        "correct PULSE_PROTOCOL",
    )
    assert found["span"][0][0] == "skipped"
    assert [request.headers.get("authorization") for request in server.received] == [None]


def test_a_collector_that_is_taken_for_a_service(examine: Examine) -> None:
    with FaultServer(_collector()) as server:
        status, found = examine(PULSE_API_URL=server.url)

    assert status == 1
    assert found["form"][0][1].startswith("an OpenTelemetry Collector answers there")
    assert found["form"][0][2].startswith("set PULSE_PROTOCOL=collector")
    assert found["span"][0][0] == "skipped"


def test_a_collector_that_passes_the_key_on(examine: Examine) -> None:
    """It is a warning that it gets the key; nothing is asked of it that it cannot answer."""
    with FaultServer(_collector()) as server:
        status, found = examine(PULSE_API_URL=server.url, PULSE_PROTOCOL="otlp")

    assert status == 0
    assert found["form"][0][0] == "warning"
    assert "unless it passes the key on" in found["form"][0][2]
    assert found["key accepted"][0][0] == "skipped"
    assert found["span"][0][1].startswith("accepted by the Collector")


def test_a_service_that_is_taken_for_a_collector(examine: Examine, current_url: str) -> None:
    status, found = examine(PULSE_API_URL=current_url, **COLLECTOR)

    assert status == 1
    assert "protocol='collector' sends no key" in found["form"][0][1]
    assert found["span"][0][0] == "skipped"


def test_no_collector_is_there(examine: Examine) -> None:
    """No development service is offered in its place."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    status, found = examine(PULSE_API_URL=f"http://127.0.0.1:{port}", **COLLECTOR)

    assert status == 1
    assert "serve" not in str(found["service"])
