"""Uploads of plain spans, as command-line agents make them, in both generations (§3.8)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import requests

from tests.local.legacy_client import ABSENT
from tests.local.service_client import TIMEOUT_S, Client, eventually

REQUIRED = ["span_id", "session_id", "timestamp", "source", "kind", "event_type", "status"]


@pytest.fixture(params=["client", "legacy_client"])
def either(request: pytest.FixtureRequest) -> Client:
    """A client of each generation."""
    client: Client = request.getfixturevalue(request.param)
    return client


def plain(**fields: Any) -> dict[str, Any]:
    """A plain span with the required fields; `fields` override them."""
    required = {
        "span_id": str(uuid.uuid4()),
        "session_id": "s",
        "timestamp": "2026-11-23T04:00:00.123Z",
        "source": "claude_code",
        "kind": "tool_use",
        "event_type": "post_tool_use",
        "status": "success",
    }
    return {name: value for name, value in {**required, **fields}.items() if value is not ABSENT}


def upload(client: Client, path: str, body: Any) -> requests.Response:
    return requests.post(
        f"{client.url}/v1/spans/{path}",
        json=body,
        headers={"Authorization": f"Bearer {client.key}"},
        timeout=TIMEOUT_S,
    )


def test_a_batch_is_answered_with_what_was_stored(either: Client) -> None:
    sent = plain(trace_id="t", tool_name="Edit", duration_ms=5, tool_input={"a": 1})
    answer = upload(either, "batch", [sent])
    (shown,) = answer.json()["spans"]
    assert (answer.status_code, answer.json()["count"]) == (202, 1)
    assert shown["timestamp"] == "2026-11-23T04:00:00.123Z"
    assert {name for name, value in shown.items() if value is not None} == {
        "spanId", "traceId", "projectId", "sessionId", "timestamp", "durationMs", "source", "kind",
        "eventType", "status", "toolName", "toolInput", "metadata",
    }  # fmt: skip
    assert either.get(f"/v1/spans/{sent['span_id']}").json() == shown
    assert either.get("/v1/spans").json()["spans"] == [shown]
    assert either.get("/v1/sessions/s/spans").json() == {"sessionId": "s", "spans": [shown]}


@pytest.mark.parametrize(
    ("fixture", "answer"),
    [
        ("client", {"count": 0, "skipped": 0, "spans": []}),
        ("legacy_client", {"count": 0, "spans": []}),
    ],
)
def test_an_empty_batch_is_accepted(
    request: pytest.FixtureRequest, fixture: str, answer: Any
) -> None:
    client = request.getfixturevalue(fixture)
    found = upload(client, "batch", [])
    assert (found.status_code, found.json()) == (202, answer)
    queued = upload(client, "async", [])
    assert (queued.status_code, queued.json()) == (202, {"status": "queued", "count": 0})


def test_a_repeated_span_is_skipped(client: Client) -> None:
    one, other = plain(), plain()
    upload(client, "batch", [one])
    answer = upload(client, "batch", [one, other]).json()
    assert (answer["count"], answer["skipped"]) == (1, 1)
    assert [shown["spanId"] for shown in answer["spans"]] == [other["span_id"]]


def test_a_repeated_span_fails_the_legacy_upload_after_what_came_before(
    legacy_client: Client,
) -> None:
    known, before, after = plain(), plain(), plain()
    upload(legacy_client, "batch", [known])
    answer = upload(legacy_client, "batch", [before, known, after])
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal server error"})
    stored = {one["spanId"] for one in legacy_client.get("/v1/spans").json()["spans"]}
    assert stored == {known["span_id"], before["span_id"]}


def test_a_queued_span_is_stored_a_moment_later_and_once(either: Client) -> None:
    one = plain()
    for body in ([one], [one, plain()]):
        answer = upload(either, "async", body)
        assert answer.json() == {"status": "queued", "count": len(body)}
    found = eventually(lambda: either.get("/v1/spans").json(), lambda r: r["total"] == 2)
    assert found["total"] == 2


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_field_is_missed(either: Client, name: str) -> None:
    answer = upload(either, "batch", [plain(), plain(**{name: ABSENT})])
    assert (answer.status_code, answer.json()["error"]) == (400, "Validation failed")
    assert [issue["path"] for issue in answer.json()["details"]] == [[1, name]]
    assert either.get("/v1/spans").json()["total"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timestamp", "2026-11-23"),
        ("source", "python"),
        ("kind", "chain"),
        ("status", "ok"),
        ("duration_ms", -1),
        ("input_tokens", 1.5),
        ("is_interrupt", "true"),
        ("metadata", []),
        ("model", None),
        ("tool_input", None),
        ("parent_span_id", 7),
    ],
)
def test_a_bad_field_refuses_the_upload(either: Client, name: str, value: Any) -> None:
    answer = upload(either, "async", [plain(**{name: value})])
    assert (answer.status_code, answer.json()["details"][0]["path"]) == (400, [0, name])


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [({"source": "sdk"}, [202, 400]), ({"span_id": "no uuid"}, [202, 400]), ({}, [202, 202])],
)
def test_the_legacy_form_takes_uuids_of_agents_only(
    client: Client, legacy_client: Client, fields: dict[str, str], accepted: list[int]
) -> None:
    answers = [upload(one, "batch", [plain(**fields)]) for one in (client, legacy_client)]
    assert [answer.status_code for answer in answers] == accepted


def test_101_spans_are_refused(either: Client) -> None:
    answer = upload(either, "batch", [plain() for _ in range(101)])
    assert (answer.status_code, answer.json()["details"][0]["path"]) == (400, [])


def test_a_body_that_is_no_array_is_refused(either: Client) -> None:
    details = [{
        "expected": "array", "code": "invalid_type", "path": [],
        "message": "Invalid input: expected array, received object",
    }]  # fmt: skip
    answer = upload(either, "batch", {})
    assert answer.json() == {"error": "Validation failed", "details": details}


def test_files_that_agents_edit_are_counted(client: Client) -> None:
    names = ["Edit", "Write", "edit", "Bash"]
    upload(client, "batch", [plain(trace_id="t", tool_name=name) for name in names])
    found = client.trace("t")
    assert (found["filesEdited"], found["summary"]) == (3, "4 tool calls · 3 files edited")
