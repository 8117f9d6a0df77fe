"""Authorization, bodies and paths of the development trace service (contract §1)."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from pulse_otel.local.service import web
from tests.local.service_client import TIMEOUT_S, Client, export, span


class TestAuthorization:
    MISSING = "Missing or invalid Authorization header"
    INVALID = "Invalid API key"

    @pytest.mark.parametrize(
        ("headers", "message"),
        [
            ({}, MISSING),
            ({"Authorization": "Basic x"}, MISSING),
            ({"Authorization": "bearer pulse_sk_a"}, MISSING),
            ({"Authorization": "Bearer  pulse_sk_a"}, MISSING),
            ({"Authorization": "Bearer"}, MISSING),
            ({"Authorization": "pulse_sk_a"}, MISSING),
            ({"X-API-Key": "pulse_sk_a"}, MISSING),
            ({"Authorization": "Bearer sk-1"}, INVALID),
            ({"Authorization": "Bearer PULSE_SK_a"}, INVALID),
        ],
    )
    def test_refused(self, url: str, headers: dict[str, str], message: str) -> None:
        answers = [
            requests.post(f"{url}/v1/traces", data=b"{", headers=headers, timeout=TIMEOUT_S),
            requests.get(f"{url}/v1/traces", headers=headers, timeout=TIMEOUT_S),
            requests.get(f"{url}/v1/traces/x", headers=headers, timeout=TIMEOUT_S),
            requests.get(f"{url}/v1/spans", headers=headers, timeout=TIMEOUT_S),
            requests.get(f"{url}/v1/sessions/x", headers=headers, timeout=TIMEOUT_S),
        ]
        assert [(a.status_code, a.json()) for a in answers] == [(401, {"error": message})] * 5

    @pytest.mark.parametrize(("key", "accepted"), [("pulse_sk_a", True), ("other", False)])
    def test_login_tells_whether_the_key_is_good(self, url: str, key: str, accepted: bool) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        answer = requests.post(f"{url}/v1/auth/login", headers=headers, timeout=TIMEOUT_S)
        assert (answer.status_code, answer.json()) == (200, {"authenticated": accepted})

    def test_projects_do_not_see_each_other(self, client: Client, url: str) -> None:
        client.send(span({"pulse.session_id": "s"}, traceId="t", spanId="one"))
        client.stored(1)
        other = Client(url)
        paths = ("/v1/traces/t", "/v1/spans/one", "/v1/sessions/s")
        assert [other.get(path).status_code for path in paths] == [404, 404, 404]
        assert other.get("/v1/traces").json()["total"] == 0
        other.send(span(traceId="t", spanId="one"))  # the same span id is free in every project
        other.stored(1)
        other.close()

    def test_the_key_is_not_stored(self, client: Client) -> None:
        assert client.key not in json.dumps(client.only_trace(span()))


class TestBody:
    @pytest.mark.parametrize(
        "body",
        [b"", b"x", b'{"resourceSpans":[NaN]}', b'{"resourceSpans":[Infinity]}', b"\x0a\x02\x08"],
    )
    def test_not_json(self, client: Client, body: bytes) -> None:
        answer = client.post(body)
        assert (answer.status_code, answer.json()) == (400, {"error": "Invalid JSON body"})

    @pytest.mark.parametrize("body", [{}, [], None, 1, "x", {"resourceSpans": {}}])
    def test_no_resource_spans(self, client: Client, body: Any) -> None:
        answer = client.post(body)
        assert (answer.status_code, answer.json()) == (400, {"error": "Missing resourceSpans"})

    @pytest.mark.parametrize(
        "body",
        [
            {"resourceSpans": []},
            {"resourceSpans": [{}]},
            {"resourceSpans": [{"scopeSpans": []}]},
            {"resourceSpans": [{"scopeSpans": [{"spans": []}]}]},
        ],
    )
    def test_nothing_in_it(self, client: Client, body: Any) -> None:
        answer = client.post(body)
        assert (answer.status_code, answer.json()) == (200, {})

    def test_gzip_is_not_supported(self, client: Client) -> None:
        body = gzip.compress(json.dumps(export(span())).encode())
        answer = client.post(body, headers={"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()) == (400, {"error": "Invalid JSON body"})

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content-Type": "application/json"},
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-protobuf"},
            {"Content-Encoding": "gzip"},
        ],
    )
    def test_headers_about_the_body_are_ignored(
        self, client: Client, headers: dict[str, str]
    ) -> None:
        answer = client.post(export(span()), headers=headers)
        assert (answer.status_code, answer.json()) == (200, {})

    def test_a_chunked_body(self, client: Client) -> None:
        body = json.dumps(export(span())).encode()
        answer = requests.post(
            f"{client.url}/v1/traces",
            data=iter([body[:20], body[20:]]),
            headers={"Authorization": f"Bearer {client.key}"},
            timeout=TIMEOUT_S,
        )
        assert (answer.status_code, answer.json()) == (200, {})

    def test_unusual_text_is_accepted(self, client: Client) -> None:
        texts = ["BOM", "bad \ufffd", "lone \ufffd", "😀 \u2028 \x00"]
        bodies = [
            export(span({"pulse.output_text": text}, start=i)) for i, text in enumerate(texts)
        ]
        raw = [json.dumps(body).encode() for body in bodies]
        raw[0] = b"\xef\xbb\xbf" + raw[0]
        raw[1] = raw[1].replace(b"\\ufffd", b"\xff")
        raw[2] = raw[2].replace(b"\\ufffd", b"\\ud800")
        assert [client.post(body).json() for body in raw] == [{}] * 4
        assert [found["outputText"] for found in client.stored(4)] == texts[::-1]

    def test_too_large_closes_the_connection_with_an_empty_413(self, url: str) -> None:
        host = urlsplit(url)
        head = f"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**27 + 1}\r\n\r\n"
        with socket.create_connection((host.hostname or "", host.port or 0), TIMEOUT_S) as raw:
            raw.sendall(head.encode())
            answer = b"".join(iter(lambda: raw.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert answer.endswith(b"\r\n\r\n")

    def test_the_limit_holds_for_a_chunked_body_too(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        body = json.dumps(export(span())).encode()
        headers = {"Authorization": f"Bearer {client.key}"}

        def post() -> int:
            return requests.post(
                f"{client.url}/v1/traces", data=iter([body]), headers=headers, timeout=TIMEOUT_S
            ).status_code

        monkeypatch.setattr(web, "MAX_BODY_BYTES", len(body))
        assert post() == 200
        monkeypatch.setattr(web, "MAX_BODY_BYTES", len(body) - 1)
        assert post() == 413


class TestPaths:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/traces/"),
            ("GET", "/v1/traces/"),
            ("PUT", "/v1/traces"),
            ("DELETE", "/v1/traces/x"),
            ("POST", "/v1/traces/batch"),
            ("POST", "/v1/traces/async"),
            ("POST", "/v1/spans"),
            ("GET", "/v1/unknown"),
            ("GET", "/api/unknown"),
            ("POST", "/"),
            ("POST", "/unknown"),
        ],
    )
    def test_unknown_is_a_plain_404_whatever_the_key(
        self, url: str, method: str, path: str
    ) -> None:
        answer = requests.request(method, url + path, timeout=TIMEOUT_S, allow_redirects=False)
        assert (answer.status_code, answer.text) == (404, "404 Not Found")
        assert answer.headers["Content-Type"].startswith("text/plain")

    def test_health_needs_no_key(self, url: str) -> None:
        answer = requests.get(f"{url}/health", timeout=TIMEOUT_S)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "service": "pulse"})

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("/v1/traces/x", "Trace not found"),
            ("/v1/spans/x", "Span not found"),
            ("/v1/sessions/x", "Session not found"),
            ("/v1/sessions/x/spans", "Session not found"),
        ],
    )
    def test_unknown_ids(self, client: Client, path: str, message: str) -> None:
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": message})
