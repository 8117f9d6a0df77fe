"""Both development services at one address, which speaks the form of one of them at a time."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import requests

from pulse_otel.export.transport.protocol import forms
from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import serving
from tests.conftest import KEY


class ChangingService:
    """`form` says which service is there.

    With `turns` set, the other one takes its place after as many requests that it understood.
    `lost_answers` of the next answers become a 500.
    """

    def __init__(self) -> None:
        self._apps = {"otlp": create_app(), "traces": create_legacy_app()}
        self.form = "otlp"
        self.turns = 0
        self.lost_answers = 0
        self.posts: Counter[tuple[str, str]] = Counter()  # by form and path
        self.url = ""
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {KEY}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "POST":
            await self._apps[self.form](scope, receive, send)
            return
        form = self.form
        self.posts[form, scope["path"]] += 1
        understood = scope["path"] == forms()[form].path
        if self.turns and understood and not self.posts[form, scope["path"]] % self.turns:
            self.form = "traces" if form == "otlp" else "otlp"
        if self.lost_answers and self.posts[form, scope["path"]] > 1:  # the first one asks
            self.lost_answers -= 1
            await self._apps[form](scope, receive, _nowhere)
            await _fail(send)
            return
        await self._apps[form](scope, receive, send)

    def traces(self, form: str, count: int) -> list[dict[str, Any]]:
        """What the service of `form` stored, once it is `count` traces."""
        previous, self.form = self.form, form
        try:
            return self._read(count)
        finally:
            self.form = previous

    def _read(self, count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 15
        while True:
            answer = self.get("/v1/traces", limit=1000)
            found: list[dict[str, Any]] = answer.json()["traces"]
            if len(found) >= count or time.monotonic() > deadline:
                assert len(found) == count
                return found
            time.sleep(0.05)

    def get(self, path: str, **query: Any) -> requests.Response:
        answer = self._http.get(self.url + path, params=query, timeout=10)
        answer.raise_for_status()
        return answer

    def post(self, path: str, body: bytes) -> requests.Response:
        return self._http.post(self.url + path, data=body, timeout=10)

    def close(self) -> None:
        self._http.close()


async def _nowhere(message: Any) -> None:
    return None


async def _fail(send: Any) -> None:
    body = b'{"error":"Internal server error"}'
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def changing_service() -> Iterator[ChangingService]:
    service = ChangingService()
    with serving(service) as service.url:
        yield service
    service.close()
