"""The analytics, the sessions and the uploads of plain spans, in both generations (§2.5, §3.8)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import requests

from tests.local.legacy_client import LegacyClient, trace
from tests.local.service_client import FULL, TIMEOUT_S, Client, span

PERIOD = {"date_from": "2023-11-14T00:00:00Z", "date_to": "2023-11-16T00:00:00+00:00"}
DAY, NEXT_DAY = "2023-11-14", "2023-11-15"
BOTH_DATES = [["date_from"], ["date_to"]]


@pytest.fixture(params=["client", "legacy_client"])
def either(request: pytest.FixtureRequest) -> Client:
    """A client of each generation."""
    client: Client = request.getfixturevalue(request.param)
    return client


def send_calls(client: Client) -> None:
    """Store two calls of OpenAI in one session, and a failed one of Anthropic a day later."""
    first = {"session_id": str(uuid.uuid4()), "cost_cents": 2, "latency_ms": 10}
    later = {"provider": "anthropic", "status": "error", "timestamp": "2023-11-15T22:00:00Z"}
    tokens = {"input_tokens": 10, "output_tokens": 5}
    timestamp = "2023-11-14T22:13:20Z"
    calls = [
        trace(model_requested="m1", timestamp=timestamp, **first, **tokens),
        trace(model_requested="m1", timestamp=timestamp, **first, **tokens),
        trace(model_requested="m2", session_id=str(uuid.uuid4()), latency_ms=40)
        | {**later, "cost_cents": 1},
    ]
    if isinstance(client, LegacyClient):
        client.store(*calls)
        return
    client.send(*[_as_span(call) for call in calls])
    client.stored(3)


def _as_span(call: dict[str, Any]) -> dict[str, Any]:
    found = {
        "gen_ai.provider.name": call["provider"],
        "gen_ai.request.model": call["model_requested"],
        "pulse.session_id": call["session_id"],
        "pulse.cost_cents": call["cost_cents"],
        **{f"gen_ai.usage.{n}": call[n] for n in ("input_tokens", "output_tokens") if n in call},
    }
    failed = call["status"] == "error"
    start = 85_600_000 if failed else 0
    status = {"code": 2 if failed else 1}
    return span(found, start=start, duration=call["latency_ms"], status=status)


def test_the_calls_of_a_period_are_counted(either: Client) -> None:
    send_calls(either)
    assert either.get("/v1/analytics", **PERIOD).json() == {
        "totalCost": 5,
        "totalRequests": 3,
        "totalSessions": 2,
        "totalTokens": {"input": 20, "output": 10, "total": 30},
        "avgLatency": 20,
        "errorRate": pytest.approx(100 / 3),
        "costOverTime": [
            {"period": DAY, "provider": "openai", "costCents": 4},
            {"period": NEXT_DAY, "provider": "anthropic", "costCents": 1},
        ],
        "costByProvider": [
            {"provider": "openai", "costCents": 4, "requests": 2},
            {"provider": "anthropic", "costCents": 1, "requests": 1},
        ],
        "topModels": [
            {"provider": "openai", "model": "m1", "requests": 2, "costCents": 4,
             "avgLatency": 10, "totalTokens": 30, "errorRate": 0},
            {"provider": "anthropic", "model": "m2", "requests": 1, "costCents": 1,
             "avgLatency": 40, "totalTokens": 0, "errorRate": 100},
        ],
        "computed": {
            "costPerRequest": pytest.approx(5 / 3),
            "tokensPerRequest": 10,
            "costPer1kTokens": pytest.approx(5 / 30 * 1000),
            "tracesPerSession": 1.5,
            "avgInputTokens": pytest.approx(20 / 3),
            "avgOutputTokens": pytest.approx(10 / 3),
        },
    }  # fmt: skip


def test_by_the_hour_the_periods_are_hours(either: Client) -> None:
    send_calls(either)
    found = either.get("/v1/analytics", **PERIOD, group_by="hour").json()
    hours = [one["period"] for one in found["costOverTime"]]
    assert hours == ["2023-11-14 22:00:00", "2023-11-15 22:00:00"]


@pytest.mark.parametrize("path", ["/v1/analytics", "/v1/analytics/spans"])
def test_what_lies_outside_of_the_period_is_not_counted(either: Client, path: str) -> None:
    send_calls(either)
    period = {"date_from": "2023-11-16T00:00:00Z", "date_to": "2023-11-17T00:00:00Z"}
    found = either.get(path, **period).json()
    numbers = [value for value in found.values() if isinstance(value, (int, float))]
    assert set(numbers) == {0}
    assert [value for value in found.values() if isinstance(value, list) and value] == []


@pytest.mark.parametrize("path", ["/v1/analytics", "/v1/analytics/spans"])
@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ({}, BOTH_DATES),
        ({"date_from": "2023-11-14", "date_to": "1700000000"}, BOTH_DATES),
        ({"date_from": "2023-11-14T00:00:00Z", "date_to": "2023-11-14T00:00:00"}, [["date_to"]]),
        ({**PERIOD, "group_by": "week"}, [["group_by"]]),
    ],
)
def test_a_period_has_two_instants(
    either: Client, path: str, query: dict[str, str], paths: list[list[str]]
) -> None:
    answer = either.get(path, **query)
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid query parameters")
    assert [issue["path"] for issue in answer.json()["details"]] == paths


def test_the_spans_of_a_period_are_counted(client: Client) -> None:
    tool = {"pulse.kind": "tool_use", "pulse.tool.name": "search"}
    client.send(
        span(FULL, duration=30, traceId="t"),
        span(tool, duration=10, traceId="t", status={"code": 2}),
        span(tool, duration=20, traceId="t", start=86_400_000),
        span({"pulse.kind": "agent_run"}, duration=40, traceId="t"),
        resource={"service.name": "app"},
    )
    client.stored(4)
    assert client.get("/v1/analytics/spans", **PERIOD).json() == {
        "agentRuns": 1,
        "toolCalls": 2,
        "avgSessionDurationMs": 0,
        "successRate": 75,
        "topTools": [{"name": "search", "count": 2}],
        "totalSpans": 4,
        "errorRate": 25,
        "avgDurationMs": 25,
        "spansByKind": [
            {"kind": "tool_use", "count": 2},
            {"kind": "agent_run", "count": 1},
            {"kind": "llm_call", "count": 1},
        ],
        "spansBySource": [{"source": "sdk", "count": 4}],
        "spansOverTime": [{"period": DAY, "count": 3}, {"period": NEXT_DAY, "count": 1}],
        "serviceStats": [{"service": "app", "requests": 4, "errors": 1, "avgDurationMs": 25}],
    }


def test_the_newest_overview_has_percentiles_of_the_calls(client: Client) -> None:
    client.send(*[span(FULL, duration=ms) for ms in range(1, 101)])
    client.stored(100)
    assert client.get("/v1/analytics/overview-extended", **PERIOD).json() == {
        "available": True,
        "latencyPercentiles": {"p50": 50, "p95": 95, "p99": 99},
        "latencyHistogram": [],
        "series": [
            {"id": "none-all", "name": "Requests", "color": "var(--blue)",
             "points": [{"period": DAY, "value": 100}]}
        ],
        "errorTaxonomy": [],
        "heatmap": [],
    }  # fmt: skip


def test_the_sessions_are_listed_newest_first(client: Client) -> None:
    tool = {"pulse.kind": "tool_use", "pulse.session_id": "old", "pulse.source": "codex"}
    client.send(
        span({"pulse.session_id": "new"}, start=50, status={"code": 2}),
        span({**FULL, "pulse.session_id": "old"}, start=10, traceId="b"),
        span({**FULL, "pulse.session_id": "old"}, start=4, traceId="a"),
        span(tool, traceId="a"),
    )
    client.stored(4)
    found = client.get("/dashboard/api/agent-sessions").json()
    assert (found["total"], found["limit"], found["offset"]) == (2, 100, 0)
    assert [one["sessionId"] for one in found["sessions"]] == ["new", "old"]
    assert found["sessions"][1] == {
        "sessionId": "old",
        "firstTimestamp": "2023-11-14T22:13:20.000Z",
        "lastTimestamp": "2023-11-14T22:13:20.010Z",
        "status": "success",
        "durationMs": 10,
        "agentRuns": 0,
        "toolCalls": 1,
        "totalSpans": 3,
        "errorCount": 0,
        "traceCount": 2,
        "inputTokens": 20,
        "outputTokens": 10,
        "costCents": pytest.approx(0.009),
        "sources": ["sdk", "codex"],
        "source": "sdk",
        "model": "gpt-4o-mini",
    }
    failed = found["sessions"][0]
    assert (failed["status"], failed["errorCount"], failed["costCents"]) == ("error", 1, None)
    page = client.get("/dashboard/api/agent-sessions", limit=1, offset=1).json()
    assert [one["sessionId"] for one in page["sessions"]] == ["old"]


@pytest.mark.parametrize("fixture", ["url", "legacy_url"])
@pytest.mark.parametrize("path", ["/dashboard/api/nonsense", "/dashboard/api/traces"])
def test_the_dashboards_own_routes_need_a_key(
    request: pytest.FixtureRequest, fixture: str, path: str
) -> None:
    answer = requests.get(request.getfixturevalue(fixture) + path, timeout=TIMEOUT_S)
    assert (answer.status_code, sorted(answer.json())) == (401, ["error"])


def test_the_dashboards_list_is_the_list_of_traces(either: Client) -> None:
    send_calls(either)
    assert either.get("/dashboard/api/traces").json() == either.get("/v1/traces").json()
    assert either.get("/dashboard/api/nonsense").text == "404 Not Found"


@pytest.mark.parametrize("path", ["/v1", "/api"])
def test_the_prefix_of_the_routes_is_a_page(either: Client, path: str) -> None:
    answer = either.get(path)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (200, "text/html")
