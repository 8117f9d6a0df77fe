"""What the tests of the legacy form speak to it with: requests over real HTTP."""

from __future__ import annotations

import json
import uuid
from typing import Any

import requests

from tests.local.service_client import SESSION, TIMEOUT_S, Client, eventually

TIMESTAMP = "2026-11-23T04:00:00.123Z"
# A field that is left out, where None would be a null.
ABSENT: Any = object()

FULL: dict[str, Any] = {
    "trace_id": "d0800000-0000-4000-8000-000000000001",
    "timestamp": TIMESTAMP,
    "provider": "openai",
    "model_requested": "gpt-4o",
    "model_used": "gpt-4o-2024",
    "provider_request_id": "r1",
    "request_body": {"model": "gpt-4o"},
    "response_body": {"a": 1},
    "input_tokens": 1,
    "output_tokens": 2,
    "output_text": "hi",
    "finish_reason": "stop",
    "status": "success",
    "error": {"m": 1},
    "latency_ms": 12.75,
    "cost_cents": 0.0123,
    "session_id": SESSION,
    "metadata": {"u": 1},
}


def trace(**fields: Any) -> dict[str, Any]:
    """A trace with the required fields and an id of its own; `fields` override them."""
    required = {
        "trace_id": str(uuid.uuid4()),
        "timestamp": TIMESTAMP,
        "provider": "openai",
        "model_requested": "gpt-4o",
        "request_body": {},
        "status": "success",
        "latency_ms": 12,
    }
    return {name: value for name, value in {**required, **fields}.items() if value is not ABSENT}


class LegacyClient(Client):
    """One project of a service in the legacy form."""

    def upload(self, path: str, body: Any, **options: Any) -> requests.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"{self.url}/v1/traces/{path}"
        return self._http.post(url, data=data, timeout=TIMEOUT_S, **options)

    def batch(self, *traces: Any) -> requests.Response:
        return self.upload("batch", traces)

    def queue(self, *traces: Any) -> requests.Response:
        return self.upload("async", traces)

    def store(self, *traces: Any) -> None:
        answer = self.batch(*traces)
        assert answer.status_code == 202, answer.text

    def ids(self) -> list[str]:
        """The ids of the project's traces, newest first."""
        return [one["traceId"] for one in self.get("/v1/traces", limit=1000).json()["traces"]]

    def ids_when(self, count: int) -> list[str]:
        """As `ids`, as soon as there are `count` of them."""
        found: list[str] = eventually(self.ids, lambda ids: len(ids) >= count)
        assert len(found) == count
        return found
