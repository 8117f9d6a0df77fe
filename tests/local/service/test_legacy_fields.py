"""What the legacy form accepts in each field, and what it refuses (contract §2.1)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.local.legacy_client import ABSENT, FULL, TIMESTAMP, LegacyClient, trace

REQUIRED = (
    "trace_id", "timestamp", "provider", "model_requested", "request_body", "status", "latency_ms",
)  # fmt: skip
UUIDS = ("trace_id", "session_id")
FIXED = uuid.UUID("9ded71ea-68be-44ed-8f4a-fb1de039f005")  # the same in every test process
TEXTS = ("model_used", "provider_request_id", "output_text", "finish_reason")
TOKENS = ("input_tokens", "output_tokens")
OBJECTS = ("request_body", "response_body", "error", "metadata")


def rows(names: tuple[str, ...], *values: Any) -> list[tuple[str, Any]]:
    return [(name, value) for name in names for value in values]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *rows(("session_id",), "0" * 8 + "-0000-0000-0000-" + "0" * 12),
        *rows(("session_id",), "f" * 8 + "-ffff-ffff-ffff-" + "f" * 12),
        *rows(UUIDS, *(str(FIXED)[:14] + f"{v}" + str(FIXED)[15:] for v in (1, 8))),
        *rows(UUIDS, str(FIXED).upper()),
        *rows(("provider",), "openai", "anthropic", "openrouter"),
        *rows(("status",), "success", "error"),
        *rows(("model_requested",), " ", "x" * 10_000),
        *rows(TEXTS, "", "😀 \u2028 \x00"),
        *rows(TOKENS, 0, 1, 2**53 - 1),
        *rows(("latency_ms", "cost_cents"), 0, 0.5, 2**40),
        *rows(OBJECTS, {}, {"a": [{"b": None}]}),
    ],
)
def test_accepted(legacy_client: LegacyClient, name: str, value: Any) -> None:
    """What is accepted is shown as it came."""
    sent = trace(**{name: value})
    answer = legacy_client.batch(sent)

    assert answer.status_code == 202
    camel = {"trace_id": "traceId", "session_id": "sessionId"}.get(name, _camel(name))
    shown = legacy_client.get(f"/v1/traces/{sent['trace_id']}").json()
    assert shown[camel] == value
    assert answer.json()["traces"] == [shown]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *rows(REQUIRED, ABSENT),
        *rows(tuple(FULL), None),
        *rows(UUIDS, "", "x", FIXED.hex, f"{{{FIXED}}}", FIXED.urn, 7),
        *rows(UUIDS, "12345678-1234-1234-1234-123456789abc", f"{FIXED}\n"),
        *rows(UUIDS, "12345678-1234-9234-8234-123456789abc"),
        *rows(("provider",), "azure", "azure.ai.openai", "OpenAI", "google", "bedrock", "", 1),
        *rows(("status",), "ok", "SUCCESS", "", True),
        *rows(("model_requested",), "", 4),
        *rows(TEXTS, 7, {}, []),
        *rows(TOKENS, -1, 1.5, "1", 2**53, True),
        *rows(("latency_ms", "cost_cents"), -1, -0.5, "1", True, []),
        *rows(OBJECTS, [], "x", 1, True),
    ],
)
def test_refused(legacy_client: LegacyClient, name: str, value: Any) -> None:
    """What is not is named, and nothing of the batch is stored."""
    for path in ("batch", "async"):
        answer = legacy_client.upload(path, [trace(), trace(**{name: value}), trace()])

        assert answer.status_code == 400
        assert answer.json()["error"] == "Validation failed"
        assert [detail["path"] for detail in answer.json()["details"]] == [[1, name]]
        assert answer.json()["details"][0]["message"]
    assert legacy_client.ids() == []


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (TIMESTAMP, TIMESTAMP),
        ("2026-11-23T04:00Z", "2026-11-23T04:00:00.000Z"),
        ("2026-11-23T04:00:07Z", "2026-11-23T04:00:07.000Z"),
        ("2026-11-23T04:00:00.5Z", "2026-11-23T04:00:00.500Z"),
        ("2026-11-23T04:00:00.123456789012Z", "2026-11-23T04:00:00.123Z"),
        ("2026-11-23T04:00:00+02:00", "2026-11-23T02:00:00.000Z"),
        ("2026-11-23T23:30:00.250-01:30", "2026-11-24T01:00:00.250Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_timestamps(legacy_client: LegacyClient, sent: str, shown: str) -> None:
    """A date and time with an offset is kept to the millisecond, in UTC."""
    answer = legacy_client.batch(trace(timestamp=sent))

    assert answer.status_code == 202
    assert answer.json()["traces"][0]["timestamp"] == shown


@pytest.mark.parametrize(
    "sent",
    [
        "2026-11-23T04:00:00",
        "2026-11-23T04:00:00+0200",
        "2026-11-23T04:00:00+24:00",
        "2026-11-23T04:00:00z",
        "2026-11-23t04:00:00Z",
        "2026-11-23 04:00:00Z",
        "2026-11-23",
        "2026-02-30T04:00:00Z",
        "2025-02-29T04:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T04:60:00Z",
        "2026-11-23T04:00:60Z",
        "2026-11-23T04:00.5Z",
        "2026-11-23T04:00:00.Z",
        "0001-01-01T00:00:00+01:00",
        "yesterday",
        "",
        1_700_000_000_000,
    ],
)
def test_no_timestamps(legacy_client: LegacyClient, sent: Any) -> None:
    """Anything else is none."""
    answer = legacy_client.batch(trace(timestamp=sent))

    assert answer.status_code == 400
    assert [detail["path"] for detail in answer.json()["details"]] == [[0, "timestamp"]]


def test_whole_numbers_may_be_written_as_fractions(legacy_client: LegacyClient) -> None:
    """`1.0` is a count."""
    answer = legacy_client.batch(trace(input_tokens=1.0))

    assert answer.json()["traces"][0]["inputTokens"] == 1


def test_unknown_fields_are_dropped(legacy_client: LegacyClient) -> None:
    """Nothing of them is shown."""
    answer = legacy_client.batch(trace(project_id="mine", spans=["dropped"]))

    assert answer.status_code == 202
    assert "dropped" not in answer.text
    assert answer.json()["traces"][0]["projectId"] != "mine"


def test_fields_do_not_depend_on_each_other(legacy_client: LegacyClient) -> None:
    """A success may have an error, and an error none."""
    success = trace(status="success", error={"message": "odd"})

    assert legacy_client.batch(success, trace(status="error")).status_code == 202


def test_codes_of_the_issues(legacy_client: LegacyClient) -> None:
    """The details have the form of the service's validation library."""
    answer = legacy_client.batch(
        {
            **trace(),
            "trace_id": "x",
            "provider": "azure",
            "model_requested": "",
            "latency_ms": -1,
            "input_tokens": 1.5,
            "output_tokens": 2**53,
            "metadata": [],
        }
    )

    codes = {detail["path"][1]: detail["code"] for detail in answer.json()["details"]}
    assert codes == {
        "trace_id": "invalid_format",
        "provider": "invalid_value",
        "model_requested": "too_small",
        "latency_ms": "too_small",
        "input_tokens": "invalid_type",
        "output_tokens": "too_big",
        "metadata": "invalid_type",
    }
