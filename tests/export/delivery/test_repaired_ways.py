"""Certificates, proxies and keys that are wrong for a while: few requests, and nothing lost."""

from __future__ import annotations

import ssl
import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import trustme

from pulse_otel.export.delivery import backoff as backoff
from pulse_otel.export.transport.outcome import Verdict
from tests.export.sending import ids_of, records, sending, stored, until
from tests.faults import FaultServer, answer


@pytest.fixture(autouse=True)
def expedited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "HURRIED_S", 0.05)
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.row("N9")
def test_a_certificate_that_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expired first; one connection for each step of the back-off, no second try within it."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    past = datetime.now(timezone.utc) - timedelta(days=1)
    old, new = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", not_after=past).configure_cert(old)
    ca.issue_cert("127.0.0.1").configure_cert(new)

    with FaultServer(tls=old) as expired, sending(expired.url) as delivery:
        delivery.submit(records(20))
        assert until(lambda: expired.connections)
        time.sleep(0.3)
        assert expired.connections == 1  # the next step is 0.5 s away, at least
        delivery.flush(0.3)
        assert expired.connections <= 1 + 0.3 / backoff.HURRIED_S + 1
        expired.tls = new
        assert delivery.flush(20) is True
        stats = delivery.snapshot()

    assert set(stored(expired.stored)) == ids_of(records(20))
    assert (stats.delivered, stats.lost) == (20, 0)


@pytest.mark.row("N10")
@pytest.mark.parametrize("fault", ["407", "down"])
def test_a_proxy_that_is_repaired(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer() as probe:
        port = probe.port
    refusing = FaultServer(then=answer(407), bind_port=port)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    with sending("http://service.example") as delivery, ExitStack() as running:
        proxy = running.enter_context(refusing) if fault == "407" else FaultServer(bind_port=port)
        delivery.submit(records(20))
        assert delivery.flush(0.3) is False
        proxy.then = answer()
        if fault == "down":
            running.enter_context(proxy)
        assert delivery.flush(20) is True
        stats = delivery.snapshot()

    assert set(stored(proxy.stored)) == ids_of(records(20))
    assert (stats.delivered, stats.lost) == (20, 0)


@pytest.mark.row("H7")
@pytest.mark.parametrize(
    "status", [401, *(pytest.param(n, marks=pytest.mark.long) for n in (403, 404))]
)
@pytest.mark.parametrize("later", [False, True], ids=["this process", "a later one"])
def test_a_refusal_that_somebody_repairs(
    status: int, later: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is made known to the service, or the service gets its endpoint."""
    monkeypatch.setitem(backoff.PAUSES, Verdict.PAUSED, backoff.Pauses(10.0, 60.0))
    settings: dict[str, Any] = {"spool_dir": tmp_path} if later else {}
    with FaultServer(then=answer(status)) as server:
        with sending(server.url, **settings) as delivery:
            delivery.submit(records(20))
            assert until(lambda: server.received)
            time.sleep(0.2)
            assert len(server.received) == 1
            if not later:
                server.then = answer()
                assert delivery.flush(20) is True
            assert delivery.snapshot().lost == 0
        server.then = answer()
        if later:
            with sending(server.url, **settings) as delivery:
                assert until(lambda: delivery.snapshot().inherited_delivered == 20)

    assert set(stored(server.stored)) == ids_of(records(20))
