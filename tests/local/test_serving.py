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
