"""The paths and read routes of the legacy form, and its page (contract §0, §2.5, §2.6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from pulse_otel.local.service.legacy import app as legacy
from pulse_otel.local.serving import serving
from tests.local.legacy_client import LegacyClient, trace
from tests.local.service_client import SESSION, TIMEOUT_S


class TestPaths:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/traces"),
            ("POST", "/v1/traces/"),
            ("POST", "/v1/traces/batch/"),
            ("PUT", "/v1/traces/batch"),
            ("GET", "/v1/traces/"),
            ("GET", "/v1/unknown"),
            ("POST", "/unknown"),
        ],
    )
    @pytest.mark.parametrize("key", ["pulse_sk_good", "bad"])
    def test_unknown_is_a_plain_404(
        self, legacy_url: str, method: str, path: str, key: str
    ) -> None:
        """Whatever the key: the current form's path is one of them."""
        answer = requests.request(
            method,
            legacy_url + path,
            json={"resourceSpans": []},
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
        assert (answer.status_code, answer.text) == (404, "404 Not Found")
        assert answer.headers["Content-Type"].startswith("text/plain")

    def test_health_and_login(self, legacy_url: str) -> None:
        """Are the same in both forms."""
        health = requests.get(f"{legacy_url}/health", timeout=TIMEOUT_S)
        assert (health.status_code, health.json()) == (200, {"status": "ok", "service": "pulse"})
        for key, good in (("pulse_sk_a", True), ("a", False)):
            headers = {"Authorization": f"Bearer {key}"}
            login = requests.post(f"{legacy_url}/v1/auth/login", headers=headers, timeout=TIMEOUT_S)
            assert (login.status_code, login.json()) == (200, {"authenticated": good})

    @pytest.mark.parametrize(
        ("path", "message"),
        [("/v1/traces/any thing", "Trace not found"), ("/v1/sessions/x", "Session not found")],
    )
    def test_unknown_ids(self, legacy_client: LegacyClient, path: str, message: str) -> None:
        answer = legacy_client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": message})

    def test_reading_needs_a_key(self, legacy_url: str) -> None:
        for path in ("/v1/traces", "/v1/traces/x", "/v1/sessions/x"):
            assert requests.get(legacy_url + path, timeout=TIMEOUT_S).status_code == 401


class TestReads:
    def test_what_was_not_sent_is_null(self, legacy_client: LegacyClient) -> None:
        one = trace()
        legacy_client.store(one)
        shown = legacy_client.get(f"/v1/traces/{one['trace_id']}").json()
        assert {name for name, value in shown.items() if value is None} == {
            "sessionId", "modelUsed", "providerRequestId", "responseBody", "inputTokens",
            "outputTokens", "outputText", "finishReason", "error", "costCents", "metadata",
        }  # fmt: skip

    def test_paging_newest_first(self, legacy_client: LegacyClient) -> None:
        traces = [trace(timestamp=f"2026-11-23T04:00:0{second}Z") for second in (3, 1, 2)]
        legacy_client.store(*traces)
        newest_first = [traces[index]["trace_id"] for index in (0, 2, 1)]
        page = legacy_client.get("/v1/traces", limit=2, offset=1).json()
        assert [one["traceId"] for one in page["traces"]] == newest_first[1:]
        assert (page["total"], page["limit"], page["offset"]) == (3, 2, 1)
        default = legacy_client.get("/v1/traces").json()
        assert (default["limit"], default["offset"]) == (100, 0)
        assert [one["traceId"] for one in default["traces"]] == newest_first

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, {"a", "b"}),
            ({"unknown": "x", "source": "x", "service": "x"}, {"a", "b"}),
            ({"session_id": SESSION}, {"a"}),
            ({"provider": "anthropic"}, {"b"}),
            ({"provider": "openrouter"}, set()),
            ({"model": "gpt-4o"}, {"a"}),
            ({"model": "claude-x"}, {"b"}),
            ({"model": "claude-x-1"}, set()),
            ({"model": "", "date_to": ""}, {"a", "b"}),
            ({"status": "error"}, {"b"}),
            ({"date_from": "2023-11-15"}, {"b"}),
            ({"date_to": "2023-11-14"}, {"a"}),
            ({"date_from": "2023-11-14T23:13:20+01:00"}, {"a", "b"}),
            ({"date_from": "2023-11-14T22:13:20.001Z"}, {"b"}),
            ({"date_to": 1_700_000_000_000}, {"a"}),
            ({"date_to": 1_700_000_000}, {"a"}),
        ],
    )
    def test_filters(
        self, legacy_client: LegacyClient, query: dict[str, Any], expected: set[str]
    ) -> None:
        legacy_client.store(
            trace(output_text="a", timestamp="2023-11-14T22:13:20Z", session_id=SESSION),
            trace(
                output_text="b",
                timestamp="2023-11-15T22:13:20Z",
                provider="anthropic",
                model_requested="claude-x",
                model_used="claude-x-1",
                status="error",
            ),
        )
        found = legacy_client.get("/v1/traces", **query).json()
        assert {one["outputText"] for one in found["traces"]} == expected
        assert found["total"] == len(expected)

    def test_a_session_oldest_first(self, legacy_client: LegacyClient, legacy_url: str) -> None:
        """The same session id in another project is another session."""
        late = trace(timestamp="2026-11-23T04:00:09Z", session_id=SESSION)
        early = trace(timestamp="2026-11-23T04:00:01Z", session_id=SESSION)
        other = LegacyClient(legacy_url)
        other.store(trace(session_id=SESSION))
        other.close()
        legacy_client.store(late, early, trace())
        found = legacy_client.get(f"/v1/sessions/{SESSION}").json()
        assert found["sessionId"] == SESSION
        assert [one["traceId"] for one in found["traces"]] == [early["trace_id"], late["trace_id"]]

    def test_projects_do_not_see_each_other(
        self, legacy_client: LegacyClient, legacy_url: str
    ) -> None:
        one = trace(session_id=SESSION)
        legacy_client.store(one)
        other = LegacyClient(legacy_url)
        paths = (f"/v1/traces/{one['trace_id']}", f"/v1/sessions/{SESSION}")
        assert [other.get(path).status_code for path in paths] == [404, 404]
        assert other.get("/v1/traces").json()["total"] == 0
        other.close()


class TestPage:
    def test_it_lists_all_projects_and_escapes_what_they_sent(
        self, legacy_client: LegacyClient, legacy_url: str
    ) -> None:
        sent = trace(
            session_id=SESSION,
            model_used="gpt-4o-2024",
            input_tokens=1234,
            output_tokens=5,
            cost_cents=0.5,
            latency_ms=1200.25,
            output_text="<script>alert(1)</script>",
        )
        legacy_client.store(sent, trace(status="error", error={"message": "it was refused"}))
        answer = requests.get(f"{legacy_url}/", timeout=TIMEOUT_S)
        assert answer.status_code == 200
        assert "<script>" not in answer.text
        for shown in (
            "&lt;script&gt;alert(1)", "gpt-4o-2024", "1,234 → 5", "$0.0050", "1,200 ms", SESSION,
            "it was refused",
        ):  # fmt: skip
            assert shown in answer.text

    def test_an_empty_one_shows_how_to_send_a_trace(self) -> None:
        """And what it shows is accepted."""
        with serving(legacy.create_legacy_app()) as base:
            page = requests.get(f"{base}/dashboard", timeout=TIMEOUT_S).text
            assert f"curl {base}/v1/traces/batch" in page
            example = page.partition("-d '")[2].partition("'")[0]
            client = LegacyClient(base)
            assert client.upload("batch", example.encode()).status_code == 202
            client.close()


def test_a_database_file_outlives_the_service(tmp_path: Path) -> None:
    """What was stored is there again."""
    path, one = str(tmp_path / "traces.db"), trace()
    with serving(legacy.create_legacy_app(path)) as base:
        client = LegacyClient(base)
        client.store(one)
        client.close()
    with serving(legacy.create_legacy_app(path)) as base:
        again = LegacyClient(base, client.key)
        assert again.ids() == [one["trace_id"]]
        again.close()
