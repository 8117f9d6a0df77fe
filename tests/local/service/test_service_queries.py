"""Queries: what the services read as a number or a date, and how they refuse the rest (§2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.legacy_client import LegacyClient, trace
from tests.local.service_client import SESSION, START_MS, Client, span

UUID_ISSUE = {
    "origin": "string",
    "code": "invalid_format",
    "format": "uuid",
    "pattern": (
        "/^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-"
        "[0-9a-fA-F]{12}|00000000-0000-0000-0000-000000000000"
        "|ffffffff-ffff-ffff-ffff-ffffffffffff)$/"
    ),
    "path": ["session_id"],
    "message": "Invalid UUID",
}
BAD_VALUES: list[tuple[str, str, dict[str, Any]]] = [
    ("session_id", "my-session", UUID_ISSUE),
    ("session_id", "", UUID_ISSUE),
    ("session_id", "12345678-1234-1234-1234-123456789abc", UUID_ISSUE),
    ("status", "ok", {
        "code": "invalid_value", "values": ["success", "error"], "path": ["status"],
        "message": 'Invalid option: expected one of "success"|"error"',
    }),
    ("limit", "0", {
        "origin": "number", "code": "too_small", "minimum": 1, "inclusive": True,
        "path": ["limit"], "message": "Too small: expected number to be >=1",
    }),
    ("limit", "1001", {
        "origin": "number", "code": "too_big", "maximum": 1000, "inclusive": True,
        "path": ["limit"], "message": "Too big: expected number to be <=1000",
    }),
    ("limit", "x", {
        "expected": "number", "code": "invalid_type", "received": "NaN", "path": ["limit"],
        "message": "Invalid input: expected number, received NaN",
    }),
    ("limit", "1.5", {
        "expected": "int", "format": "safeint", "code": "invalid_type", "path": ["limit"],
        "message": "Invalid input: expected int, received number",
    }),
    ("offset", "-1", {
        "origin": "number", "code": "too_small", "minimum": 0, "inclusive": True,
        "path": ["offset"], "message": "Too small: expected number to be >=0",
    }),
]  # fmt: skip
GOOD_DATES = [
    "2026-11", "2026-11-27", "Nov 27 2026", "27 Nov 2026", "-5", "5", "1795737600", "1795737600000",
    "2026-11-27T10:00:00Z", "2026-11-27T10:00:00.123456789+01:00", "11/27/2026", "",
]  # fmt: skip
READS = [("limit", "1e2", 100), ("limit", " 5", 5), ("limit", "5.0", 5), ("offset", "", 0)]


@pytest.fixture(params=["client", "legacy_client"])
def either(request: pytest.FixtureRequest) -> Client:
    """A client of each generation."""
    client: Client = request.getfixturevalue(request.param)
    return client


@pytest.mark.parametrize(("name", "value", "issue"), BAD_VALUES)
def test_a_bad_value_is_refused_with_its_issue(
    either: Client, name: str, value: str, issue: dict[str, Any]
) -> None:
    answer = either.get("/v1/traces", **{name: value})
    expected = {"error": "Invalid query parameters", "details": [issue]}
    assert (answer.status_code, answer.json()) == (400, expected)


@pytest.mark.parametrize("name", ["date_from", "date_to"])
@pytest.mark.parametrize("value", ["yesterday", "2023-13-01", "1e30", "9" * 20])
def test_a_bad_date_is_refused_without_details(either: Client, name: str, value: str) -> None:
    answer = either.get("/v1/traces", **{name: value})
    assert (answer.status_code, answer.json()) == (400, {"error": f"Invalid {name} parameter"})


@pytest.mark.parametrize("name", ["date_from", "date_to"])
@pytest.mark.parametrize("value", GOOD_DATES)
def test_a_date_that_javascript_reads_is_accepted(either: Client, name: str, value: str) -> None:
    assert either.get("/v1/traces", **{name: value}).status_code == 200


@pytest.mark.parametrize(("name", "value", "read"), READS)
def test_a_number_is_read_as_javascript_does(
    either: Client, name: str, value: str, read: int
) -> None:
    assert either.get("/v1/traces", **{name: value}).json()[name] == read


def test_all_bad_values_are_listed(either: Client) -> None:
    answer = either.get("/v1/traces", status="ok", limit="0", date_from="bad").json()
    assert [issue["path"] for issue in answer["details"]] == [["status"], ["limit"]]


@pytest.mark.parametrize(
    ("name", "value"), [("kind", "chain"), ("source", "python"), ("limit", "1001")]
)
def test_lists_of_spans_refuse_as_lists_of_traces_do(client: Client, name: str, value: str) -> None:
    answer = client.get("/v1/spans", **{name: value})
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid query parameters")
    assert [issue["path"] for issue in answer.json()["details"]] == [[name]]


def test_a_legacy_list_knows_three_providers(legacy_client: LegacyClient) -> None:
    issue = legacy_client.get("/v1/traces", provider="azure").json()["details"][0]
    assert issue["values"] == ["openai", "anthropic", "openrouter"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"date_from": "2023-11"}, 1),
        ({"date_from": "Nov 15 2023"}, 0),
        ({"date_from": "Nov 14 2023", "date_to": "Nov 15 2023"}, 1),
        ({"date_to": "2023-10"}, 0),
        ({"date_to": "-5"}, 0),
    ],
)
def test_a_date_of_javascript_filters(client: Client, query: dict[str, str], expected: int) -> None:
    client.send(span())  # 2023-11-14T22:13:20Z
    client.stored(1)
    assert START_MS == 1_700_000_000_000
    assert client.get("/v1/traces", **query).json()["total"] == expected


def test_lists_of_spans_ignore_provider_and_model(client: Client) -> None:
    client.send(span({"gen_ai.provider.name": "openai", "gen_ai.request.model": "m"}))
    client.stored(1)
    assert client.get("/v1/spans", provider="other", model="other").json()["total"] == 1


@pytest.mark.parametrize(
    ("said", "wanted", "found"),
    [
        ({"pulse.summary": "Greets Pulse"}, "greets", True),
        ({"pulse.metadata.summary": "Greets Pulse"}, "Pulse", True),
        ({"pulse.metadata": {"summary": "Greets Pulse"}}, "Greets Pulse", True),
        ({"pulse.summary": "Greets Pulse"}, "gpt", False),
        ({"pulse.model": "gpt-4o"}, "GPT", True),
        ({"pulse.model": "gpt-4o"}, "zzz", False),
        ({"pulse.kind": "tool_use"}, "1 tool", True),
    ],
)
def test_a_list_of_traces_finds_a_part_of_the_summary_that_is_shown(
    client: Client, said: dict[str, Any], wanted: str, found: bool
) -> None:
    shown = client.only_trace(span(said))["summary"]
    assert client.get("/v1/traces", summary=wanted).json()["total"] == found
    assert (wanted.lower() in shown.lower()) == found


def test_the_legacy_form_knows_no_filter_by_summary(legacy_client: LegacyClient) -> None:
    legacy_client.store(trace(session_id=SESSION))
    assert legacy_client.get("/v1/traces", summary="zzz").json()["total"] == 1
