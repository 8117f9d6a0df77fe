"""The way to the service: proxies of the environment, several addresses of one name."""

from __future__ import annotations

import importlib.util
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from pulse_otel.config import ApiKey
from pulse_otel.export.transport.http import Transport
from pulse_otel.export.transport.outcome import Outcome, Verdict
from tests import faults
from tests.conftest import KEY
from tests.faults import FaultServer, answer

# Measured: below 0.5 s on a quiet machine. More is allowed here: what is to be caught are minutes.
OVERSHOOT_S = 1.0
Post = Callable[..., Outcome]
Resolve = Callable[..., None]

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
SERVICE = "http://service.example"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Gives every name these addresses, in this order."""

    def to(*addresses: tuple[str, int]) -> None:
        def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
            families = [socket.AF_INET6 if ":" in host else socket.AF_INET for host, _ in addresses]
            return [
                (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)
                for family, address in zip(families, addresses, strict=True)
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return to


def _login(server: FaultServer) -> str:
    return server.url.replace("http://", "http://user:pa55word@")


@pytest.mark.row("N10")
def test_a_proxy_is_used(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", _login(proxy))
        outcome = post(SERVICE)

    assert outcome.verdict is Verdict.DELIVERED
    (request,) = proxy.received
    assert request.path == SERVICE + "/v1/traces"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["proxy-authorization"].startswith("Basic ")


@pytest.mark.row("N10")
@pytest.mark.parametrize(
    ("host", "direct", "no_proxy"),
    [
        ("service.example", False, ""),
        ("service.example", True, "other.example,.example"),
        ("127.0.0.1", True, ""),
        ("localhost", True, ""),
        ("localhost.example", False, ""),
    ],
)
def test_what_goes_past_the_proxy(
    post: Post,
    resolve: Resolve,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    direct: bool,
    no_proxy: str,
) -> None:
    """Loopback does: from a proxy, it would be the proxy's own machine."""
    with FaultServer() as either:
        monkeypatch.setenv("HTTP_PROXY", either.url)
        monkeypatch.setenv("ALL_PROXY", either.url)
        monkeypatch.setenv("NO_PROXY", no_proxy)
        resolve(("127.0.0.1", either.port))
        outcome = post(f"http://{host}:81")

    assert outcome.verdict is Verdict.DELIVERED
    (request,) = either.received  # a proxy is told where to
    assert request.path == ("" if direct else f"http://{host}:81") + "/v1/traces"


@pytest.fixture
def tls_service(tmp_path: Path) -> Iterator[tuple[FaultServer, str]]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("service.example").configure_cert(context)
    with FaultServer(tls=context) as server:
        yield server, str(tmp_path / "ca.pem")


@pytest.mark.row("N10")
def test_a_tunnel_shows_the_proxy_nothing(
    tls_service: tuple[FaultServer, str], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, ca_file = tls_service
    with FaultServer([faults.tunnel(server.port)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", _login(proxy))
        outcome = post("https://service.example", ca_file=ca_file)

    assert outcome.verdict is Verdict.DELIVERED
    assert server.stored[0].headers["authorization"] == f"Bearer {KEY}"
    assert "proxy-authorization" not in server.stored[0].headers
    (connect,) = proxy.received
    assert (connect.method, connect.path) == ("CONNECT", "service.example:443")
    assert "authorization" not in connect.headers


@pytest.mark.row("N10")
def test_the_deadline_holds_through_a_tunnel(
    tls_service: tuple[FaultServer, str], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, ca_file = tls_service
    server.then = faults.drip("header", 0.05)
    with FaultServer([faults.tunnel(server.port)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        begun = time.monotonic()
        outcome = post("https://service.example", seconds=1, ca_file=ca_file)

        assert outcome.cause == "the service does not answer in time"
        assert time.monotonic() - begun <= 1 + OVERSHOOT_S


@pytest.mark.row("N10")
def test_a_slow_proxy_leaves_less_time_for_the_handshake(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(then=answer(200, b"", after_s=0.8)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        begun = time.monotonic()
        outcome = post("https://service.example", seconds=1)

        assert outcome.cause == "the service cannot be reached (no connection in time)"
        assert time.monotonic() - begun <= 1 + OVERSHOOT_S


@pytest.mark.row("N10")
@pytest.mark.parametrize("url", [SERVICE, "https://service.example"])
@pytest.mark.parametrize(
    ("action", "verdict", "said"),
    [
        (answer(407, b"<html>"), Verdict.PAUSED, "the proxy requires a user name and a password"),
        (answer(502, b""), Verdict.RETRY, ""),
        (faults.drip("header", 0.05), None, "in time"),
        (faults.hang(), None, "in time"),
        (faults.reset(), Verdict.RETRY, ""),
    ],
    ids=["407", "502", "drip", "hang", "reset"],
)
def test_a_failing_proxy(
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    action: faults.Action,
    verdict: Verdict | None,
    said: str,
) -> None:
    """In time: a proxy has all of a request to plain http, and only the question for a tunnel."""
    verdict = verdict or (Verdict.TOO_SLOW if url == SERVICE else Verdict.RETRY)
    with FaultServer(then=action) as proxy:
        monkeypatch.setenv("HTTP_PROXY", _login(proxy))
        monkeypatch.setenv("HTTPS_PROXY", _login(proxy))
        begun = time.monotonic()
        outcome = post(url, seconds=1)
        took = time.monotonic() - begun

    assert outcome.verdict is verdict
    assert said in outcome.cause
    assert "pa55word" not in outcome.cause
    assert took <= 1 + OVERSHOOT_S
    assert proxy.connections == 1


@pytest.mark.row("N10")
@pytest.mark.parametrize("url", [SERVICE, "https://service.example"])
def test_no_proxy_there(post: Post, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with FaultServer() as proxy:
        pass
    monkeypatch.setenv("ALL_PROXY", proxy.url)

    assert post(url) == Outcome(Verdict.RETRY, "the proxy cannot be reached")


@pytest.mark.row("N10")
def test_the_environment_is_read_anew_after_an_error_that_a_proxy_answers(
    resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(then=answer(502)) as proxy, FaultServer() as service:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        resolve(("127.0.0.1", proxy.port))
        transport = Transport(f"http://service.example:{service.port}", ApiKey(KEY))
        first = transport.post("/v1/traces", b"{}", time.monotonic() + 5)
        monkeypatch.delenv("HTTP_PROXY")
        resolve(("127.0.0.1", service.port))
        second = transport.post("/v1/traces", b"{}", time.monotonic() + 5)
        transport.close()

    assert (first.status, second.verdict) == (502, Verdict.DELIVERED)


@pytest.mark.skipif(importlib.util.find_spec("socks") is not None, reason="PySocks is installed")
def test_a_socks_proxy_without_the_library_for_it(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")

    outcome = post(SERVICE)

    assert outcome.verdict is Verdict.PAUSED
    assert "proxy cannot be used" in outcome.cause


@pytest.mark.row("N11")
def test_an_ipv6_address(post: Post) -> None:
    try:
        server = FaultServer(host="::1").__enter__()
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    with ExitStack() as stack:
        stack.push(server.__exit__)
        assert post(server.url).verdict is Verdict.DELIVERED


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address that does not even refuse: its queue of connections is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address: tuple[str, int] = listener.getsockname()
        for _ in range(8):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address)
        time.sleep(0.1)
        with socket.socket() as probe:
            probe.settimeout(0.3)
            try:
                probe.connect(address)
                pytest.skip("this system's queue of connections has no end")
            except OSError:
                pass
        yield address


@pytest.mark.row("N11")
def test_a_refused_first_address_does_not_matter(post: Post, resolve: Resolve) -> None:
    """As with `localhost`: ::1 first, and the service listens on 127.0.0.1 only."""
    with FaultServer() as server:
        resolve(("::1", server.port), ("127.0.0.1", server.port))
        outcome = post("http://localhost:1")

    assert outcome.verdict is Verdict.DELIVERED


@pytest.mark.row("N11")
def test_a_silent_first_address_takes_its_share_only(
    post: Post, resolve: Resolve, silent: tuple[str, int]
) -> None:
    with FaultServer() as server:
        resolve(silent, ("127.0.0.1", server.port))
        outcome = post("http://localhost:1", seconds=2)

    assert outcome.verdict is Verdict.DELIVERED


@pytest.mark.row("N11")
def test_many_silent_addresses_do_not_add_up(
    post: Post, resolve: Resolve, silent: tuple[str, int]
) -> None:
    resolve(*[silent] * 6)
    begun = time.monotonic()
    outcome = post("http://localhost:1", seconds=1)

    assert outcome == Outcome(
        Verdict.RETRY, "the service cannot be reached (no connection in time)"
    )
    assert time.monotonic() - begun <= 1 + OVERSHOOT_S


@pytest.mark.row("N11")
def test_the_first_that_answers_has_all_the_time_left(post: Post, resolve: Resolve) -> None:
    with FaultServer(on_connect=lambda sock: bool(server.ending.wait())) as server:
        resolve(*[("127.0.0.1", server.port)] * 4)
        begun = time.monotonic()
        outcome = post("https://localhost:1", seconds=1)
        took = time.monotonic() - begun

    assert outcome.cause == "the service cannot be reached (no connection in time)"
    assert 0.9 <= took <= 1 + OVERSHOOT_S


@pytest.mark.row("N1")
def test_no_server_listens(post: Post) -> None:
    with FaultServer() as server:
        pass

    assert post(server.url).cause == (
        "the service cannot be reached (connection refused): start one with `pulse-otel serve`,"
        " or check api_url / PULSE_API_URL"
    )


@pytest.mark.row("N2")
@pytest.mark.parametrize("failure", [socket.gaierror(-2, "unknown"), UnicodeError("too long")])
def test_an_unknown_name(post: Post, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def getaddrinfo(*args: Any, **kwargs: Any) -> None:
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    assert post(SERVICE) == Outcome(
        Verdict.RETRY,
        "the service cannot be reached (unknown host name): check api_url / PULSE_API_URL",
    )
