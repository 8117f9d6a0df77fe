"""The page of the development trace service, and its database file."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from pulse_otel.local import service
from pulse_otel.local.running import serving
from tests.local.service_client import FULL, SESSION, TIMEOUT_S, Client, span


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
