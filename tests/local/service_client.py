"""What the tests of the development trace service speak to it with: requests over real HTTP."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import requests

START_MS = 1_700_000_000_000
TIMEOUT_S = 10
SESSION = "11111111-1111-4111-8111-111111111111"

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


class Client:
    """One project of the service: as a rule a fresh key, so that tests share no data."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url
        self.key = key or f"pulse_sk_{uuid.uuid4().hex}"
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
