"""The development trace service against its wire contract, row by row, over real HTTP."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests

from pulse_otel.local import service
from pulse_otel.local.ingest import MAX_PAYLOAD_BYTES, MAX_SPANS
from pulse_otel.local.running import serving
from pulse_otel.local.store import Writer

START_MS = 1_700_000_000_000
TIMEOUT_S = 10
SESSION = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = service.create_app()
    app.state.writer = Writer(app.state.store, delay_s=0.005)  # as a rule it waits longer
    with serving(app) as base:
        yield base


class Client:
    """One project of the service: a fresh key, so that tests share no data."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = f"pulse_sk_{uuid.uuid4().hex}"
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {self.key}"
        # A new connection each: on a reused one a delayed ACK can cost 40 ms per answer.
        self._http.headers["Connection"] = "close"

    def close(self) -> None:
        self._http.close()

    def post(self, body: Any, **options: Any) -> requests.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._http.post(f"{self.url}/v1/traces", data=data, timeout=TIMEOUT_S, **options)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self._http.get(f"{self.url}{path}", params=query, timeout=TIMEOUT_S)

    def send(self, *spans: Any, resource: dict[str, Any] | None = None) -> None:
        response = self.post(export(*spans, resource=resource))
        assert (response.status_code, response.json()) == (200, {})

    def rejected(self, *spans: Any) -> dict[str, Any]:
        """The partialSuccess of an export."""
        response = self.post(export(*spans))
        assert response.status_code == 200
        outcome: dict[str, Any] = response.json()["partialSuccess"]
        return outcome

    def stored(self, count: int) -> list[dict[str, Any]]:
        """All spans of the project, newest first, as soon as there are `count` of them."""
        found = eventually(
            lambda: self.get("/v1/spans", limit=1000).json(), lambda r: r["total"] >= count
        )
        assert found["total"] == count
        spans: list[dict[str, Any]] = found["spans"]
        return spans

    def trace(self, trace_id: str) -> dict[str, Any]:
        trace: dict[str, Any] = self.get(f"/v1/traces/{quote(trace_id, safe='')}").json()
        return trace

    def only_trace(self, *spans: Any, resource: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send the spans of one trace, give what the service derives from them."""
        self.send(*spans, resource=resource)
        return self.trace(self.stored(len(spans))[0]["traceId"])

    def only_span(self, one: Any, resource: dict[str, Any] | None = None) -> dict[str, Any]:
        self.send(one, resource=resource)
        return self.stored(1)[0]


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = Client(url)
    yield client
    client.close()


def eventually(read: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    """A 200 means queued: what `read` gives once it is `done`, or after a while in any case."""
    deadline = time.monotonic() + TIMEOUT_S
    while not done(result := read()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return result


def attribute_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [attribute_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": attributes(value)}}
    return {"stringValue": value}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": attribute_value(value)} for key, value in values.items()]


def span(
    found: dict[str, Any] | None = None, *, start: int = 0, duration: int = 10, **fields: Any
) -> dict[str, Any]:
    """An OTLP/JSON span that starts `start` ms after START_MS; `fields` override its own."""
    begin = (START_MS + start) * 1_000_000
    return {
        "traceId": uuid.uuid4().hex,
        "spanId": uuid.uuid4().hex[:16],
        "name": "a span",
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + duration * 1_000_000),
        "attributes": attributes(found or {}),
        **fields,
    }


def export(*spans: Any, resource: dict[str, Any] | None = None) -> dict[str, Any]:
    group: dict[str, Any] = {"scopeSpans": [{"scope": {"name": "test"}, "spans": list(spans)}]}
    if resource is not None:
        group["resource"] = {"attributes": attributes(resource)}
    return {"resourceSpans": [group]}


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
        head = f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: {2**27 + 1}\r\n\r\n"
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

        monkeypatch.setattr(service, "MAX_BODY_BYTES", len(body))
        assert post() == 200
        monkeypatch.setattr(service, "MAX_BODY_BYTES", len(body) - 1)
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
            ("GET", "/v1"),
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


class TestLimits:
    def test_1000_spans_over_all_groups(self, client: Client) -> None:
        body = export(*[span() for _ in range(MAX_SPANS - 1)])
        body["resourceSpans"] += export(span())["resourceSpans"]
        assert client.post(body).json() == {}
        client.stored(1000)

    def test_1001_spans_are_refused_as_a_whole(self, client: Client) -> None:
        body = export(*[span() for _ in range(MAX_SPANS)])
        body["resourceSpans"] += export(span())["resourceSpans"]
        answer = client.post(body)
        assert (answer.status_code, answer.json()) == (400, {"error": "Export exceeds 1000 spans"})
        client.send(span())
        client.stored(1)

    @pytest.mark.parametrize(
        ("name", "read"),
        [
            ("pulse.request", lambda found: found["metadata"]["pulse.request"]),
            ("pulse.response", lambda found: found["metadata"]["pulse.response"]),
            ("pulse.error", lambda found: found["error"]),
            ("pulse.tool.input", lambda found: found["toolInput"]),
            ("pulse.tool.response", lambda found: found["toolResponse"]),
            ("pulse.metadata", lambda found: found["metadata"]["pulse.metadata"]),
            ("gen_ai.other", lambda found: found["metadata"]["gen_ai.other"]),
        ],
    )
    def test_a_payload_has_64_kib(
        self, client: Client, name: str, read: Callable[[Any], Any]
    ) -> None:
        fits = "ä" * (MAX_PAYLOAD_BYTES // 2)
        client.send(span({name: fits + "!"}, start=0), span({name: fits}, start=1))
        kept, cut = client.stored(2)
        assert read(kept) == fits
        preview = fits + "!"
        assert read(cut) == {"truncated": True, "originalBytes": 65_537, "preview": preview}

    def test_a_large_request_loses_its_messages(self, client: Client) -> None:
        request = {"messages": [{"role": "user", "content": "x" * 70_000}]}
        body = client.only_trace(span({"pulse.request": json.dumps(request)}))["requestBody"]
        assert sorted(body) == ["originalBytes", "preview", "truncated"]
        assert len(body["preview"]) == MAX_PAYLOAD_BYTES

    def test_the_output_text_is_cut_and_stays_text(self, client: Client) -> None:
        found = client.only_span(span({"pulse.output_text": "x" + "ä" * 40_000}))
        assert found["outputText"] == "x" + "ä" * 32_767

    def test_ids_and_models_have_no_limit(self, client: Client) -> None:
        long = "x" * 70_000
        found = client.only_span(span({"pulse.model": long, "pulse.session_id": long}))
        assert (found["model"], found["sessionId"]) == (long, long)

    def test_accepted_is_not_yet_stored(self) -> None:
        app = service.create_app()
        app.state.writer = Writer(app.state.store, delay_s=0.5)
        with serving(app) as base:
            client = Client(base)
            client.send(span())
            assert client.get("/v1/spans").json()["total"] == 0
            client.stored(1)
            client.close()

    def test_a_full_queue_refuses(self) -> None:
        app = service.create_app()
        app.state.writer = Writer(app.state.store, capacity=0)
        with serving(app) as base:
            client = Client(base)
            answer = client.post(export(span()))
            client.close()
        assert (answer.status_code, answer.json()) == (503, {"error": "Failed to enqueue span"})


class TestSpanFields:
    @pytest.mark.parametrize(
        "trace_id", ["ab" * 16, "AB" * 16, SESSION, "q83vEjRWeJA/+w==", "my trace!"]
    )
    def test_a_trace_id_is_stored_verbatim(self, client: Client, trace_id: str) -> None:
        assert client.only_trace(span(traceId=trace_id))["traceId"] == trace_id

    def test_absent_ids_are_made_up(self, client: Client) -> None:
        bare = span(spanId="")
        del bare["traceId"]
        client.send(bare)
        client.send(bare)
        first, second = client.stored(2)
        assert first["spanId"] != second["spanId"]
        assert uuid.UUID(first["traceId"]) != uuid.UUID(second["traceId"])

    def test_the_attribute_overrides_the_trace_id(self, client: Client) -> None:
        assert client.only_span(span({"pulse.trace_id": "mine"}))["traceId"] == "mine"

    def test_parents(self, client: Client) -> None:
        client.send(span(parentSpanId="", start=0), span(parentSpanId="dangling", start=1))
        child, root = client.stored(2)
        assert child["parentSpanId"] == "dangling"
        assert "parentSpanId" not in root

    def test_a_resend_changes_nothing(self, client: Client) -> None:
        first = span({"pulse.output_text": "first"}, spanId="same", traceId="one")
        client.send(first, {**first, "traceId": "within one export"})
        client.stored(1)
        client.send({**first, "traceId": "two", "attributes": []}, span(spanId="after"))
        by_id = {found["spanId"]: found for found in client.stored(2)}
        assert (by_id["same"]["traceId"], by_id["same"]["outputText"]) == ("one", "first")

    @pytest.mark.parametrize(
        ("begin", "end", "duration"),
        [
            (1_500_000, "2500000", 1),
            ("1000000", "1999999", 0),
            ("1999999", "1000000", 0),
            ("1000000", None, None),
            ("1000000", "soon", None),
        ],
    )
    def test_durations(self, client: Client, begin: Any, end: Any, duration: int | None) -> None:
        found = client.only_span(span(startTimeUnixNano=begin, endTimeUnixNano=end))
        assert found["timestamp"] == "1970-01-01T00:00:00.001Z"
        assert found.get("durationMs") == duration

    @pytest.mark.parametrize("begin", [None, "soon", "9" * 21, 1e30, {}])
    def test_an_unusable_start_is_now(self, client: Client, begin: Any) -> None:
        found = client.only_span(span(startTimeUnixNano=begin, endTimeUnixNano=None))
        now = time.strftime("%Y-%m-%dT%H:", time.gmtime())
        before = time.strftime("%Y-%m-%dT%H:", time.gmtime(time.time() - 60))
        assert found["timestamp"].startswith((now, before))

    @pytest.mark.parametrize(
        ("status", "shown"),
        [
            ({"code": 2}, "error"),
            ({"code": 2, "message": "dropped"}, "error"),
            ({"code": 1}, "success"),
            ({"code": 0}, "success"),
            ({}, "success"),
            (None, "success"),
            ({"code": "2"}, "success"),
            ({"code": "STATUS_CODE_ERROR"}, "success"),
        ],
    )
    def test_only_the_number_2_is_an_error(self, client: Client, status: Any, shown: str) -> None:
        trace = client.only_trace(span(status=status))
        assert (trace["status"], trace["spans"][0]["status"]) == (shown, shown)
        assert "dropped" not in json.dumps(trace)

    def test_the_rest_is_dropped(self, client: Client) -> None:
        dropped: dict[str, Any] = {
            "kind": 3,
            "events": [{"name": "dropped"}],
            "links": [],
            "traceState": "dropped",
        }
        assert "dropped" not in json.dumps(client.only_trace(span(name="dropped", **dropped)))

    def test_resource_attributes_come_under_the_spans_own(self, client: Client) -> None:
        resource = {"service.name": "app", "pulse.session_id": "s", "pulse.cwd": "/resource"}
        found = client.only_span(span({"pulse.cwd": "/own"}), resource=resource)
        assert (found["service"], found["sessionId"], found["cwd"]) == ("app", "s", "/own")

    def test_values_of_all_types(self, client: Client) -> None:
        values = {"s": "x", "i": 3, "d": 0.5, "b": True, "l": ["x", 1], "m": {"k": {"n": 1}}}
        named = {f"pulse.{name}": value for name, value in values.items()}
        one = span(named)
        one["attributes"] += [
            {"key": "pulse.number", "value": {"intValue": 7}},
            {"key": "pulse.bytes", "value": {"bytesValue": "AAAA"}},
        ]
        assert client.only_span(one)["metadata"] == {**named, "pulse.number": 7}


class TestRejections:
    @pytest.mark.parametrize(
        "bad",
        [
            span({"pulse.kind": "chain"}),
            span({"pulse.kind": ""}),
            span({"pulse.source": "python"}),
            span({"pulse.source": "SDK"}),
            span({"pulse.event_type": ""}),
            span({"gen_ai.usage.input_tokens": 12.5}),
            span({"gen_ai.usage.input_tokens": "12.5"}),
            span({"gen_ai.usage.output_tokens": -1}),
            span({"gen_ai.usage.output_tokens": 2**53}),
            span({"pulse.cost_cents": -0.1}),
            span({"pulse.cost_cents": "-1"}),
            span(traceId=""),
            span(traceId=7),
            span(spanId=7),
            span(duration=-1),
            span(attributes={"pulse.kind": "llm_call"}),
            None,
            "span",
        ],
    )
    def test_a_bad_span_goes_and_the_good_ones_stay(self, client: Client, bad: Any) -> None:
        result = client.rejected(span(spanId="before"), bad, span(spanId="after", start=1))
        assert result["rejectedSpans"] == 1
        assert result["errorMessage"]
        assert [found["spanId"] for found in client.stored(2)] == ["after", "before"]

    def test_the_message_is_the_first_ones(self, client: Client) -> None:
        result = client.rejected(span({"pulse.source": "python"}), span(duration=-5))
        expected = '"claude_code"|"codex"|"opencode"|"openclaw"|"sdk"'
        message = f"Invalid option: expected one of {expected}"
        assert result == {"rejectedSpans": 2, "errorMessage": message}

    def test_deep_nesting_costs_only_its_own_span(self, client: Client) -> None:
        value: dict[str, Any] = {"intValue": 1}
        for _ in range(300):
            value = {"arrayValue": {"values": [value]}}
        deep = span(attributes=[{"key": "pulse.deep", "value": value}])
        answer = client.post(export(deep, span()))
        # How deep is too deep depends on the interpreter; the server must stand in any case.
        assert answer.status_code in (200, 400)
        assert client.get("/health").status_code == 200


class TestAttributes:
    @pytest.mark.parametrize(
        ("found", "shown"),
        [
            ({}, {"kind": "llm_call", "eventType": "provider_call", "source": "sdk"}),
            ({"pulse.event_type": "step"}, {"kind": "tool_use", "eventType": "step"}),
            ({"pulse.kind": "agent_run", "pulse.event_type": "x"}, {"kind": "agent_run"}),
            ({"pulse.kind": "agent_run", "pulse.event_type": "run"}, {"label": "run"}),
            ({"pulse.source": "codex"}, {"source": "codex"}),
            ({"pulse.session_id": "a", "gen_ai.conversation.id": "b"}, {"sessionId": "a"}),
            ({"gen_ai.conversation.id": "b", "session.id": "c"}, {"sessionId": "b"}),
            ({"gen_ai.provider.name": "azure.ai.openai", "gen_ai.system": "x"},
             {"provider": "azure.ai.openai"}),
            ({"gen_ai.system": "x", "pulse.provider": "y"}, {"provider": "x"}),
            ({"pulse.provider": "y"}, {"provider": "y"}),
            ({"pulse.model": "a", "gen_ai.request.model": "b"}, {"model": "a"}),
            ({"gen_ai.request.model": "b", "gen_ai.response.model": "c"},
             {"model": "b", "modelUsed": "c"}),
            ({"gen_ai.response.model": "c"}, {"model": "c", "modelUsed": "c"}),
            ({"gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 12.0},
             {"inputTokens": 12, "outputTokens": 12}),
            ({"gen_ai.usage.input_tokens": "12"}, {"inputTokens": 12}),
            ({"gen_ai.usage.input_tokens": 2**53 - 1}, {"inputTokens": 2**53 - 1}),
            ({"gen_ai.usage.prompt_tokens": 12}, {"inputTokens": None}),
            ({"pulse.cost_cents": 0.25}, {"costCents": 0.25}),
            ({"pulse.cost_cents": "0.25"}, {"costCents": 0.25}),
            ({"pulse.cost_cents": "NaN"}, {"costCents": None}),
            ({"gen_ai.response.finish_reasons": '["stop"]'}, {"finishReason": "stop"}),
            ({"gen_ai.response.finish_reasons": "stop"}, {"finishReason": "stop"}),
            ({"gen_ai.response.finish_reason": "stop"}, {"finishReason": "stop"}),
            ({"gen_ai.response.finish_reasons": ["stop"]}, {"finishReason": None}),
            ({"pulse.output_text": "123"}, {"outputText": "123"}),
            ({"gen_ai.response.id": "r"}, {"providerRequestId": "r"}),
            ({"pulse.error": '{"message":"m"}', "exception.message": "x"},
             {"error": {"message": "m"}}),
            ({"exception.message": "x"}, {"error": "x"}),
            ({"pulse.error": "null"}, {"error": None}),
            ({"pulse.tool.id": "a", "gen_ai.tool.call.id": "b"}, {"toolUseId": "a"}),
            ({"gen_ai.tool.call.id": "b"}, {"toolUseId": "b"}),
            ({"pulse.tool.input": '{"a":1}', "pulse.tool.response": "[2]"},
             {"toolInput": {"a": 1}, "toolResponse": [2]}),
            ({"gen_ai.tool.input": "a", "gen_ai.tool.output": "b"},
             {"toolInput": "a", "toolResponse": "b"}),
            ({"pulse.kind": "tool_use"}, {"toolName": "a span", "label": "a span"}),
            ({"pulse.kind": "tool_use", "gen_ai.tool.name": "search"},
             {"toolName": "search", "label": "search"}),
            ({"pulse.tool.name": "search"}, {"toolName": "search", "label": "provider_call"}),
            ({"pulse.agent.name": "a", "pulse.cwd": "/", "pulse.is_interrupt": False},
             {"agentName": "a", "cwd": "/", "isInterrupt": False}),
            ({"service.name": "app"}, {"service": "app"}),
        ],
    )  # fmt: skip
    def test_columns(self, client: Client, found: dict[str, Any], shown: dict[str, Any]) -> None:
        one = client.only_span(span(found))
        assert {name: one.get(name) for name in shown} == shown
        assert None not in one.values()

    def test_the_session_falls_back_to_the_trace(self, client: Client) -> None:
        assert client.only_span(span(traceId="t"))["sessionId"] == "t"

    @pytest.mark.parametrize(
        ("found", "metadata"),
        [
            ({"pulse.metadata": {"user": "u1", "n": 1}}, {"user": "u1", "n": 1}),
            ({"pulse.metadata": '{"user":"u1"}'}, {"pulse.metadata": {"user": "u1"}}),
            ({"pulse.metadata.user": "u1"}, {"pulse.metadata.user": "u1"}),
            ({"pulse.session_name": "n"}, {"session_name": "n"}),
            ({"gen_ai.agent.name": "a"}, {"gen_ai.agent.name": "a"}),
            ({"gen_ai.tool.call.arguments": "{}"}, {"gen_ai.tool.call.arguments": {}}),
            ({"pulse.x": "123"}, {"pulse.x": 123}),
            ({"pulse.x": "1" * 30}, {"pulse.x": float("1" * 30)}),
            ({"pulse.x": "1e999"}, {"pulse.x": None}),
            ({"pulse.x": "NaN"}, {"pulse.x": "NaN"}),
            ({"pulse.x": '["\\ud800"]'}, {"pulse.x": ["\ufffd"]}),
            ({"user.id": "u", "session.id": "s", "http.method": "GET", "error.type": "E"}, {}),
        ],
    )
    def test_metadata(
        self, client: Client, found: dict[str, Any], metadata: dict[str, Any]
    ) -> None:
        assert client.only_span(span(found))["metadata"] == metadata


FULL = {
    "pulse.source": "sdk",
    "pulse.kind": "llm_call",
    "pulse.event_type": "provider_call",
    "pulse.session_id": SESSION,
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": '["stop"]',
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
    "pulse.cost_cents": 0.0045,
    "pulse.output_text": "Hello",
    "pulse.request": '{"messages":[]}',
    "pulse.response": '{"id":1}',
    "pulse.metadata": {"user": "u1"},
}


class TestTraces:
    def test_a_full_call(self, client: Client) -> None:
        trace = client.only_trace(
            span(FULL, traceId="t", duration=800), resource={"service.name": "my-app"}
        )
        (one,) = trace.pop("spans")
        assert trace == {
            "traceId": "t",
            "sessionId": SESSION,
            "timestamp": "2023-11-14T22:13:20.000Z",
            "latencyMs": 800,
            "source": "sdk",
            "services": ["my-app"],
            "spanCount": 1,
            "summary": "gpt-4o-mini",
            "toolCallCount": 0,
            "filesEdited": 0,
            "providerRequestId": "chatcmpl-1",
            "outputText": "Hello",
            "finishReason": "stop",
            "status": "success",
            "errorService": None,
            "metadata": {
                "user": "u1",
                "pulse.request": {"messages": []},
                "pulse.response": {"id": 1},
                "toolCalls": 0,
            },
            "provider": "openai",
            "modelRequested": "gpt-4o-mini",
            "modelUsed": "gpt-4o-mini-2024-07-18",
            "inputTokens": 10,
            "outputTokens": 5,
            "costCents": 0.0045,
            "requestBody": {"messages": []},
            "responseBody": {"id": 1},
        }
        assert (one["durationMs"], one["label"]) == (800, "provider_call")
        assert uuid.UUID(one["projectId"])

    def test_an_ordinary_span_becomes_a_call(self, client: Client) -> None:
        trace = client.only_trace(span({"http.method": "GET"}))
        assert trace["spans"][0]["kind"] == "llm_call"
        assert (trace["provider"], trace["modelRequested"]) == ("sdk", "unknown")
        assert trace["summary"] == "unknown"
        assert not {"error", "outputText", "requestBody", "responseBody"} & trace.keys()

    def test_an_untagged_parent_hides_the_call(self, client: Client) -> None:
        trace = client.only_trace(
            span(traceId="t", duration=1000),
            span(FULL, traceId="t", start=100, duration=800),
        )
        assert (trace["summary"], trace["provider"], trace["sessionId"]) == ("unknown", "sdk", "t")
        assert (trace["inputTokens"], trace["latencyMs"]) == (10, 1800)
        assert "requestBody" not in trace

    def test_a_parent_of_another_kind_does_not(self, client: Client) -> None:
        trace = client.only_trace(
            span({"pulse.kind": "agent_run"}, traceId="t", duration=1000),
            span(FULL, traceId="t", start=100, duration=800),
        )
        assert (trace["summary"], trace["provider"]) == ("gpt-4o-mini", "openai")
        assert (trace["sessionId"], trace["latencyMs"]) == (SESSION, 1800)

    def test_the_first_call_speaks_and_all_calls_are_summed(self, client: Client) -> None:
        later = {**FULL, "pulse.output_text": "Later", "pulse.session_id": "other"}
        trace = client.only_trace(
            span(later, traceId="t", start=500), span(FULL, traceId="t", start=0)
        )
        assert (trace["outputText"], trace["sessionId"]) == ("Hello", SESSION)
        assert (trace["inputTokens"], trace["outputTokens"]) == (20, 10)
        assert trace["costCents"] == pytest.approx(0.009)
        assert [one["outputText"] for one in trace["spans"]] == ["Hello", "Later"]

    def test_tools(self, client: Client) -> None:
        tool = {"pulse.kind": "tool_use", "pulse.tool.id": "c1", "pulse.tool.name": "search"}
        trace = client.only_trace(
            span(FULL, traceId="t", spanId="root"),
            span(tool, traceId="t", parentSpanId="root", start=1),
            span(tool, traceId="t", parentSpanId="root", start=2),
            span({**tool, "pulse.tool.id": "c2"}, traceId="t", parentSpanId="root", start=3),
        )
        assert (trace["toolCallCount"], trace["metadata"]["toolCalls"]) == (2, 2)
        assert trace["spans"][1]["label"] == "search"

    def test_tools_alone(self, client: Client) -> None:
        found = {"pulse.kind": "tool_use", "gen_ai.provider.name": "x", "pulse.cost_cents": 1}
        trace = client.only_trace(span(found))
        assert trace["summary"] == "1 tool calls"
        without = ("provider", "modelRequested", "modelUsed", "inputTokens", "outputTokens")
        assert [trace[name] for name in (*without, "costCents", "requestBody")] == [None] * 7

    def test_any_failed_span_fails_the_trace(self, client: Client) -> None:
        tool = {"pulse.kind": "tool_use", "pulse.error": '{"message":"m"}', "service.name": "tools"}
        trace = client.only_trace(
            span(FULL, traceId="t"), span(tool, traceId="t", start=1, status={"code": 2})
        )
        assert (trace["status"], trace["error"]) == ("error", {"message": "m"})
        assert trace["errorService"] == "tools"

    def test_an_error_shows_even_if_all_succeeded(self, client: Client) -> None:
        trace = client.only_trace(span({"pulse.error": "odd"}))
        assert (trace["status"], trace["error"]) == ("success", "odd")


class TestReads:
    def test_paging_newest_first(self, client: Client) -> None:
        client.send(*[span(traceId=f"t{i}", start=i) for i in range(5)])
        client.stored(5)
        pages = [client.get("/v1/traces", limit=2, offset=offset).json() for offset in (0, 2, 4)]
        assert [[t["traceId"] for t in page["traces"]] for page in pages] == [
            ["t4", "t3"], ["t2", "t1"], ["t0"],
        ]  # fmt: skip
        assert {(p["total"], p["limit"]) for p in pages} == {(5, 2)}
        default = client.get("/v1/traces").json()
        assert (default["limit"], default["offset"], len(default["traces"])) == (100, 0, 5)
        spans = client.get("/v1/spans", limit=1, offset=1).json()
        assert [one["traceId"] for one in spans["spans"]] == ["t3"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, ["b", "a"]),
            ({"unknown": "x"}, ["b", "a"]),
            ({"session_id": SESSION}, ["a"]),
            ({"provider": "openai"}, ["a"]),
            ({"provider": "azure.ai.openai"}, ["b"]),
            ({"model": "gpt-4o-mini"}, ["a"]),
            ({"model": "gpt-4o-mini-2024-07-18"}, ["a"]),
            ({"service": "app"}, []),
            ({"source": "codex"}, ["b"]),
            ({"status": "error"}, ["b"]),
            ({"status": "success"}, ["a"]),
            ({"date_from": "2023-11-15"}, ["b"]),
            ({"date_to": "2023-11-14"}, ["a"]),
            ({"date_from": "2023-11-14", "date_to": "2023-11-15"}, ["b", "a"]),
            ({"date_from": "2023-11-14T22:13:20.001Z"}, ["b"]),
            ({"date_from": "2023-11-14T23:13:20+01:00"}, ["b", "a"]),
            ({"date_to": START_MS}, ["a"]),
            ({"date_to": START_MS // 1000}, ["a"]),
        ],
    )
    def test_trace_filters(
        self, client: Client, query: dict[str, Any], expected: list[str]
    ) -> None:
        other = {"gen_ai.provider.name": "azure.ai.openai", "pulse.source": "codex"}
        client.send(
            span(FULL, traceId="a"),
            span({**other, "pulse.event_type": "x"}, traceId="b", start=86_400_000),
            span(traceId="b", start=86_400_001, status={"code": 2}),
        )
        client.stored(3)
        found = client.get("/v1/traces", **query).json()
        assert [trace["traceId"] for trace in found["traces"]] == expected
        assert found["total"] == len(expected)
        assert all(trace["spanCount"] == (2 if trace["traceId"] == "b" else 1)
                   for trace in found["traces"])  # fmt: skip

    @pytest.mark.parametrize(
        ("path", "name", "value"),
        [
            ("/v1/traces", "session_id", "my-session"),
            ("/v1/traces", "session_id", ""),
            ("/v1/traces", "session_id", "12345678-1234-1234-1234-123456789abc"),
            ("/v1/traces", "status", "ok"),
            ("/v1/traces", "source", "python"),
            ("/v1/traces", "limit", "0"),
            ("/v1/traces", "limit", "1001"),
            ("/v1/traces", "limit", "x"),
            ("/v1/traces", "offset", "-1"),
            ("/v1/traces", "date_from", "yesterday"),
            ("/v1/traces", "date_to", "2023-13-01"),
            ("/v1/spans", "kind", "chain"),
            ("/v1/spans", "limit", "1001"),
        ],
    )
    def test_bad_values(self, client: Client, path: str, name: str, value: str) -> None:
        answer = client.get(path, **{name: value})
        assert answer.status_code == 400
        assert answer.json()["error"] == "Validation failed"
        assert [detail["path"] for detail in answer.json()["details"]] == [[name]]

    def test_hidden_event_types_make_no_trace_in_the_list(self, client: Client) -> None:
        client.send(
            span({"pulse.event_type": "session_start", "pulse.kind": "session"}, traceId="a"),
            span({"pulse.event_type": "session_end", "pulse.kind": "session"}, traceId="b"),
            span(traceId="b"),
        )
        client.stored(3)
        found = client.get("/v1/traces").json()
        assert ([trace["traceId"] for trace in found["traces"]], found["total"]) == (["b"], 1)
        assert client.trace("a")["traceId"] == "a"

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"session_id": "my session"}, 1),
            ({"trace_id": "t"}, 2),
            ({"kind": "tool_use"}, 1),
            ({"tool_name": "search"}, 1),
            ({"status": "error"}, 1),
            ({"service": "app"}, 3),
            ({"source": "codex"}, 0),
            ({"trace_id": "t", "status": "success"}, 1),
        ],
    )
    def test_span_filters(self, client: Client, query: dict[str, str], count: int) -> None:
        client.send(
            span({"pulse.session_id": "my session"}, traceId="t"),
            span({"pulse.kind": "tool_use"}, traceId="t", name="search", status={"code": 2}),
            span(),
            resource={"service.name": "app"},
        )
        client.stored(3)
        found = client.get("/v1/spans", **query).json()
        assert (found["total"], len(found["spans"])) == (count, count)

    def test_one_span(self, client: Client) -> None:
        client.send(span(spanId="a/b c", traceId="t"))
        client.stored(1)
        assert client.get(f"/v1/spans/{quote('a/b c', safe='')}").json()["traceId"] == "t"

    @pytest.mark.parametrize("session", [SESSION, "my session", "a/b?c=%20&ü", "x/spans"])
    def test_a_session_of_any_name(self, client: Client, session: str) -> None:
        client.send(
            span({"pulse.session_id": session}, traceId="late", start=5),
            span({"pulse.session_id": session}, traceId="early", start=1),
            span({"pulse.session_id": "other"}, traceId="early", start=2),
        )
        client.stored(3)
        path = f"/v1/sessions/{quote(session, safe='')}"
        found = client.get(path).json()
        assert found["sessionId"] == session
        # Only the spans that name the session, oldest trace first.
        assert [t["traceId"] for t in found["traces"]] == ["early", "late"]
        assert [t["spanCount"] for t in found["traces"]] == [1, 1]
        spans = client.get(f"{path}/spans").json()["spans"]
        assert [one["traceId"] for one in spans] == ["early", "late"]

    def test_many_senders_at_once(self, client: Client) -> None:
        def send() -> None:
            for _ in range(5):
                client.send(*[span() for _ in range(10)])

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.stored(200)


class TestPage:
    def test_it_lists_all_projects_and_escapes_what_they_sent(
        self, client: Client, url: str
    ) -> None:
        client.only_trace(span({**FULL, "pulse.output_text": "<script>alert(1)</script> " * 20}))
        answer = requests.get(f"{url}/", timeout=TIMEOUT_S)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "&lt;script&gt;alert(1)" in answer.text
        assert "<script" not in answer.text
        for shown in ("gpt-4o-mini-2024-07-18", "10 → 5", "&lt; $0.0001", "10 ms", SESSION):
            assert shown in answer.text

    @pytest.mark.parametrize("path", ["/", "/dashboard/traces/x", "/v1x"])
    def test_any_other_get_is_the_page(self, path: str) -> None:
        with serving(service.create_app()) as base:
            answer = requests.get(base + path, timeout=TIMEOUT_S)
        assert answer.status_code == 200
        assert "No traces yet" in answer.text
        assert f"curl {base}/v1/traces" in answer.text


def test_a_database_file_outlives_the_service(tmp_path: Any) -> None:
    path = str(tmp_path / "spans.db")
    with serving(service.create_app(path)) as base:
        client = Client(base)
        client.send(span(traceId="t"))
        client.stored(1)
    with serving(service.create_app(path)) as base:
        client.url = base
        assert client.trace("t")["traceId"] == "t"
    client.close()
