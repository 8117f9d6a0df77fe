"""The local servers answer requests to loopback names only, whatever resolves to them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from pulse_otel.local.provider.server import ScriptedProvider
from tests.local.service_client import TIMEOUT_S, Client, export, span


@pytest.fixture(scope="module")
def provider_url() -> Iterator[str]:
    with ScriptedProvider() as provider:
        yield provider.url


@pytest.fixture(params=["url", "legacy_url", "provider_url"])
def any_url(request: pytest.FixtureRequest) -> str:
    """The root of each local server: both forms of the trace service, and the provider."""
    return str(request.getfixturevalue(request.param))


def _status(url: str, *hosts: str) -> int:
    """The status of a request with these Host headers, written by hand: clients send one."""
    lines = ["GET /v1/models HTTP/1.0", *(f"Host: {host}" for host in hosts), "", ""]
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 0), TIMEOUT_S) as raw:
        raw.sendall("\r\n".join(lines).encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    return int(answer.split()[1])


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:3000",
        "pulse.localhost",
        "a-b.c_d.localhost:65535",
        "127.0.0.1",
        "127.1.2.3:80",
        "127.255.199.250",
        "[::1]",
        "[::1]:3000",
    ],
)
def test_loopback_names_are_answered_with_any_port(any_url: str, host: str) -> None:
    assert _status(any_url, host) != 421


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:3000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evillocalhost",
        ".localhost",
        "evil@localhost",
        "localhost@evil.example",
        "localhost:x",
        "localhost:80:80",
        "localhost, evil.example",
        "0.0.0.0",
        "128.0.0.1",
        "10.127.0.0.1",
        "127.1",
        "127.999.1.1",
        "127.0.0.256",
        "127.0.0.01",
        "[::]",
        "::1",
        "[::1].evil.example",
        "xn--localhost",
    ],
)
def test_other_names_are_refused(any_url: str, host: str) -> None:
    assert _status(any_url, host) == 421


def test_a_request_without_one_host_is_refused(any_url: str) -> None:
    assert _status(any_url) == 421
    assert _status(any_url, "localhost", "evil.example") in (400, 421)


def test_the_refusal_says_which_names_are_answered_and_shows_no_trace(client: Client) -> None:
    client.send(span({"pulse.output_text": "a secret answer"}))
    client.stored(1)
    rebound = {"Host": "evil.example", "Authorization": f"Bearer {client.key}"}

    for path in ("/", "/v1/traces", "/v1/spans", "/health"):
        answer = requests.get(client.url + path, headers=rebound, timeout=TIMEOUT_S)

        assert (answer.status_code, answer.reason) == (421, "Misdirected Request")
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "localhost, *.localhost, 127.0.0.0/8, [::1]" in answer.text
        assert "secret" not in answer.text


def test_a_refused_upload_is_not_stored(client: Client) -> None:
    refused = client.post(export(span(spanId="refused")), headers={"Host": "evil.example"})
    client.send(span(spanId="taken"))

    assert refused.status_code == 421
    assert [found["spanId"] for found in client.stored(1)] == ["taken"]


def _asked(url: str, method: str, path: str, **headers: str) -> requests.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(
        method, url + path, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:1"},  # another port is another origin
        {"Origin": "https://{host}"},
        {"Origin": "http://{host}.evil.example"},
        {"Origin": "http://user@{host}"},
        {"Origin": "http://{host}", "Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "script"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_web_page_of_another_origin_is_refused(
    any_url: str, method: str, headers: dict[str, str]
) -> None:
    host = urlsplit(any_url).netloc
    said = {name: value.format(host=host) for name, value in headers.items()}

    answer = _asked(any_url, method, "/v1/traces", Authorization="Bearer pulse_sk_x", **said)

    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_form_of_another_page_that_opens_a_window_is_refused(any_url: str) -> None:
    opened = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    opened["Sec_Fetch_Dest"] = "document"

    assert _asked(any_url, "POST", "/", **opened).status_code == 403
    assert _asked(any_url, "GET", "/", **opened).status_code != 403  # a link to it


@pytest.mark.parametrize(
    "headers",
    [
        {},  # SDKs, exporters, curl
        {"Origin": "http://{host}"},
        {"Origin": "HTTP://{host}", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
    ],
    ids=str,
)
def test_programs_and_its_own_pages_are_answered(client: Client, headers: dict[str, str]) -> None:
    host = urlsplit(client.url).netloc
    said = {name: value.format(host=host) for name, value in headers.items()}
    key = f"Bearer {client.key}"

    assert _asked(client.url, "GET", "/", **said).status_code == 200
    assert _asked(client.url, "GET", "/v1/traces", Authorization=key, **said).status_code == 200
    sent = client.post(export(span()), headers={k.replace("_", "-"): v for k, v in said.items()})
    assert sent.status_code == 200


def test_no_answer_may_be_embedded_elsewhere(any_url: str) -> None:
    """For browsers that do not say where a request comes from."""
    for path in ("/", "/v1/traces", "/nowhere"):
        headers = _asked(any_url, "GET", path).headers

        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_web_socket_opens(any_url: str) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    upgrade["Sec_WebSocket_Key"] = "dGhlIHNhbXBsZSBub25jZQ=="

    assert _asked(any_url, "GET", "/", **upgrade).status_code != 101
    foreign = _asked(any_url, "GET", "/", Origin="https://evil.example", **upgrade)
    assert foreign.status_code == 403


def test_get_changes_nothing(client: Client) -> None:
    """What a page can make a browser send without asking: each path, as a GET with a body."""
    client.send(span(spanId="one"))
    before = client.stored(1)
    key = {"Authorization": f"Bearer {client.key}"}
    for path in ("/", "/health", "/v1/traces", "/v1/spans/one", "/v1/auth/login", "/dashboard"):
        body = export(span(spanId="other"))
        requests.get(client.url + path, json=body, headers=key, timeout=TIMEOUT_S)

    assert client.stored(1) == before
